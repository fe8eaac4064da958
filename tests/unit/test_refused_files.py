# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with account files is said with file, line, field, message and what to do; all at once."""

from __future__ import annotations

import os

import pytest
from conftest import ALICE, HEAD

HASH = "{ARGON2}$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHRzb21l$JGu5sSGCIKqGmWzDLNKUCcT0C8TVfwiuTPaBJYIkn7I"

CASES = {
    "unknown field": (
        ALICE + "  bob: {name: Bob, qouta: 5G}\n",
        "widget.example.yml:7: mailboxes.bob.qouta: unknown field; did you mean quota?",
    ),
    "unknown field that resembles none": (
        ALICE + "zzz: 1\n",
        "widget.example.yml:7: zzz: unknown field; known here: administrators, "
        "alias_domains, aliases, catch_all, customer, defaults, domain, groups, limits, mailboxes, naming, "
        "outgoing, reserved, shared, state",
    ),
    "unknown service": (
        ALICE + "  bob: {name: Bob, services: {imapp: true}}\n",
        "widget.example.yml:7: mailboxes.bob.services.imapp: unknown field; did you mean imap?",
    ),
    "missing name": (
        ALICE + "  bob: {quota: 5G}\n",
        "widget.example.yml:7: mailboxes.bob: name is missing",
    ),
    "mailbox without fields": (
        ALICE + "  bob:\n",
        "widget.example.yml:7: mailboxes.bob: must be a mapping, not nothing",
    ),
    "duplicate key": (
        ALICE + "  alice: {name: Alice Again}\n",
        "widget.example.yml:7: alice: duplicate key, first used on line 6; remove one of the two",
    ),
    "duplicate field": (
        ALICE + "  bob: {name: Bob, name: Robert}\n",
        "widget.example.yml:7: name: duplicate key, first used on line 7; remove one of the two",
    ),
    "bad local part": (
        ALICE + "  Bob Builder: {name: Bob}\n",
        "widget.example.yml:7: mailboxes.Bob Builder: 'Bob Builder' is not a local part: "
        "lower-case letters, digits and _, with single . or - between, at most 64 bytes in UTF-8",
    ),
    "local part that is too long": (
        ALICE + f"  {'b' * 65}: {{name: Bob}}\n",
        f"widget.example.yml:7: mailboxes.{'b' * 65}: has 65 characters, at most 64 are possible",
    ),
    "bad target": (
        ALICE.replace("[alice]", "[alice, '@elsewhere.example']", 1),
        "widget.example.yml:3: aliases.postmaster[1]: "
        "'@elsewhere.example' is not an address: the part before the @ is not valid",
    ),
    "target in a bad domain": (
        ALICE + "  bob: {name: Bob, forwards: [bob@elsewhere]}\n",
        "widget.example.yml:7: mailboxes.bob.forwards[0]: 'bob@elsewhere' is not an address: a domain name needs a dot",
    ),
    "bad alias of a mailbox": (
        ALICE + "  bob: {name: Bob, aliases: [bob+x]}\n",
        "widget.example.yml:7: mailboxes.bob.aliases: 'bob+x' is not a local part: lower-case letters, "
        "digits and _, with single . or - between",
    ),
    "plain-text password": (
        ALICE + "  bob: {name: Bob, password: Secret-Word-12}\n",
        "widget.example.yml:7: mailboxes.bob.password: password in plain text; write {ARGON2}$argon2id$... "
        "or a vaulted value, or leave it out to have a one-time password generated",
    ),
    "weak hash": (
        ALICE + "  bob: {name: Bob, password: '{SSHA}c2VjcmV0LXdvcmQtc2FsdGVk'}\n",
        "widget.example.yml:7: mailboxes.bob.password: password hash of an unknown or weak kind; write "
        "{ARGON2}$argon2id$... or a vaulted value, or leave it out to have a one-time password generated",
    ),
    "damaged hash": (
        ALICE + "  bob: {name: Bob, password: '{ARGON2}$argon2id$v=19$m=4096$oops'}\n",
        "widget.example.yml:7: mailboxes.bob.password: password hash of an unknown or weak kind; write "
        "{ARGON2}$argon2id$... or a vaulted value, or leave it out to have a one-time password generated",
    ),
    "number as password": (
        ALICE + "  bob: {name: Bob, password: 123456789012}\n",
        "widget.example.yml:7: mailboxes.bob.password: must be text, not this; write it in quotes",
    ),
    "bad quota": (
        ALICE + "  bob: {name: Bob, quota: 5 gigabytes}\n",
        "widget.example.yml:7: mailboxes.bob.quota: "
        "'5 gigabytes' is not a size such as 500M, 2G or 1T (powers of 1024), or unlimited",
    ),
    "quota without unit": (
        ALICE + "  bob: {name: Bob, quota: 5000}\n",
        "widget.example.yml:7: mailboxes.bob.quota: must be text, not 5000; write it in quotes",
    ),
    "bad state": (
        ALICE + "  bob: {name: Bob, state: deleted}\n",
        "widget.example.yml:7: mailboxes.bob.state: 'deleted' is not one of active, disabled, quarantined, absent",
    ),
    "bad flag": (
        ALICE + "  bob: {name: Bob, services: {imap: maybe}}\n",
        "widget.example.yml:7: mailboxes.bob.services.imap: must be true or false, not 'maybe'",
    ),
    "targets that are no list": (
        ALICE.replace("[alice]", "alice", 1),
        "widget.example.yml:3: aliases.postmaster: must be a list, not 'alice'; write it in [ ]",
    ),
    "no targets": (
        ALICE.replace("[alice]", "[]", 1),
        "widget.example.yml:3: aliases.postmaster: must not be empty",
    ),
    "target twice": (
        ALICE.replace("[alice]", "[alice, alice]", 1),
        "widget.example.yml:3: aliases.postmaster[1]: 'alice' is listed twice",
    ),
    "target twice in two spellings": (
        ALICE.replace("[alice]", "[alice, Alice@widget.example]", 1),
        "widget.example.yml:3: aliases.postmaster[1]: 'Alice@widget.example' is listed twice",
    ),
    "forwards of a wrong type": (
        ALICE + "  bob: {name: Bob, forwards: alice}\n",
        "widget.example.yml:7: mailboxes.bob.forwards: must be a list or a mapping, not 'alice'; "
        "Where else mail goes; a list keeps a copy in the mailbox, as does keep_copy: true",
    ),
    "empty text": (
        ALICE + "  bob: {name: ''}\n",
        "widget.example.yml:7: mailboxes.bob.name: '' is not text without line breaks or spaces at its ends",
    ),
    "file of another name": (
        ALICE.replace("widget.example", "gadget.example"),
        "widget.example.yml:1: domain: gadget.example is not what the file is called; "
        "rename the file, or correct the domain",
    ),
    "bad domain": (
        ALICE.replace("widget.example", "wid get.example"),
        "widget.example.yml:1: domain: 'wid get' cannot be part of a domain name",
    ),
    "no domain": (
        "mailboxes: {}\n",
        "widget.example.yml:1: domain is missing",
    ),
    "no mapping": (
        "- domain: widget.example\n",
        "widget.example.yml:1: must be a mapping, not a list",
    ),
    "empty": ("# nothing\n", "widget.example.yml:1: the file is empty; it needs at least domain:"),
    "broken YAML": (
        ALICE + "  bob: {name: Bob\n",
        "widget.example.yml:8: broken YAML: did not find expected ',' or '}'",
    ),
    "tab": (
        "domain: widget.example\nmailboxes:\n\talice: {name: Alice}\n",
        "widget.example.yml:3: broken YAML: found character that cannot start any token",
    ),
    "control character": (
        "domain: widget.example\x01\n",
        "widget.example.yml:1: broken YAML: unacceptable character #x0001: control characters are not allowed",
    ),
    "unknown tag": (
        ALICE + "  bob: !person {name: Bob}\n",
        "widget.example.yml:7: broken YAML: could not determine a constructor for the tag '!person'",
    ),
    "key that is no text": (
        "domain: widget.example\n? [a, b]\n: c\n",
        "widget.example.yml:2: broken YAML: a key must be text",
    ),
    "two documents": (
        "domain: widget.example\n---\ndomain: widget.example\n",
        "widget.example.yml:2: broken YAML: but found another document",
    ),
    "wrong encoding": (
        b"domain: widget.example\ncustomer: \xff\xfe\n",
        "widget.example.yml:2: not UTF-8; save the file in UTF-8",
    ),
    "truncated": (
        ALICE + "  bob: {name: 'Bob",
        "widget.example.yml:7: broken YAML: found unexpected end of stream",
    ),
    "dead target": (
        ALICE.replace("[alice]", "[alice, bob]", 1),
        "widget.example.yml:3: aliases.postmaster: bob@widget.example does not exist; "
        "correct the target, or add it as a mailbox or alias",
    ),
    "dead forward": (
        ALICE + "  bob: {name: Bob, forwards: [carl]}\n",
        "widget.example.yml:7: mailboxes.bob.forwards: carl@widget.example does not exist; "
        "correct the target, or add it as a mailbox or alias",
    ),
    "forward to itself": (
        ALICE + "  bob: {name: Bob, forwards: [bob]}\n",
        "widget.example.yml:7: mailboxes.bob.forwards: bob@widget.example is the mailbox itself; "
        "use keep_copy for a local copy",
    ),
    "forward to itself only": (
        ALICE + "  bob: {name: Bob, forwards: {to: [bob], keep_copy: false}}\n",
        "widget.example.yml:7: mailboxes.bob.forwards: bob@widget.example is the mailbox itself; "
        "use keep_copy for a local copy",
    ),
    "alias loop": (
        HEAD + "  one: [two]\n  two: [one]\nmailboxes:\n  alice: {name: Alice}\n",
        "widget.example.yml:5: aliases.one: mail runs in a circle: "
        "one@widget.example -> two@widget.example -> one@widget.example; let one of them lead elsewhere",
    ),
    "alias to itself": (
        HEAD + "  one: [one, alice]\nmailboxes:\n  alice: {name: Alice}\n",
        "widget.example.yml:5: aliases.one: mail runs in a circle: one@widget.example -> one@widget.example; "
        "let one of them lead elsewhere",
    ),
    "loop of forwards": (
        ALICE + "  bob: {name: Bob, forwards: {to: [carl], keep_copy: false}}\n"
        "  carl: {name: Carl, forwards: {to: [bob], keep_copy: false}}\n",
        "widget.example.yml:7: mailboxes.bob: mail runs in a circle: "
        "bob@widget.example -> carl@widget.example -> bob@widget.example; let one of them lead elsewhere",
    ),
    "alias named like a mailbox": (
        HEAD + "  alice: [bob@elsewhere.example]\nmailboxes:\n  alice: {name: Alice}\n",
        "widget.example.yml:5: aliases.alice: alice@widget.example is already used by mailbox "
        "alice@widget.example (widget.example.yml:7); give it to one of them",
    ),
    "address of two mailboxes": (
        ALICE + "  bob: {name: Bob, aliases: [alice]}\n",
        "widget.example.yml:7: mailboxes.bob.aliases: alice@widget.example is already used by mailbox "
        "alice@widget.example (widget.example.yml:6); give it to one of them",
    ),
    "address of a removed mailbox": (
        HEAD + "  bob: [alice]\nmailboxes:\n  alice: {name: Alice}\n  bob: {name: Bob, state: absent}\n",
        "widget.example.yml:5: aliases.bob: bob@widget.example is reserved: its mailbox was removed "
        "(widget.example.yml:8); delete the removed mailbox's lines if the address may be used again",
    ),
    "mail to a removed mailbox": (
        ALICE.replace("[alice]", "[alice, bob]", 1) + "  bob: {name: Bob, state: absent}\n",
        "widget.example.yml:3: aliases.postmaster: bob@widget.example was removed (widget.example.yml:7); "
        "send the mail elsewhere",
    ),
    "alias outside": (
        ALICE + "  bob: {name: Bob, aliases: [bob@elsewhere.example]}\n",
        "widget.example.yml:7: mailboxes.bob.aliases: bob@elsewhere.example is in no hosted domain; "
        "an alias must be in a domain of these files; mail to other addresses goes elsewhere",
    ),
    "no postmaster": (
        ALICE.replace("  postmaster: [alice]\n", ""),
        "widget.example.yml:1: domain: postmaster@widget.example leads nowhere; "
        "add postmaster under aliases: with somebody who reads its mail",
    ),
    "no abuse (a warning)": (
        ALICE.replace("  abuse: [alice]\n", ""),
        "widget.example.yml:1: domain: abuse@widget.example leads nowhere; "
        "add abuse under aliases: with somebody who reads its mail",
    ),
    "postmaster that nobody reads (a warning)": (
        ALICE.replace("name: Alice Liddell", "name: Alice Liddell, state: disabled").replace(
            "abuse: [alice]", "abuse: [a@elsewhere.example]"
        ),
        "widget.example.yml:3: aliases.postmaster: nobody reads mail for postmaster@widget.example: "
        "it ends in mailboxes that nobody can log in to; add somebody who does",
    ),
    "vaulted value in the wrong place": (
        ALICE + "  bob: {name: !vault '$ANSIBLE_VAULT;1.1;AES256'}\n",
        "widget.example.yml:7: mailboxes.bob.name: a vaulted value is not possible here; "
        "expected text without line breaks or spaces at its ends",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_bad_file_is_refused_with_place_and_remedy(tree, name):
    text, expected = CASES[name]
    assert tree.write("widget.example.yml", text).findings() == [expected]


def test_plain_passwords_are_not_repeated_in_messages(tree):
    findings = tree.write("widget.example.yml", ALICE + "  bob: {name: Bob, password: Secret-Word-12}\n").findings()
    assert "Secret-Word-12" not in "".join(findings)


def test_all_findings_of_all_files_come_at_once(tree):
    tree.write(
        "widget.example.yml",
        ALICE + "  bob: {name: Bob, nam: Bob, quota: 1X, aliases: [carl@gadget.example]}\n",
    )
    tree.write(
        "gadget.example.yml",
        "domain: gadget.example\naliases: {postmaster: [nobody]}\nmailboxes: {carl: {name: Carl}}\n",
    )
    assert [finding.split(";")[0] for finding in tree.findings()] == [
        "gadget.example.yml:1: domain: abuse@gadget.example leads nowhere",
        "gadget.example.yml:2: aliases.postmaster: nobody@gadget.example does not exist",
        "widget.example.yml:7: mailboxes.bob.aliases: carl@gadget.example is already used by mailbox "
        "carl@gadget.example (gadget.example.yml:3)",
        "widget.example.yml:7: mailboxes.bob.nam: unknown field",
        "widget.example.yml:7: mailboxes.bob.quota: '1X' is not a size such as 500M, 2G or 1T "
        "(powers of 1024), or unlimited",
    ]


def test_nothing_is_called_missing_while_a_file_cannot_be_read(tree):
    tree.write("widget.example.yml", ALICE.replace("[alice]", "[alice, bob, carl@gadget.example]", 1))
    tree.write("gadget.example.yml", "domain: [\n")
    assert tree.findings() == ["gadget.example.yml:2: broken YAML: did not find expected node content"]


def test_a_domain_in_two_files_is_refused(tree):
    tree.write("widget.example.yml", ALICE).write("sub/widget.example.yml", "domain: widget.example\n")
    assert tree.findings() == [
        "widget.example.yml:1: domain: widget.example is already in sub/widget.example.yml; "
        "put both files into a folder called widget.example, or merge them"
    ]


def test_a_field_of_the_domain_in_two_files_is_refused(tree):
    tree.write("widget.example/a.yml", ALICE + "customer: one\n")
    tree.write("widget.example/b.yml", "domain: widget.example\ncustomer: two\n")
    assert tree.findings() == [
        "widget.example/b.yml:2: customer: already set in widget.example/a.yml:7; keep one of the two"
    ]


def test_one_address_in_two_files_is_refused(tree):
    tree.write("widget.example/a.yml", ALICE)
    tree.write("widget.example/b.yml", "domain: widget.example\nmailboxes:\n  alice: {name: Alice}\n")
    assert tree.findings() == [
        "widget.example/b.yml:3: mailboxes.alice: alice@widget.example is already used by mailbox "
        "alice@widget.example (widget.example/a.yml:6); give it to one of them"
    ]


def test_a_folder_without_account_files_is_refused(tree):
    tree.write("README.md", "nothing")
    assert tree.findings() == [f"{tree.folder}:1: no account files here; expected DOMAIN.yml or DOMAIN/*.yml"]


def test_a_missing_folder_is_refused(tree):
    assert tree.findings() == [f"{tree.folder}:1: cannot be read: No such file or directory"]


@pytest.mark.parametrize("inner", ["", "/widget.example"])
def test_a_folder_that_cannot_be_listed_is_refused(tree, monkeypatch, inner):
    tree.write("widget.example/a.yml", ALICE)
    listdir = os.listdir

    def refuse(folder):
        if folder == f"{tree.folder}{inner}":
            raise PermissionError(13, "Permission denied", folder)
        return listdir(folder)

    monkeypatch.setattr("os.listdir", refuse)
    assert tree.read().domains == {}
    assert [str(finding) for finding in tree.read().findings] == [
        f"{tree.folder}{inner}:1: cannot be read: Permission denied"
    ]


@pytest.mark.parametrize("name", ["alpha.example", "zeta.example"])
def test_an_alias_that_is_somebodys_address_is_the_mistake_in_whatever_file(tree, name):
    tree.write("widget.example.yml", ALICE)
    other = ALICE.replace("widget.example", name)
    tree.write(f"{name}.yml", other + "  bob: {name: Bob, aliases: [alice@widget.example]}\n")
    assert tree.findings() == [
        f"{name}.yml:7: mailboxes.bob.aliases: alice@widget.example is already used by mailbox "
        "alice@widget.example (widget.example.yml:6); give it to one of them"
    ]


def test_yaml_that_nests_without_end_is_refused(tree):
    text = "domain: " + "[" * 5000 + "]" * 5000
    assert tree.write("widget.example.yml", text).findings() == ["widget.example.yml:1: broken YAML: nested too deeply"]


def test_a_strong_hash_is_accepted(tree):
    entries = tree.write("widget.example.yml", ALICE + f"  bob: {{name: Bob, password: '{HASH}'}}\n").entries()
    assert any(entry.get("userPassword") == [HASH] for entry in entries.values())
