# SPDX-License-Identifier: GPL-3.0-or-later
"""What valid account files mean: defaults, normal forms, and the directory entries that come of them."""

from __future__ import annotations

import pytest
from conftest import ALICE, BASE, HEAD, ROOT, SCHEMA, TODAY, Tree, alias_dn, mailbox_dn
from mailroom.directory import Describe
from mailroom.findings import errors, warnings
from mailroom.passwords import PENDING
from mailroom.read import read_accounts

BUECHER = "xn--bcher-kva.example"


def box(entries, local="bob", domain="widget.example"):
    return entries[mailbox_dn(local, domain)]


def with_bob(tree: Tree, fields: str, head: str = ALICE):
    return tree.write("widget.example.yml", f"{head}  bob: {{name: Bob Builder, {fields}}}\n").entries()


def test_a_mailbox_of_one_line_has_everything_that_the_daemons_ask_for(tree):
    assert box(with_bob(tree, "")) == {
        "objectClass": ["inetOrgPerson", "mailroomMailbox"],
        "uid": ["bob"],
        "mailroomUser": ["bob@widget.example"],
        "mailroomKind": ["person"],
        "mail": ["bob@widget.example"],
        "cn": ["Bob Builder"],
        "sn": ["Builder"],
        "givenName": ["Bob"],
        "displayName": ["Bob Builder"],
        "mailroomAddress": ["bob@widget.example"],
        "mailroomDelivery": ["bob@widget.example"],
        "mailroomState": ["active"],
        "mailroomService": ["antispam", "antivirus", "imap", "pop3", "sieve", "submission"],
        "mailroomManagedBy": ["accounts"],
        "mailroomDigest": ["f0fd8240efb06403"],
        "userPassword": [PENDING],
    }


def test_a_domain_entry_carries_its_defaults(tree):
    head = "defaults: {quota: 2G, services: {pop3: false}}\ncustomer: widget\n" + ALICE
    assert tree.write("widget.example.yml", head).entries()[f"ou=widget.example,{BASE}"] == {
        "objectClass": ["organizationalUnit", "mailroomDomain"],
        "ou": ["widget.example"],
        "mailroomDomainName": ["widget.example"],
        "mailroomState": ["active"],
        "mailroomCustomer": ["widget"],
        "mailroomQuota": ["2147483648"],
        "mailroomService": ["antispam", "antivirus", "imap", "sieve", "submission"],
        "mailroomManagedBy": ["accounts"],
        "mailroomDigest": ["4165caaf18395e47"],
    }


def test_an_alias_entry(tree):
    text = ALICE.replace("  abuse", "  sales: [alice, Partner@Elsewhere.Example]\n  abuse")
    assert tree.write("widget.example.yml", text).entries()[alias_dn("sales")] == {
        "objectClass": ["mailroomAlias"],
        "cn": ["sales"],
        "mailroomAddress": ["sales@widget.example"],
        "mailroomDelivery": ["alice@widget.example", "Partner@elsewhere.example"],
        "mailroomState": ["active"],
        "mailroomManagedBy": ["accounts"],
        "mailroomDigest": ["c0d438ba0f9e13c2"],
    }


def test_what_a_mailbox_says_beats_the_defaults_of_its_domain(tree):
    head = "defaults: {quota: 2G, services: {pop3: false, sieve: false}}\n" + ALICE
    entries = with_bob(tree, "quota: 500M, services: {pop3: true, imap: false}", head)
    assert box(entries)["mailroomQuota"] == ["524288000"]
    assert box(entries)["mailroomService"] == ["antispam", "antivirus", "pop3", "submission"]
    assert box(entries, "alice")["mailroomQuota"] == ["2147483648"]
    assert "pop3" not in box(entries, "alice")["mailroomService"]


def test_unlimited_beats_a_default_quota(tree):
    head = "defaults: {quota: 2G}\n" + ALICE
    assert "mailroomQuota" not in box(with_bob(tree, "quota: unlimited", head))


@pytest.mark.parametrize(
    ("fields", "delivery"),
    [
        ("forwards: [x@elsewhere.example]", ["bob@widget.example", "x@elsewhere.example"]),
        ("forwards: {to: [alice], keep_copy: true}", ["bob@widget.example", "alice@widget.example"]),
        ("forwards: {to: [alice]}", ["bob@widget.example", "alice@widget.example"]),
        ("forwards: {to: [alice], keep_copy: false}", ["alice@widget.example"]),
        ("forwards: [x@bücher.test]", ["bob@widget.example", "x@xn--bcher-kva.test"]),
        ("forwards: [alice+folder]", ["bob@widget.example", "alice+folder@widget.example"]),
    ],
)
def test_where_mail_of_a_mailbox_goes(tree, fields, delivery):
    assert box(with_bob(tree, fields))["mailroomDelivery"] == delivery


def test_aliases_are_further_addresses_in_lower_case(tree):
    addresses = box(with_bob(tree, "aliases: [Bobby, b.builder@widget.example]"))["mailroomAddress"]
    assert addresses == ["bob@widget.example", "bobby@widget.example", "b.builder@widget.example"]


def test_an_alias_may_be_in_another_hosted_domain(tree):
    tree.write("gadget.example.yml", "domain: gadget.example\naliases: {postmaster: [bob], abuse: [bob]}\n")
    entries = with_bob(tree, "aliases: [bob@gadget.example]")
    assert box(entries)["mailroomAddress"] == ["bob@widget.example", "bob@gadget.example"]


def test_mailboxes_may_forward_to_each_other_if_both_keep_a_copy(tree):
    with_bob(tree, "forwards: [carl]", ALICE + "  carl: {name: Carl, forwards: [bob]}\n")


def test_a_disabled_mailbox_keeps_receiving(tree):
    entry = box(with_bob(tree, "state: disabled"))
    assert (entry["mailroomState"], entry["mailroomDelivery"]) == (["disabled"], ["bob@widget.example"])


def test_an_absent_mailbox_has_no_entry(tree):
    assert mailbox_dn("bob") not in with_bob(tree, "state: absent, aliases: [bobby]")


def test_a_disabled_domain_needs_no_postmaster(tree):
    text = "domain: widget.example\nstate: disabled\n"
    entries = tree.write("widget.example.yml", text).entries()
    assert entries[f"ou=widget.example,{BASE}"]["mailroomState"] == ["disabled"]


def test_postmaster_may_be_a_mailbox_or_read_outside(tree):
    text = """\
        domain: widget.example
        mailboxes: {postmaster: {name: Post Master}}
        aliases: {abuse: [desk], desk: [abuse@elsewhere.example]}
        """
    tree.write("widget.example.yml", text).entries()


def test_person_details(tree):
    details = 'title: Buyer, department: Purchasing, phone: "+49 30 901820", display_name: Bob (Purchasing)'
    entry = box(with_bob(tree, details))
    assert entry["title"] == ["Buyer"]
    assert entry["ou"] == ["Purchasing"]
    assert entry["telephoneNumber"] == ["+49 30 901820"]
    assert entry["displayName"] == ["Bob (Purchasing)"]


@pytest.mark.parametrize(
    ("fields", "given", "surname"),
    [
        ("name: Émilie du Châtelet, given_name: Émilie, surname: du Châtelet", ["Émilie"], ["du Châtelet"]),
        ("name: 佐藤 花, given_name: 花, surname: 佐藤", ["花"], ["佐藤"]),
        ("name: Support", None, ["Support"]),
        ("name: Ana Maria Lopez", ["Ana Maria"], ["Lopez"]),
    ],
)
def test_name_parts(tree, fields, given, surname):
    entry = box(tree.write("widget.example.yml", f"{ALICE}  bob: {{{fields}}}\n").entries())
    assert (entry.get("givenName"), entry["sn"]) == (given, surname)


def test_an_internationalised_domain_answers_for_both_spellings(tree):
    text = HEAD.replace("widget", "bücher") + "mailboxes:\n  alice: {name: Alice, aliases: [al]}\n"
    entries = tree.write("bücher.example.yml", text).entries()
    assert entries[f"ou={BUECHER},{BASE}"]["mailroomDomainName"] == [BUECHER, "bücher.example"]
    entry = box(entries, "alice", BUECHER)
    assert entry["mail"] == [f"alice@{BUECHER}"]
    assert entry["mailroomDelivery"] == [f"alice@{BUECHER}"]
    assert entry["mailroomAddress"] == [
        f"alice@{BUECHER}",
        "alice@bücher.example",
        f"al@{BUECHER}",
        "al@bücher.example",
    ]


def test_a_local_part_is_written_as_mail_servers_fold_it_too(tree):
    text = f"{ALICE}  straße: {{name: A}}\n  bärbel: {{name: B}}\n"
    entries = tree.write("widget.example.yml", text).entries()
    street = box(entries, "straße")
    assert street["mailroomUser"] == ["straße@widget.example"]
    assert street["mailroomAddress"] == ["straße@widget.example", "strasse@widget.example"]
    assert box(entries, "bärbel")["mailroomAddress"] == ["bärbel@widget.example"]


def test_the_two_spellings_of_a_domain_are_one_domain(tree):
    tree.write("bücher.example/a.yml", HEAD.replace("widget", "bücher") + "mailboxes: {alice: {name: A}}\n")
    tree.write("bücher.example/b.yml", f"domain: {BUECHER}\nmailboxes: {{bob: {{name: Bob}}}}\n")
    assert {mailbox_dn("alice", BUECHER), mailbox_dn("bob", BUECHER)} < set(tree.entries())


def test_a_folder_of_files_is_one_domain(tree):
    tree.write("widget.example/a.yml", "defaults: {quota: 1G}\n" + ALICE)
    tree.write("widget.example/b.yml", "domain: widget.example\nmailboxes: {bob: {name: Bob}}\n")
    assert box(tree.entries())["mailroomQuota"] == ["1073741824"]


def test_names_that_yaml_would_guess_at_stay_names(tree):
    text = ALICE + "  on: {name: Onno}\n  007: {name: Bond}\n  2026-01-01: {name: New Year}\n"
    entries = tree.write("widget.example.yml", text).entries()
    assert {mailbox_dn(local) for local in ("on", "007", "2026-01-01")} < set(entries)


def test_a_single_file_can_be_read_and_hidden_ones_are_not(tree):
    tree.write("widget.example.yml", ALICE).write(".hidden.yml", "broken: [").write("notes.txt", "x")
    assert len(tree.entries()) == 4
    accounts = read_accounts(str(tree.folder / "widget.example.yml"), str(SCHEMA), None, TODAY)
    assert list(accounts.domains) == ["widget.example"]


def test_the_accounts_of_the_lab_are_valid():
    accounts = read_accounts(str(ROOT / "inventories/lab/accounts"), str(SCHEMA), None, TODAY)
    assert [str(finding) for finding in accounts.findings] == []
    mailboxes = [mailbox for domain in accounts.domains.values() for mailbox in domain.mailboxes]
    assert len(accounts.domains) >= 4
    assert len(mailboxes) >= 60
    assert any(domain.startswith("xn--") for domain in accounts.domains)
    assert not any(mailbox.password for mailbox in mailboxes)


def test_warnings_and_errors_are_told_apart(tree):
    accounts = tree.write("widget.example.yml", "domain: widget.example\n").read()
    assert [finding.field for finding in errors(accounts.findings)] == ["domain"]
    assert "postmaster" in errors(accounts.findings)[0].message
    assert "abuse" in warnings(accounts.findings)[0].message


@pytest.mark.parametrize(
    ("dn", "shown"),
    [
        (f"ou={BUECHER},{BASE}", ("bücher.example", "domain", "bücher.example")),
        (f"ou=no domain,{BASE}", ("no domain", "domain", "no domain")),
        (f"cn=x,{BASE}", ("x", "entry", "x")),
        (f"ou=x,{mailbox_dn('bob')}", ("widget.example", "entry", f"ou=x,{mailbox_dn('bob')}")),
        (BASE, ("", "", "")),
    ],
)
def test_entries_are_shown_as_people_call_them(dn, shown):
    described = Describe(BASE)(dn, {})
    assert (described.group, described.kind, described.label) == shown
