# SPDX-License-Identifier: GPL-3.0-or-later
"""How the writes of a plan are cut into transactions, and what is kept out of them."""

from __future__ import annotations

from mailroom import batches
from mailroom.dn import key, parent
from mailroom.operation import ADD, MODIFY, MODRDN, REMOVE, Operation
from mailroom.plan import Change

BASE = "ou=domains,dc=mailroom,dc=example"


def dn(local, domain="a.test"):
    return f"uid={local},ou={domain},{BASE}"


def add(local, unit, domain="a.test"):
    return Operation(ADD, dn(local, domain), (Change("uid", (), (local,)),), local, unit=unit)


def children(*names):
    found = {}
    for name in names:
        found[key(parent(name))] = found.get(key(parent(name)), 0) + 1
    return found


def test_up_to_two_thousand_writes_are_one_transaction():
    work = batches.divide([add(f"u{number}", number) for number in range(2000)], {})
    assert [len(batch) for batch in work.together] == [2000]
    assert (work.before, work.after) == ([], [])


def test_more_are_several_and_no_account_is_in_two_of_them():
    todo = [
        Operation(MODIFY, dn(f"u{number}"), (Change(name, (), ("x",)),), unit=number)
        for number in range(1500)
        for name in ("title", "sn")
    ]
    work = batches.divide(todo, {})
    assert [len(batch) for batch in work.together] == [1000, 1000, 1000]
    units = [{operation.unit for operation in batch} for batch in work.together]
    assert sum(len(found) for found in units) == len(set().union(*units))
    assert [operation for batch in work.together for operation in batch] == todo


def test_a_move_comes_first_with_what_belongs_to_it_and_its_new_domain():
    domain = Operation(ADD, f"ou=b.test,{BASE}", unit=0)
    move = Operation(MODRDN, dn("ann"), new_dn=dn("ann", "b.test"), unit=1)
    after = Operation(MODIFY, dn("ann", "b.test"), unit=1)
    other, rename = add("joann", 2), Operation(MODRDN, dn("anna"), new_dn=dn("hanna"), unit=3)
    work = batches.divide([domain, move, after, other, rename], {})
    assert work.before == [domain, move, after]
    assert work.together == [[other, rename]]


def test_the_last_entry_below_another_is_not_removed_in_a_transaction():
    gone = [Operation(REMOVE, dn(name), unit=number) for number, name in enumerate(("ann", "anna"))]
    assert batches.divide(gone, children(dn("ann"), dn("anna"), dn("joann"))).together == [gone]
    work = batches.divide(gone, children(dn("ann"), dn("anna")))
    assert (work.together, work.after) == ([], gone)


def test_a_domain_is_removed_after_what_is_in_it():
    gone = [Operation(REMOVE, dn("ann"), unit=0), Operation(REMOVE, f"ou=a.test,{BASE}", unit=1)]
    live = children(dn("ann"), f"ou=a.test,{BASE}", f"ou=b.test,{BASE}")
    assert batches.divide(gone, live).after == gone


def test_what_moves_away_counts_as_gone_from_its_domain():
    todo = [
        Operation(MODRDN, dn("ann"), new_dn=dn("ann", "b.test"), unit=0),
        Operation(REMOVE, dn("anna"), unit=1),
    ]
    work = batches.divide(todo, children(dn("ann"), dn("anna"), dn("carl", "b.test")))
    assert (work.before, work.together, work.after) == ([todo[0]], [], [todo[1]])
