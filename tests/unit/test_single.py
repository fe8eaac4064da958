# SPDX-License-Identifier: GPL-3.0-or-later
"""Single objects: what the modules mailbox and mail_domain make of options and of what is there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from conftest import BASE, TODAY, FakeDirectory, applied, domain_with, mailbox_dn
from mailroom.accounts import plan_one
from mailroom.operations import operations
from mailroom.single import check_password, desired_domain, desired_mailbox

DOMAIN = {
    "mailroomQuota": ["1024"],
    "mailroomService": ["imap", "submission"],
    "mailroomCustomer": ["widget"],
}
DN = f"ou=widget.example,{BASE}"


def mailbox(live=None, address="bob@widget.example", state="present", **wanted):
    return desired_mailbox(address, {"state": state, **wanted}, live, DOMAIN)


@pytest.fixture
def bob():
    return mailbox(
        name="Bob Builder",
        quota="5G",
        aliases=["bobby"],
        forwards=["x@elsewhere.example"],
        keep_copy=False,
        phone="+49 30",
        services={"pop3": True},
    )


def test_a_new_mailbox_takes_the_defaults_of_its_domain():
    entry = mailbox(name="Bob Builder")
    assert entry["mailroomQuota"] == ["1024"]
    assert entry["mailroomService"] == ["imap", "submission"]
    assert entry["mailroomManagedBy"] == ["module"]
    assert entry["mailroomDelivery"] == ["bob@widget.example"]


def test_all_that_was_asked_for(bob):
    assert bob["mailroomQuota"] == ["5368709120"]
    assert bob["mailroomAddress"] == ["bob@widget.example", "bobby@widget.example"]
    assert bob["mailroomDelivery"] == ["x@elsewhere.example"]
    assert bob["mailroomService"] == ["imap", "pop3", "submission"]


def test_what_is_left_out_stays(bob):
    assert mailbox(bob) == bob


def test_changes(bob):
    assert mailbox(bob, state="disabled")["mailroomState"] == ["disabled"]
    assert "mailroomQuota" not in mailbox(bob, quota="unlimited")
    assert mailbox(bob, aliases=[])["mailroomAddress"] == ["bob@widget.example"]
    assert mailbox(bob, forwards=[])["mailroomDelivery"] == ["bob@widget.example"]
    assert mailbox(bob, keep_copy=True)["mailroomDelivery"] == ["bob@widget.example", "x@elsewhere.example"]
    assert mailbox(bob, title="Builder")["title"] == ["Builder"]


def test_a_new_name_renames_all_parts_that_are_not_given(bob):
    entry = mailbox(bob, name="Robert Q. Builder", surname="Q. Builder")
    assert (entry["cn"], entry["displayName"]) == (["Robert Q. Builder"], ["Robert Q. Builder"])
    assert (entry["givenName"], entry["sn"]) == (["Robert Q."], ["Q. Builder"])


def test_both_spellings_of_an_address_are_one(bob):
    entry = mailbox(name="Bob", address="bob@bücher.example", aliases=["b"])
    assert mailbox(entry, address="bob@xn--bcher-kva.example") == entry


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({}, "bob@widget.example is new: it needs a name"),
        ({"name": "Bob", "quota": "5"}, "'5' is not a size such as 500M, 2G or 1T, or unlimited"),
        ({"name": "Bob", "address": "Bob Builder@widget.example"}, "not an address"),
        ({"name": "Bob", "aliases": ["a b"]}, "not an address"),
        ({"name": "Bob", "aliases": ["a+b"]}, "is not a local part"),
        ({"name": "Bob", "services": {"ftp": True}}, "unknown services: ftp; known are antispam, antivirus"),
    ],
)
def test_refused_options(wanted, reason):
    with pytest.raises(ValueError, match=reason):
        mailbox(**wanted)


def test_passwords_of_modules():
    check_password("a long password")
    with pytest.raises(ValueError, match="the password has less than 12 characters"):
        check_password("short")
    with pytest.raises(ValueError, match="weak kind"):
        check_password("{SSHA}c2VjcmV0")


def test_domains():
    new = desired_domain("bücher.example", {"state": "present", "quota": "1G", "customer": "b"}, None)
    assert new["mailroomDomainName"] == ["xn--bcher-kva.example", "bücher.example"]
    assert new["mailroomManagedBy"] == ["module"]
    assert desired_domain("bücher.example", {"state": "present"}, new) == new
    changed = desired_domain("bücher.example", {"state": "disabled", "services": {"pop3": False}}, new)
    assert changed["mailroomState"] == ["disabled"]
    assert "pop3" not in changed["mailroomService"]


def one(dn, entry, live, today=TODAY):
    return plan_one(dn, entry, live, BASE, today=today)


def refusals(dn, entry, live):
    return [str(refusal) for refusal in one(dn, entry, live).refusals]


def written(dn, entry, live, today=TODAY):
    """The live entries after the plan for one object."""
    result = one(dn, entry, live, today)
    assert result.refusals == ()
    directory = FakeDirectory(live)
    directory.run(operations(result))
    return directory.entries


def test_one_object_is_made_changed_and_removed_and_others_stay(bob):
    dn = mailbox_dn("bob")
    others = applied(domain_with(2))
    live = written(dn, bob, others)
    assert live[dn]["mailroomStore"] == ["widget.example/bob"]
    assert not one(dn, bob, live).changed
    assert not one(dn, mailbox(live[dn]), live).changed
    disabled = written(dn, mailbox(live[dn], state="disabled"), live)
    assert disabled[dn] == {
        **live[dn],
        "mailroomState": ["disabled"],
        "mailroomDigest": disabled[dn]["mailroomDigest"],
    }
    assert not one(dn, None, others).changed
    assert {dn: entry for dn, entry in disabled.items() if "bob" not in dn} == others


def test_a_removed_object_keeps_its_addresses_for_a_while(bob):
    dn = mailbox_dn("bob")
    live = written(dn, bob, applied(domain_with(2)))
    removed = written(dn, None, live)
    assert removed[dn]["mailroomState"] == ["quarantined"]
    assert removed[dn]["mailroomPurge"] == ["2026-12-21"]
    assert not one(dn, None, removed).changed
    assert written(dn, mailbox(removed[dn]), removed) == live
    reason = (
        "bob@widget.example is kept for Bob Builder until 2027-02-19; bobby@widget.example is kept for Bob Builder "
        "until 2027-02-19. Choose another address, or wait. Account files can say allow_reuse."
    )
    assert refusals(dn, mailbox(removed[dn], name="Other"), removed) == [reason]
    assert dn not in written(dn, None, removed, TODAY + timedelta(90))


def test_a_module_does_not_take_what_others_keep(bob):
    removed = applied(domain_with(1), applied(domain_with(2)))
    entry = mailbox(name="Other", aliases=["box1"])
    assert refusals(mailbox_dn("bob"), entry, removed) == [
        "box1@widget.example for mailbox bob@widget.example is already an address of "
        f"{mailbox_dn('box1')}, where it is kept for Box 1 until 2027-02-19. Choose another, or wait."
    ]


def test_a_mailbox_on_hold_stays(bob):
    dn = mailbox_dn("bob")
    live = written(dn, {**bob, "mailroomHold": ["Case"]}, applied(domain_with(2)))
    assert "bob@widget.example is on hold (Case)" in refusals(dn, None, live)[0]


def test_addresses_in_a_domain_with_further_names():
    names = {**DOMAIN, "mailroomDomainName": ["widget.example", "widget.test"]}
    entry = desired_mailbox("bob@widget.example", {"state": "present", "name": "B", "aliases": ["b"]}, None, names)
    assert entry["mailroomAddress"] == [f"{name}@widget.{end}" for name in ("bob", "b") for end in ("example", "test")]
    again = {"state": "present", "aliases": ["b@widget.test", "b@widget.example"]}
    assert desired_mailbox("bob@widget.example", again, entry, names) == entry


def test_a_mailbox_of_the_account_files_gets_a_new_password_and_nothing_else():
    dn, live = mailbox_dn("box0"), domain_with(1)
    entry = mailbox(live[dn], address="box0@widget.example")
    assert entry["mailroomManagedBy"] == ["accounts"]
    reset = one(dn, {**entry, "userPassword": ["{ARGON2}new"]}, live)
    assert (reset.counts["updates"], reset.refusals) == (1, ())
    expected = [f"{dn} is managed by the account files. Change it there and apply them."]
    assert refusals(dn, mailbox(live[dn], address="box0@widget.example", quota="1G"), live) == expected
    assert refusals(dn, mailbox(live[dn], address="box0@widget.example", state="disabled"), live) == expected
    assert refusals(dn, None, live) == expected
    live[dn] |= {"mailroomState": ["disabled"]}
    assert refusals(dn, {**mailbox(live[dn], address="box0@widget.example"), "userPassword": ["x"]}, live) == []
    live[dn] |= {"mailroomRemoved": ["2026-11-20"]}
    assert refusals(dn, mailbox(live[dn], address="box0@widget.example"), live) == expected


def test_a_foreign_mailbox_is_neither_changed_nor_removed(bob):
    dn = mailbox_dn("bob")
    live = {dn: {**bob, "mailroomManagedBy": ["somebody"]}}
    assert "belongs to somebody else" in refusals(dn, bob, live)[0]
    assert "belongs to somebody else" in refusals(dn, None, live)[0]


def test_an_address_in_use_is_refused(bob):
    live = domain_with(1)
    live[mailbox_dn("box0")]["mailroomAddress"].append("bobby@widget.example")
    assert "bobby@widget.example for mailbox bob@widget.example is already" in refusals(mailbox_dn("bob"), bob, live)[0]


def test_a_domain_with_mailboxes_is_not_removed():
    live = {dn: {**entry, "mailroomManagedBy": ["module"]} for dn, entry in domain_with(1).items()}
    assert refusals(DN, None, live)[0] == (
        f"{DN} cannot be removed: {mailbox_dn('box0')} is below it. Remove or move that entry first."
    )
