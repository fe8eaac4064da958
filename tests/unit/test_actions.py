# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mail hosts are told after a plan."""

from __future__ import annotations

from conftest import BASE, FakeDirectory, applied, mailbox_dn, plan
from mailroom import directory
from mailroom.actions import actions
from mailroom.model import SHARED, Alias, Domain, Mailbox
from mailroom.operations import operations

NOTHING = {"ready": [], "lock": [], "rename": [], "removed": [], "quota": [], "agents": {}}
BUCHER = "xn--bcher-kva.example"


def accounts(*boxes, name="widget.example"):
    domain = Domain(name, mailboxes=list(boxes), aliases=[Alias("sales", name, ("x@elsewhere.example",))])
    return directory.entries([domain], BASE)


def box(local, domain="widget.example", **fields):
    return Mailbox(local, domain, local.title(), **fields)


def told(desired, live, **options):
    return {task: todo for task, todo in actions(plan(desired, live, **options)).items() if todo}


def test_nothing_to_do():
    live = applied(accounts(box("ann")))
    assert actions(plan(accounts(box("ann")), live)) == NOTHING


def test_new_mailboxes_are_made_ready_and_aliases_are_none():
    assert told(accounts(box("bob"), box("ann")), {}) == {"ready": ["ann@widget.example", "bob@widget.example"]}
    assert told(accounts(box("ann", BUCHER), name=BUCHER), {}) == {"ready": [f"ann@{BUCHER}"]}


def test_who_may_not_log_in_any_more_is_locked():
    live = applied(accounts(box("ann"), box("bob"), box("joe", state="disabled"), box("zoe")))
    states = {"ann": "disabled", "bob": "quarantined", "joe": "active", "zoe": "active"}
    desired = accounts(*(box(name, state=state) for name, state in states.items()))
    assert told(desired, live) == {"lock": ["ann@widget.example", "bob@widget.example"]}


def test_removal_and_return():
    live = applied(accounts(box("ann"), box("bob")))
    assert told(accounts(box("bob")), live) == {"removed": ["ann@widget.example"]}
    removed = applied(accounts(box("bob")), live)
    assert told(accounts(box("ann"), box("bob")), removed) == {"ready": ["ann@widget.example"]}
    # Making room for somebody else is nothing to the mail hosts, but the new mailbox is.
    other = Mailbox("ann", "widget.example", "Other")
    todo = told(accounts(other, box("bob")), removed, reuse=["ann@widget.example"])
    assert todo == {"ready": ["ann@widget.example"]}


def test_a_rename_also_one_that_stopped_half_way():
    live = applied(accounts(box("ann"), box("bob")))
    desired = accounts(Mailbox("anna", "widget.example", "Ann"), box("bob"))
    renames = {mailbox_dn("anna"): mailbox_dn("ann")}
    expected = {"ready": ["anna@widget.example"], "rename": [["ann@widget.example", "anna@widget.example"]]}
    assert told(desired, live, renames=renames) == expected
    fake = FakeDirectory(live)
    fake.run(operations(plan(desired, live, renames=renames))[:1])
    assert told(desired, fake.entries, renames=renames) == expected


def test_quotas():
    live = applied(accounts(box("ann", quota=1024)))
    assert told(accounts(box("ann", quota=2048)), live) == {"quota": ["ann@widget.example"]}


def test_agents_of_shared_mailboxes():
    ann = "ann@widget.example"
    live = applied(accounts(box("ann"), box("service", kind=SHARED, agents={ann: "read"})))
    assert told(accounts(box("ann"), box("service", kind=SHARED, agents={ann: "send"})), live) == {
        "agents": {"service@widget.example": {ann: "send"}}
    }
    assert told(accounts(box("ann"), box("service", kind=SHARED)), live) == {"agents": {"service@widget.example": {}}}
