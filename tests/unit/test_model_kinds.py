# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kinds of mailboxes, groups, catch-alls, alias domains and the life cycle become in the directory."""

from __future__ import annotations

from datetime import date

import pytest
from conftest import ALICE, BASE, HEAD, alias_dn, mailbox_dn
from mailroom.directory import DIGEST, Describe, digest, renames
from mailroom.findings import errors

BUECHER = "xn--bcher-kva.example"
PEOPLE = ALICE + "  bob: {name: Bob Builder, aliases: [bobby]}\n  carl: {name: Carl Gauss}\n"


def entries_of(tree, text: str):
    """The entries of widget.example; warnings are no matter here."""
    accounts = tree.write("widget.example.yml", text).read()
    assert errors(accounts.findings) == []
    return tree.desired(accounts)


def box(tree, fields: str, local: str = "dora", text: str = PEOPLE):
    return entries_of(tree, f"{text}  {local}: {{name: Dora Maar, {fields}}}\n")[mailbox_dn(local)]


ALL = ["antispam", "antivirus", "imap", "pop3", "sieve", "submission"]


@pytest.mark.parametrize(
    ("fields", "kind", "services"),
    [
        ("", "person", ALL),
        ("kind: send_only", "send_only", ["antispam", "antivirus", "submission"]),
        ("kind: receive_only", "receive_only", ["antispam", "antivirus", "imap", "pop3", "sieve"]),
        ("kind: send_only, services: {imap: true, antispam: false}", "send_only", ["antivirus", "submission"]),
    ],
)
def test_a_kind_has_the_services_that_it_can_use(tree, fields, kind, services):
    entry = box(tree, fields)
    assert (entry["mailroomKind"], entry["mailroomService"]) == ([kind], services)


def test_a_shared_mailbox_has_agents_and_no_login(tree):
    shared = (
        "shared:\n  desk: {name: The Desk, quota: 10G, aliases: [help], agents: {bob: send, carl: edit, alice: read}}\n"
    )
    entry = entries_of(tree, PEOPLE + shared)[mailbox_dn("desk")]
    assert entry["mailroomKind"] == ["shared"]
    assert entry["mailroomAgent"] == [
        "bob@widget.example send",
        "carl@widget.example edit",
        "alice@widget.example read",
    ]
    assert entry["mailroomService"] == ["antispam", "antivirus"]
    assert entry["mailroomQuota"] == ["10737418240"]
    assert "userPassword" not in entry


def test_agents_with_the_right_to_send_are_senders_of_the_shared_mailbox(tree):
    shared = "shared:\n  desk: {name: The Desk, aliases: [help], agents: {bob: send, carl: edit}}\n"
    entries = entries_of(tree, PEOPLE + shared)
    assert entries[mailbox_dn("bob")]["mailroomSender"] == ["desk@widget.example", "help@widget.example"]
    assert "mailroomSender" not in entries[mailbox_dn("carl")]


@pytest.mark.parametrize("state", ["quarantined", "absent"])
def test_nobody_sends_as_a_shared_mailbox_that_is_locked(tree, state):
    shared = f"shared:\n  desk: {{name: The Desk, state: {state}, agents: {{bob: send}}}}\n"
    assert "mailroomSender" not in entries_of(tree, PEOPLE + shared)[mailbox_dn("bob")]


def test_senders_are_written_under_all_names_of_their_domain(tree):
    tree.write(f"{BUECHER}.yml", HEAD.replace("widget.example", BUECHER) + "mailboxes:\n  alice: {name: A}\n")
    entry = box(tree, "send_as: [bob, ALICE@bücher.example]", text="alias_domains: [widget.test]\n" + PEOPLE)
    assert entry["mailroomSender"] == [
        "bob@widget.example",
        "bob@widget.test",
        f"alice@{BUECHER}",
        "alice@bücher.example",
    ]


def test_alias_domains_give_each_address_further_names(tree):
    entries = entries_of(tree, "alias_domains: [widget.test, bücher.test]\n" + PEOPLE)
    names = ["widget.example", "widget.test", "xn--bcher-kva.test", "bücher.test"]
    assert entries[f"ou=widget.example,{BASE}"]["mailroomDomainName"] == names
    assert entries[mailbox_dn("bob")]["mailroomAddress"] == [
        f"{local}@{name}" for local in ("bob", "bobby") for name in names
    ]
    assert entries[alias_dn("abuse")]["mailroomAddress"] == [f"abuse@{name}" for name in names]
    assert entries[mailbox_dn("bob")]["mailroomUser"] == ["bob@widget.example"]


def test_an_address_under_an_alias_domain_is_the_same_address(tree):
    text = "alias_domains: [widget.test]\n" + PEOPLE.replace("abuse: [alice]", "abuse: [Alice@Widget.Test, bob]")
    entries = entries_of(tree, text)
    assert entries[alias_dn("abuse")]["mailroomDelivery"] == ["alice@widget.example", "bob@widget.example"]


def test_a_catch_all_is_an_alias_without_a_local_part(tree):
    entry = entries_of(tree, "alias_domains: [widget.test]\ncatch_all: [alice, x@elsewhere.example]\n" + PEOPLE)
    assert entry[alias_dn("@")] == {
        "objectClass": ["mailroomAlias"],
        "cn": ["@"],
        "mailroomAddress": ["@widget.example", "@widget.test"],
        "mailroomDelivery": ["alice@widget.example", "x@elsewhere.example"],
        "mailroomState": ["active"],
        "mailroomManagedBy": ["accounts"],
        "mailroomDigest": entry[alias_dn("@")]["mailroomDigest"],
    }


GROUPS = """\
groups:
  team: {name: The Team, members: [bob, x@bücher.test, inner], posters: %s}
  inner: {name: Inner, members: [carl, abuse]}
"""


def test_a_group_entry(tree):
    entry = entries_of(tree, PEOPLE + GROUPS % "anyone")[alias_dn("team")]
    assert entry == {
        "objectClass": ["mailroomGroup"],
        "cn": ["team"],
        "displayName": ["The Team"],
        "mailroomAddress": ["team@widget.example"],
        "mailroomDelivery": ["bob@widget.example", "x@xn--bcher-kva.test", "inner@widget.example"],
        "mailroomState": ["active"],
        "mailroomManagedBy": ["accounts"],
        "mailroomDigest": entry["mailroomDigest"],
    }


MEMBERS = [
    "bob@widget.example",
    "bobby@widget.example",
    "x@xn--bcher-kva.test",
    "x@bücher.test",
    "carl@widget.example",
    "alice@widget.example",
]


@pytest.mark.parametrize(
    ("posters", "written"),
    [
        ("anyone", None),
        ("internal", ["internal"]),
        ("members", MEMBERS),
        ("[carl, y@elsewhere.example]", ["carl@widget.example", "y@elsewhere.example"]),
        ("[carl, inner]", ["carl@widget.example", "alice@widget.example"]),
    ],
)
def test_who_may_post_to_a_group(tree, posters, written):
    entry = entries_of(tree, PEOPLE + GROUPS % posters)[alias_dn("team")]
    assert entry.get("mailroomPoster") == written


def test_an_expired_mailbox_counts_as_disabled_from_its_day_on(tree):
    text = PEOPLE + "  dora: {name: Dora Maar, expires: {date: 2027-03-01, contact: boss@elsewhere.example}}\n"
    tree.write("widget.example.yml", text)
    for today, state in ((date(2027, 2, 28), "active"), (date(2027, 3, 1), "disabled"), (date(2028, 1, 1), "disabled")):
        entry = tree.desired(tree.read(today=today))[mailbox_dn("dora")]
        assert entry["mailroomState"] == [state]
        assert entry["mailroomExpires"] == ["2027-03-01"]
        assert entry["mailroomContact"] == ["boss@elsewhere.example"]


def test_expiry_does_not_free_what_is_locked_harder(tree):
    entry = box(tree, "state: quarantined, expires: {date: 2020-01-01, contact: bob}")
    assert entry["mailroomState"] == ["quarantined"]


def test_a_hold_is_written(tree):
    assert box(tree, 'hold: "Case 2026/17"')["mailroomHold"] == ["Case 2026/17"]


@pytest.mark.parametrize(
    ("fields", "identity"),
    [
        ("", ["bob@widget.example"]),
        ("identity: own", None),
        ("identity: carl", ["carl@widget.example"]),
        ("identity: dora", None),
    ],
)
def test_the_identity_of_a_mailbox_beats_that_of_its_domain(tree, fields, identity):
    entry = box(tree, fields, text="outgoing: {identity: bob}\n" + PEOPLE)
    assert entry.get("mailroomIdentity") == identity


def test_who_is_the_identity_of_a_domain_needs_none(tree):
    entries = entries_of(tree, "outgoing: {identity: bob}\n" + PEOPLE)
    assert "mailroomIdentity" not in entries[mailbox_dn("bob")]


def test_administrators_are_written(tree):
    entries = entries_of(tree, "administrators: [alice, bob]\n" + PEOPLE)
    assert entries[f"ou=widget.example,{BASE}"]["mailroomAdministrator"] == [
        "alice@widget.example",
        "bob@widget.example",
    ]


def test_local_parts_of_any_script_stay_as_they_are_in_nfc(tree):
    entries = entries_of(tree, PEOPLE + "  ju\u0308rgen: {name: Jürgen, aliases: [JÜRG, 雪]}\n")
    entry = entries[mailbox_dn("jürgen")]
    assert entry["mailroomUser"] == ["jürgen@widget.example"]
    assert entry["mailroomAddress"] == ["jürgen@widget.example", "jürg@widget.example", "雪@widget.example"]
    assert "mail" not in entry


def test_where_renamed_mailboxes_come_from(tree):
    tree.write("gadget.example.yml", PEOPLE.replace("widget", "gadget"))
    text = PEOPLE + (
        "  dora: {name: D, renamed_from: dorothea}\n  emil: {name: E, renamed_from: emil@gadget.example}\n"
        "  fred: {name: F, renamed_from: freddy, state: absent}\n"
    )
    accounts = tree.write("widget.example.yml", text).read()
    assert accounts.findings == []
    assert renames(accounts.domains.values(), BASE) == {
        mailbox_dn("dora"): mailbox_dn("dorothea"),
        mailbox_dn("emil"): mailbox_dn("emil", "gadget.example"),
    }


def test_the_digest_sees_what_the_project_owns_and_nothing_else(tree):
    entry = box(tree, "send_as: [bob, carl]")
    assert entry[DIGEST] == [digest(entry)]
    others = {"userPassword": ["x"], "jpegPhoto": ["x"], "mailroomStore": ["x"], "mailroomPurge": ["2027-01-01"]}
    turned = {**entry, "mailroomSender": entry["mailroomSender"][::-1]}
    assert digest({**turned, **others}) == entry[DIGEST][0]
    for changed in ({"cn": ["Else"]}, {"mailroomState": ["disabled"]}, {"ou": ["X"]}, {"mailroomSender": []}):
        assert digest({**entry, **changed}) != entry[DIGEST][0]
    assert len(entry[DIGEST][0]) == 16


@pytest.mark.parametrize(
    ("dn", "classes", "shown"),
    [
        (alias_dn("team"), ["mailroomGroup"], ("group", "team@widget.example")),
        (alias_dn("sales"), ["mailroomAlias"], ("alias", "sales@widget.example")),
        (alias_dn("@"), ["mailroomAlias"], ("alias", "@widget.example")),
        (mailbox_dn("jürgen"), [], ("mailbox", "jürgen@widget.example")),
    ],
)
def test_what_entries_are_called(dn, classes, shown):
    described = Describe(BASE)(dn, {"objectClass": classes})
    assert (described.kind, described.label) == shown
