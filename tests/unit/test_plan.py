# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what is compared, what is shown, and in which order it is done."""

from __future__ import annotations

import json

import pytest
from conftest import BASE, domain_with, mailbox_dn, plan
from mailroom.accounts import pending, remarks, set_passwords
from mailroom.diff import Differ, Rules
from mailroom.plan import MASK, Change, Plan, Refusal, Step

MARKED = {"mailroomManagedBy": ["accounts"]}


def changed(desired, live):
    """{(attribute): (old, new)} of a plan with one update."""
    (step,) = plan(desired, live).steps
    assert step.action == "update"
    return {change.attribute: (change.old, change.new) for change in step.changes}


@pytest.fixture
def widget():
    return domain_with(2)


@pytest.fixture
def live():
    return {dn: dict(entry) for dn, entry in domain_with(2).items()}


def test_nothing_to_do(widget, live):
    result = plan(widget, live)
    assert not result.changed
    assert result.text().startswith("Creates=0, Updates=0, Deletes=0, Existing=3, Checksum=sha256:")
    assert len(result.checksum) == 64


def test_values_are_compared_without_their_order(widget, live):
    live[mailbox_dn("box0")]["mailroomService"] = list(reversed(widget[mailbox_dn("box0")]["mailroomService"]))
    assert not plan(widget, live).changed


def test_names_are_compared_in_any_spelling(widget, live):
    odd = {dn.replace("uid=", "UID=").replace(",ou=", ", OU="): entry for dn, entry in live.items()}
    assert not plan(widget, odd).changed


def test_a_changed_attribute_is_an_update_with_old_and_new_values(widget, live):
    live[mailbox_dn("box0")]["cn"] = ["Old Name"]
    assert changed(widget, live) == {"cn": (("Old Name",), ("Box 0",))}


def test_an_owned_value_that_is_not_desired_goes(widget, live):
    live[mailbox_dn("box0")]["mailroomQuota"] = ["5"]
    assert changed(widget, live) == {"mailroomQuota": (("5",), ())}


def test_attributes_of_others_are_left_alone(widget, live):
    live[mailbox_dn("box0")].update({"jpegPhoto": ["x"], "userPassword": ["{ARGON2}theirs"]})
    live[mailbox_dn("box0")]["objectClass"] = [*live[mailbox_dn("box0")]["objectClass"], "extra"]
    assert not plan(widget, live).changed


def test_a_missing_object_class_is_added_to_those_there(widget, live):
    live[mailbox_dn("box0")]["objectClass"] = ["InetOrgPerson", "extra"]
    old = ("InetOrgPerson", "extra")
    assert changed(widget, live) == {"objectClass": (old, (*old, "mailroomMailbox"))}


def test_an_entry_without_the_mark_is_reported_and_never_removed(widget, live):
    live[mailbox_dn("guest")] = {"cn": ["Guest"]}
    live[mailbox_dn("robot")] = {"cn": ["Robot"], "mailroomManagedBy": ["module"]}
    result = plan(widget, live)
    assert not result.changed
    assert result.foreign == (mailbox_dn("guest"), mailbox_dn("robot"))
    assert "foreign, left alone: guest@widget.example\n" in result.text()
    assert "foreign, left alone: robot@widget.example (by the modules mailbox and mail_domain)\n" in result.text()
    assert result.counts["existing"] == 3


def test_unmarked_entries_are_remarked_on(live):
    assert remarks(live) == []
    live[mailbox_dn("robot")] = {"mailroomManagedBy": ["module"]}
    assert remarks(live) == []
    live.update({mailbox_dn(f"guest{number}"): {} for number in range(6)})
    assert remarks(live) == [
        "6 entries were made by hand or by another program and are left alone: "
        + "; ".join(mailbox_dn(f"guest{number}") for number in range(5))
        + "; ..."
    ]


def test_an_entry_without_the_mark_is_never_changed(widget, live):
    del live[mailbox_dn("box0")]["mailroomManagedBy"]
    result = plan(widget, live)
    assert not result.changed
    assert [str(refusal) for refusal in result.refusals] == [
        f"{mailbox_dn('box0')} exists without mailroomManagedBy: accounts, so it belongs to somebody else. "
        "Remove it, leave it out, or adopt it by setting mailroomManagedBy to accounts on it."
    ]


def test_an_address_of_a_foreign_entry_is_refused_before_the_server_does(widget, live):
    live[mailbox_dn("guest")] = {"mailroomAddress": ["Name0@widget.example"]}
    result = plan({**widget, **domain_with(2, aliases=1)}, live)
    assert [str(refusal) for refusal in result.refusals] == [
        "Name0@widget.example for alias name0@widget.example is already an address of "
        f"{mailbox_dn('guest')}. Take it from there first, or choose another."
    ]


def test_a_domain_with_a_foreign_entry_in_it_is_not_removed(live):
    live[mailbox_dn("guest")] = {"cn": ["Guest"]}
    result = plan({}, live, domain_removals=["widget.example"])
    assert [str(refusal) for refusal in result.refusals] == [
        f"ou=widget.example,{BASE} cannot be removed: {mailbox_dn('guest')} is below it. "
        "Remove or move that entry first."
    ]


def test_text_for_people(widget, live):
    live[mailbox_dn("box0")]["cn"] = ["Old Name"]
    live[mailbox_dn("box0")]["mailroomAddress"] = ["box0@widget.example", "old@widget.example"]
    live[mailbox_dn("gone")] = {**MARKED, "cn": ["Gone"]}
    del live[mailbox_dn("box1")]
    lines = plan(widget, live).text().splitlines()
    assert lines[:4] == [
        "widget.example",
        "  ~ mailbox box0@widget.example",
        "      cn: Old Name -> Box 0",
        "      mailroomAddress: -old@widget.example",
    ]
    assert lines[4] == "  + mailbox box1@widget.example"
    assert "      userPassword: ********" in lines
    assert lines[-4:-1] == [
        "  - mailbox gone@widget.example",
        "      mailroomPurge: 2026-12-21",
        "changed by hand: box0@widget.example",
    ]
    assert lines[-1].startswith("Creates=1, Updates=1, Deletes=1, Existing=3, Checksum=sha256:")


def test_markdown_for_reviews(live):
    result = plan({}, {**live, mailbox_dn("guest"): {"cn": ["Guest"]}})
    lines = result.markdown().splitlines()
    assert lines[:5] == [
        "### widget.example",
        "",
        "```diff",
        "- mailbox box0@widget.example",
        "    mailroomPurge: 2026-12-21",
    ]
    assert "### Foreign entries, left alone" in lines
    assert "- `guest@widget.example`" in lines
    assert "### Refused" in lines
    assert lines[-1] == result.summary


def test_markdown_signs_are_those_of_diffs(widget, live):
    live[mailbox_dn("box0")]["cn"] = ["Old Name"]
    del live[mailbox_dn("box1")]
    lines = plan(widget, live).markdown().splitlines()
    assert "! mailbox box0@widget.example" in lines
    assert "+ mailbox box1@widget.example" in lines


def test_json_for_programs(widget, live):
    del live[mailbox_dn("box1")]
    data = json.loads(plan(widget, live).json())
    assert data["counts"] == {
        "creates": 1,
        "updates": 0,
        "renames": 0,
        "deletes": 0,
        "released": 0,
        "existing": 2,
    }
    assert data["steps"][0]["label"] == "box1@widget.example"
    assert {"attribute": "userPassword", "old": [], "new": [MASK]} in data["steps"][0]["changes"]


def test_secrets_are_in_no_rendering():
    secret = Change("userpassword", ("{ARGON2}old",), ("{ARGON2}new",))
    result = Plan((Step("update", "uid=a", (secret,)),), secrets=frozenset({"userPassword"}))
    shown = result.text() + result.markdown() + result.json()
    assert "ARGON2" not in shown
    assert "  ~ uid=a\n      userpassword: ******** -> ********\n" in result.text()


def test_the_checksum_follows_the_steps_and_not_the_secrets(widget):
    first = plan(widget, {})
    set_passwords(widget, {"box0@widget.example": "{ARGON2}hash"})
    assert plan(widget, {}).checksum == first.checksum
    assert plan(domain_with(3), {}).checksum != first.checksum


def test_order_of_input_does_not_matter(widget):
    backwards = dict(reversed(widget.items()))
    assert plan(widget, {}).json() == plan(backwards, {}).json()


def test_ordered_attributes_can_change_in_order_alone():
    differ = Differ(Rules(ordered=("olcAccess",)))
    result = differ.plan({"cn=a": {"olcAccess": ["1", "2"]}}, {"cn=a": {"olcAccess": ["2", "1"]}})
    assert "olcAccess: another order" in result.text()
    assert differ.plan({"cn=a": {"olcAccess": ["1", "2"]}}, {"cn=a": {"olcAccess": ["1", "2"]}}).steps == ()


def test_without_rules_all_live_entries_are_ours_and_only_desired_attributes_count():
    live = {"cn=a": {"x": ["1"], "y": ["1"]}, "cn=b": {}}
    result = Differ(Rules()).plan({"cn=a": {"x": ["2"]}}, live)
    assert [(step.action, step.name) for step in result.steps] == [("update", "cn=a"), ("delete", "cn=b")]
    assert result.text().startswith("(all)\n  ~ cn=a\n      x: 1 -> 2\n  - cn=b\n")
    assert [step.name for step in Differ(Rules()).plan({"cn=a": {}}, live, remove=False).steps] == []


def test_a_refusal_without_a_hint_is_just_its_message():
    assert str(Refusal("No.")) == "No."


def test_new_mailboxes_without_password_are_pending(widget, live):
    del live[mailbox_dn("box1")]
    assert pending(plan(widget, live)) == ["box1@widget.example"]
    set_passwords(widget, {"box1@widget.example": "{ARGON2}hash"})
    assert pending(plan(widget, live)) == []


def test_near_miss_names_are_not_touched():
    live = domain_with(0)
    for local in ("ann", "anna", "joann"):
        live[mailbox_dn(local)] = {**MARKED, "cn": [local]}
    desired = {dn: entry for dn, entry in live.items() if dn != mailbox_dn("ann")}
    assert [step.name for step in plan(desired, live).steps] == [mailbox_dn("ann")]
