# SPDX-License-Identifier: GPL-3.0-or-later
"""For any two sets of accounts: the plan between them passes the server's guards, predicts, reverses, and can stop."""

from __future__ import annotations

import ast
from collections import Counter
from datetime import timedelta

from conftest import BASE, ROOT, TODAY, FakeDirectory, plan
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mailroom import directory
from mailroom.directory import FORMER, PASSWORD, REMOVED, STORE
from mailroom.limits import Limits
from mailroom.model import DISABLED, PERSON, QUARANTINED, READ, SEND, SHARED, Alias, Domain, Group, Mailbox
from mailroom.operations import batches, operations

NAMES = ["ann", "anna", "joann", "bob", "sales", "ül"]
PEOPLE = ["Ann Lee", "Bob Builder"]
DOMAINS = ["widget.example", "xn--bcher-kva.example", "gadget.example"]
FURTHER_NAME = "widget.test"
NO_LIMITS = Limits(few=10**6, many=10**6)
# Whoever is asked says yes.
WORDS = {
    "reuse": [f"{name}@{domain}" for name in NAMES for domain in [*DOMAINS, FURTHER_NAME]],
    "domain_removals": DOMAINS,
    "no_administrator": DOMAINS,
}

days = st.sampled_from([0, 1, 31, 89, 90, 91, 200])


@st.composite
def account_sets(draw):
    """(desired entries, renames) of up to three domains in which each address has one owner."""
    domains = [Domain(name) for name in draw(st.lists(st.sampled_from(DOMAINS), unique=True))]
    everybody: list[Mailbox] = []
    for domain in domains:
        for local in draw(st.lists(st.sampled_from(NAMES), unique=True)):
            draw(objects(domain, local, everybody))
    if domains and draw(st.booleans()):
        draw(st.sampled_from(domains)).alias_names = (FURTHER_NAME,)
    for box in everybody:
        if box.kind == SHARED and draw(st.booleans()):
            box.agents = {draw(st.sampled_from(everybody)).address: draw(st.sampled_from([READ, SEND]))}
    return directory.entries(domains, BASE), directory.renames(domains, BASE)


@st.composite
def objects(draw, domain, local, everybody):
    """Add an object to a domain, and to the list of mailboxes if it is one."""
    kind = draw(st.sampled_from([PERSON, PERSON, SHARED, "alias", "group", "further address"]))
    if kind == "alias":
        domain.aliases.append(Alias(local, domain.name, (f"x@{domain.name}",)))
    elif kind == "group":
        domain.groups.append(Group(local, domain.name, draw(st.sampled_from(PEOPLE)), (f"x@{domain.name}",)))
    elif kind == "further address" and everybody:
        owner = draw(st.sampled_from(everybody))
        owner.aliases = (*owner.aliases, f"{local}@{domain.name}")
    else:
        name = draw(st.sampled_from(PEOPLE))
        box = Mailbox(local, domain.name, name, SHARED if kind == SHARED else PERSON, surname=name.split()[1])
        box.state = draw(st.sampled_from(["active", "active", DISABLED, QUARANTINED]))
        box.quota = draw(st.sampled_from([None, 1024, 2048]))
        if draw(st.integers(0, 2)) == 0:
            box.renamed_from = f"{draw(st.sampled_from(NAMES))}@{draw(st.sampled_from(DOMAINS))}"
        domain.mailboxes.append(box)
        everybody.append(box)


def whole_plan(live, wanted, day):
    """The plan with all words said, or None if it is refused for good (renames in a circle and the like)."""
    desired, renames = wanted
    options = {"today": TODAY + timedelta(day), "limits": NO_LIMITS, "renames": renames, **WORDS}
    first = plan(desired, live, **options)
    made = {step.label for step in (*first.of("create"), *first.of("rename"))}
    removed = Counter(
        step.group
        for step in first.of("delete")
        if step.kind == "mailbox" or (step.kind in ("alias", "group") and step.label not in made)
    )
    result = plan(desired, live, removals=removed, usage=dict.fromkeys(first.needs_usage, 0), **options)
    reasons = [str(refusal) for refusal in result.refusals]
    assert all("renamed_from" in reason or "is already a name of" in reason for reason in reasons), reasons
    return None if reasons else result


def arrive(live, wanted, day):
    """The state of a directory with the server's guards after the plan to what is wanted."""
    result = whole_plan(live, wanted, day)
    assume(result is not None)
    fake = FakeDirectory(live)
    fake.run(operations(result))
    is_reached(fake.entries, wanted, day)
    return fake.entries


def is_reached(live, wanted, day):
    """Nothing is left to do, and what is there beside the desired entries only keeps addresses and mail."""
    desired, renames = wanted
    again = plan(desired, live, today=TODAY + timedelta(day), renames=renames)
    assert (again.steps, again.drift) == ((), ()), again.text()
    assert set(desired) <= set(live)
    assert all(REMOVED in entry for dn, entry in live.items() if dn not in desired)


def decided(live, wanted):
    """What the project decides in the desired entries, as it is in a live state."""
    free = {FORMER, PASSWORD, STORE}
    return {dn: {name: sorted(live[dn][name]) for name in sorted(live[dn].keys() - free)} for dn in wanted[0]}


@settings(deadline=None)
@given(account_sets(), account_sets(), days, days)
def test_there_and_back_again(first, second, later, much_later):
    here = arrive({}, (first[0], {}), 0)
    there = arrive(here, second, later)
    back = arrive(there, (first[0], {}), later + much_later)
    assert decided(back, first) == decided(here, first)


@settings(deadline=None)
@given(account_sets(), account_sets(), days)
def test_the_plan_predicts_exactly_what_changes(first, second, later):
    here = arrive({}, (first[0], {}), 0)
    there = arrive(here, second, later)
    expected = {dn: {name: sorted(values) for name, values in entry.items()} for dn, entry in here.items()}
    steps = whole_plan(here, second, later).steps
    # What leaves its name leaves before another gets it.
    taken = [(step, {} if step.action == "create" else expected.pop(step.before)) for step in steps]
    for step, entry in taken:
        if step.action == "delete" and step.stays is None:
            continue
        for change in step.writes:
            assert sorted(change.old) == entry.get(change.attribute, [])
            entry[change.attribute] = sorted(change.new)
        if step.after != step.before:
            entry["uid"] = [step.after.partition(",")[0].partition("=")[2]]
        expected[step.after] = {name: values for name, values in entry.items() if values}
    assert expected == {dn: {name: sorted(values) for name, values in entry.items()} for dn, entry in there.items()}


@settings(deadline=None)
@given(account_sets(), account_sets(), days, st.data())
def test_a_run_that_stops_anywhere_is_completed_by_another(first, second, later, data):
    here = arrive({}, (first[0], {}), 0)
    goal = arrive(here, second, later)
    todo = operations(whole_plan(here, second, later))
    fake = FakeDirectory(here)
    fake.run(todo[: data.draw(st.integers(0, len(todo)))])
    assert plan(second[0], fake.entries, renames=second[1]).drift == ()
    there = arrive(fake.entries, second, later)
    assert decided(there, second) == decided(goal, second)


@given(account_sets(), account_sets(), st.integers(1, 5))
def test_batches_keep_units_together_and_forget_nothing(first, second, size):
    here = arrive({}, (first[0], {}), 0)
    result = whole_plan(here, second, 1)
    assume(result is not None)
    todo = operations(result)
    found = list(batches(todo, size))
    assert [operation for batch in found for operation in batch] == todo
    places: dict[int, set[int]] = {}
    sizes = Counter(operation.unit for operation in todo)
    for number, batch in enumerate(found):
        assert batch
        assert len(batch) <= size or len({operation.label for operation in batch}) == 1
        for operation in batch:
            if operation.action != "delete":
                places.setdefault(operation.unit, set()).add(number)
    assert all(len(numbers) == 1 or sizes[unit] > size for unit, numbers in places.items())


def _relative_imports(name):
    """Modules of the package that a module of it needs, directly or not."""
    needed, queue = set(), [name]
    while queue:
        tree = ast.parse((ROOT / f"module_utils/mailroom/{queue.pop()}.py").read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module not in needed:
                assert node.module, "from . import x: name the module instead, for Mitogen"
                needed.add(node.module)
                queue.append(node.module)
    return needed


def test_all_that_modules_need_on_the_target_is_sent_along_and_pure():
    """Mitogen sends only what is named in full; and a target has none of the controller's packages."""
    source = (ROOT / "module_utils/mailroom_ansible.py").read_text()
    named = {line.split()[1].rpartition(".")[2] for line in source.splitlines() if "module_utils.mailroom." in line}
    needed = _relative_imports("accounts") | _relative_imports("single") | {"accounts", "single", "codec"}
    assert needed <= named
    for name in named:
        text = (ROOT / f"module_utils/mailroom/{name}.py").read_text()
        assert not any(f"import {package}" in text for package in ("yaml", "argon2", "jsonschema", "ldap")), name
