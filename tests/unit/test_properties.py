# SPDX-License-Identifier: GPL-3.0-or-later
"""For any two sets of accounts: the plan between them passes the server's guards, predicts, and reverses."""

from __future__ import annotations

import ast

from conftest import BASE, ROOT, FakeDirectory, plan
from hypothesis import given, settings
from hypothesis import strategies as st
from mailroom import directory
from mailroom.directory import Describe
from mailroom.gates import Limits
from mailroom.model import Alias, Domain, Mailbox
from mailroom.operations import operations

NAMES = ["ann", "anna", "joann", "bob", "sales"]
DOMAINS = ["widget.example", "xn--bcher-kva.example"]
NO_LIMITS = Limits(few=10**6, many=10**6)


@st.composite
def account_sets(draw):
    """Entries of up to two domains in which each address has one owner."""
    domains = []
    for name in draw(st.lists(st.sampled_from(DOMAINS), unique=True)):
        domain = Domain(name)
        owners: dict[str, Mailbox] = {}
        for local in draw(st.lists(st.sampled_from(NAMES), unique=True)):
            kind = draw(st.sampled_from(["mailbox", "alias", "further"]))
            if kind == "mailbox" or (kind == "further" and not owners):
                owners[local] = Mailbox(local, name, draw(st.sampled_from(["A B", "C D"])))
            elif kind == "alias":
                domain.aliases.append(Alias(local, name, (f"x@{name}",)))
            else:
                owner = owners[draw(st.sampled_from(sorted(owners)))]
                owner.aliases = (*owner.aliases, f"{local}@{name}")
        domain.mailboxes = list(owners.values())
        domains.append(domain)
    return directory.entries(domains, BASE)


def bring(live, desired):
    """Apply the plan from live to desired on a directory with guards; returns (plan, new live state)."""
    counts = {}
    for dn in live:
        domain = Describe(BASE)(dn, {}).group
        counts[domain] = counts.get(domain, 0) + (dn not in desired and not dn.startswith("ou="))
    result = plan(desired, live, allow_removals=counts, limits=NO_LIMITS)
    assert result.refusals == ()
    fake = FakeDirectory(live)
    fake.run(operations(result, "mailroomAddress"))
    return result, fake.entries


@settings(deadline=None)
@given(account_sets(), account_sets())
def test_there_and_back_again(first, second):
    _plan, live = bring({}, first)
    there, other = bring(live, second)
    assert not plan(second, other).changed
    touched = {step.name for step in there.steps}
    assert {dn for dn in {*live, *other} if live.get(dn) != other.get(dn)} <= touched
    _plan, back = bring(other, first)
    assert not plan(first, back).changed


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
