# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes of a plan: their order, what belongs together, and what is there in between."""

from __future__ import annotations

from conftest import BASE, FakeDirectory, alias_dn, applied, domain_with, mailbox_dn, plan
from mailroom import directory
from mailroom.model import Alias, Domain, Group, Mailbox
from mailroom.operation import Operation
from mailroom.operations import batches, operations
from mailroom.plan import Change, Plan, Step

SALES = ["sales@widget.example"]


def model(*things):
    """The entries of widget.example with some objects in it."""
    domain = Domain("widget.example")
    for thing in things:
        kind = {Mailbox: domain.mailboxes, Alias: domain.aliases, Group: domain.groups}[type(thing)]
        kind.append(thing)
    return directory.entries([domain], BASE)


ANN = Mailbox("ann", "widget.example", "Ann Lee")
TEAM = ("team", "widget.example")


def aliased(**aliases):
    """The entries of a domain with two mailboxes that have the given aliases."""
    domain = Domain("widget.example")
    for local in ("box0", "box1"):
        further = tuple(f"{name}@widget.example" for name in aliases.get(local, ()))
        domain.mailboxes.append(Mailbox(local, "widget.example", local.title(), aliases=further))
    return directory.entries([domain], BASE)


def do(desired, before, **words):
    """Bring one set of accounts and then another to a directory with the server's guards."""
    live = applied(before)
    options = {"removals": {"widget.example": 1}, **words}
    after = applied(desired, live, **options)
    assert not plan(desired, after).changed
    return [operation.action for operation in operations(plan(desired, live, **options))]


def test_parents_come_before_children_and_go_after_them():
    desired = domain_with(1, aliases=1)
    created = [operation.dn for operation in operations(plan(desired, {}))]
    assert created[0] == f"ou=widget.example,{BASE}"
    live = applied(desired)
    for dn in (mailbox_dn("box0"),):
        live[dn]["mailroomRemoved"] = ["2026-01-01"]
    removed = [operation.dn for operation in operations(plan({}, live)) if operation.action == "delete"]
    assert removed == [alias_dn("name0"), mailbox_dn("box0"), f"ou=widget.example,{BASE}"]


def test_an_alias_moves_between_mailboxes():
    assert do(aliased(box1=["sales"]), aliased(box0=["sales"]), reuse=SALES) == ["modify"] * 3


def test_two_mailboxes_swap_aliases():
    words = ["a@widget.example", "b@widget.example"]
    assert do(aliased(box0=["a"], box1=["b"]), aliased(box0=["b"], box1=["a"]), reuse=words) == ["modify"] * 4


def test_an_alias_of_a_mailbox_becomes_an_alias_of_its_own():
    desired = {**aliased(), **model(Alias(*TEAM, ("box0@widget.example",)))}
    words = ["team@widget.example"]
    assert do(desired, aliased(box0=["team"]), reuse=words) == ["modify", "modify", "add"]


def test_an_alias_becomes_a_mailbox():
    alias = Alias("ann", "widget.example", ("x@elsewhere.example",))
    assert do(model(ANN), model(alias)) == ["modify", "add", "delete"]


def test_an_alias_becomes_a_group_and_back():
    alias, group = model(ANN, Alias(*TEAM, (ANN.address,))), model(ANN, Group(*TEAM, "Team", (ANN.address,)))
    assert do(group, alias) == ["modrdn", "modify", "add", "delete"]
    assert do(alias, group) == ["modrdn", "modify", "add", "delete"]


def test_a_mailbox_that_goes_leaves_its_alias_to_another():
    desired = aliased(box0=["sales"])
    del desired[mailbox_dn("box1")]
    assert do(desired, aliased(box1=["sales"]), reuse=SALES) == ["modify"] * 3


def test_what_moves_is_in_one_unit_and_everything_else_in_its_own():
    live = applied(aliased(box0=["sales"]))
    desired = aliased(box1=["sales"])
    desired |= {dn: entry for dn, entry in domain_with(9).items() if dn not in desired}
    todo = operations(plan(desired, live, reuse=SALES))
    units = {}
    for operation in todo:
        units.setdefault(operation.unit, []).append(operation.label)
    together = [labels for labels in units.values() if len(labels) > 1]
    assert [sorted(set(labels)) for labels in together] == [["box0@widget.example", "box1@widget.example"]]
    assert len(units) == 8


def test_a_half_done_entry_knows_what_it_lost_and_is_no_drift():
    live = applied(aliased(box0=["sales"]))
    desired = aliased(box1=["sales"])
    fake = FakeDirectory(live)
    fake.run(operations(plan(desired, live, reuse=SALES))[:1])
    box0 = fake.entries[mailbox_dn("box0")]
    assert box0["mailroomFormerAddress"] == ["2026-11-21 sales@widget.example"]
    assert "mailroomDigest" not in box0
    rest = plan(desired, fake.entries, reuse=SALES)
    assert (rest.drift, rest.refusals) == ((), ())
    fake.run(operations(rest))
    assert fake.entries[mailbox_dn("box0")]["mailroomDigest"] == desired[mailbox_dn("box0")]["mailroomDigest"]


def test_a_domain_gets_a_name_that_another_gives_up_in_the_same_run():
    old, new = Domain("widget.example", alias_names=("widget.test",)), Domain("gadget.example")
    live = applied(directory.entries([old, new], BASE))
    old.alias_names, new.alias_names = (), ("widget.test",)
    after = applied(directory.entries([old, new], BASE), live)
    assert after[f"ou=gadget.example,{BASE}"]["mailroomDomainName"] == ["gadget.example", "widget.test"]


def test_a_domain_becomes_a_further_name_of_another_in_one_run():
    live = applied(directory.entries([Domain("widget.example"), Domain("gadget.example")], BASE))
    wanted = directory.entries([Domain("gadget.example", alias_names=("widget.example",))], BASE)
    assert applied(wanted, live).keys() == wanted.keys()


def writes(*units):
    """Operations with the given labels, a text for each unit."""
    return [
        Operation("modify", f"uid={name}", label=name, unit=number)
        for number, unit in enumerate(units)
        for name in unit
    ]


def test_batches_are_filled_with_whole_units():
    found = [[operation.label for operation in batch] for batch in batches(writes("aa", "bc", "d", "e"), 3)]
    assert found == [["a", "a"], ["b", "c", "d"], ["e"]]


def test_a_unit_that_is_too_large_is_divided_between_accounts():
    found = [[operation.label for operation in batch] for batch in batches(writes("x", "aabbc"), 3)]
    assert found == [["x", "a", "a"], ["b", "b", "c"]]
    assert list(batches([], 3)) == []


def test_entries_are_renamed_below_what_is_there_and_before_they_change():
    live = applied(model(ANN))
    moved = Mailbox("ann", "gadget.example", "Ann Lee")
    desired = {**model(), **directory.entries([Domain("gadget.example", mailboxes=[moved])], BASE)}
    todo = operations(plan(desired, live, renames={mailbox_dn("ann", "gadget.example"): mailbox_dn("ann")}))
    assert [(operation.action, operation.new_dn or operation.dn) for operation in todo] == [
        ("add", f"ou=gadget.example,{BASE}"),
        ("modrdn", mailbox_dn("ann", "gadget.example")),
        ("modify", mailbox_dn("ann", "gadget.example")),
    ]


def test_plans_of_other_things_work_too():
    change = Change("a", ("1",), ("2",))
    todo = operations(Plan((Step("update", "cn=x", (change,)), Step("delete", "cn=y", (change,)))))
    assert [(operation.action, operation.dn, operation.label) for operation in todo] == [
        ("modify", "cn=x", "cn=x"),
        ("delete", "cn=y", "cn=y"),
    ]
