# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings where several files play together, or where one of them cannot be read."""

from __future__ import annotations

import pytest
from conftest import ALICE, HEAD, SCHEMA, TODAY, alias_dn
from mailroom.build import build
from mailroom.findings import WARNING

GADGET = "domain: gadget.example\naliases: {postmaster: [zoe], abuse: [zoe]}\nmailboxes: {zoe: {name: Zoe}}\n"


def test_a_finding_is_in_the_file_that_has_the_field(tree):
    tree.write("widget.example/a.yml", ALICE)
    tree.write("widget.example/b.yml", "domain: widget.example\n\nlimits: {mailboxes: 0}\nreserved: [alice]\n")
    assert tree.findings() == [
        "widget.example/a.yml:6: mailboxes.alice: alice@widget.example is reserved (widget.example/b.yml:4); "
        "choose another address, or take it out of reserved",
        "widget.example/b.yml:3: limits.mailboxes: the domain has 1 mailboxes, at most 0 are allowed; "
        "remove some, or raise the limit",
    ]


ELSEWHERE = """\
administrators: [zoe@gadget.example]
outgoing: {identity: zoe@gadget.example}
catch_all: [zoe@gadget.example]
domain: widget.example
aliases: {postmaster: [zoe@gadget.example], abuse: [zoe@gadget.example]}
mailboxes:
  bob:
    name: Bob
    aliases: [bob@gadget.example]
    send_as: [sales@gadget.example]
    renamed_from: rob@gadget.example
    expires: {date: 2099-01-01, contact: zoe@gadget.example}
shared:
  desk: {name: Desk, agents: {zoe@gadget.example: send}}
groups:
  team: {name: Team, members: [zoe@gadget.example], posters: [zoe@gadget.example]}
"""


def test_what_an_unreadable_file_may_hold_is_not_called_missing(tree):
    tree.write("widget.example.yml", ELSEWHERE).write("gadget.example.yml", "domain: [\n")
    assert tree.findings() == ["gadget.example.yml:2: broken YAML: did not find expected node content"]


def test_what_a_broken_section_may_hold_is_not_called_missing(tree):
    tree.write("widget.example.yml", ELSEWHERE.replace("    renamed_from: rob@gadget.example\n", ""))
    tree.write("gadget.example.yml", "domain: gadget.example\nmailboxes: []\naliases: 5\n")
    assert tree.findings() == [
        "gadget.example.yml:2: mailboxes: must be a mapping, not a list",
        "gadget.example.yml:3: aliases: must be a mapping, not 5",
    ]


def test_the_same_with_all_files_there(tree):
    tree.write("widget.example.yml", ELSEWHERE)
    places = [finding.partition(": ")[2].partition(": ")[0] for finding in tree.findings()]
    assert places == [
        "administrators",
        "outgoing.identity",
        "mailboxes.bob.aliases",
        "mailboxes.bob.send_as",
        "mailboxes.bob.renamed_from",
        "shared.desk.agents.zoe@gadget.example",
    ]


def test_addresses_outside_that_two_want_are_judged_once(tree):
    tree.write(
        "widget.example.yml",
        ALICE
        + "  bob: {name: Bob, aliases: [x@elsewhere.example]}\n  carl: {name: C, aliases: [x@elsewhere.example]}\n",
    )
    hint = "an alias must be in a domain of these files; mail to other addresses goes elsewhere"
    assert tree.findings() == [
        f"widget.example.yml:{line}: mailboxes.{name}.aliases: x@elsewhere.example is in no hosted domain; {hint}"
        for line, name in ((7, "bob"), (8, "carl"))
    ]


def test_a_catch_all_is_a_way_to_postmaster_and_abuse(tree):
    text = "domain: widget.example\ncatch_all: [alice]\nmailboxes: {alice: {name: Alice}}\n"
    assert alias_dn("@") in tree.write("widget.example.yml", text).entries()


def test_an_open_group_is_a_way_to_postmaster(tree):
    text = HEAD.replace("aliases", "groups").replace("[alice]", "{name: G, members: [alice]}")
    tree.write("widget.example.yml", text + "mailboxes: {alice: {name: Alice}}\n").entries()


def test_a_locked_postmaster_that_passes_mail_on_is_read(tree):
    text = "domain: widget.example\nmailboxes:\n  alice: {name: A}\n  abuse: {name: B}\n"
    text += "  postmaster: {name: P, state: disabled, forwards: [alice]}\n"
    tree.write("widget.example.yml", text).entries()


@pytest.mark.parametrize("fields", ["identity: sales", "identity: help", "send_as: [anything]"])
def test_senders_that_answers_reach_are_fine(tree, fields):
    """An alias, an address of its own, and whatever a catch-all takes."""
    text = "catch_all: [alice]\n" + HEAD + "  sales: [alice]\nmailboxes:\n  alice: {name: A}\n"
    tree.write("widget.example.yml", text + f"  bob: {{name: Bob, aliases: [help], {fields}}}\n").entries()


def test_an_old_name_may_stay_as_an_alias(tree):
    tree.write("widget.example.yml", ALICE + "  anna: {name: A, renamed_from: anne, aliases: [anne]}\n").entries()


def test_a_shared_mailbox_that_passes_mail_on_needs_no_agents(tree):
    text = ALICE + "shared:\n  desk: {name: Desk, forwards: [alice]}\n"
    tree.write("widget.example.yml", text).entries()


def test_a_disabled_domain_may_point_at_another(tree):
    tree.write("widget.example.yml", "state: disabled\n" + ALICE.replace("[alice]", "[zoe@gadget.example]"))
    tree.write("gadget.example.yml", "state: disabled\n" + GADGET).entries()


def test_what_time_and_locks_make_wrong_are_warnings(tree):
    """A person who is locked today, and a day that passes, must not stop tonight's run."""
    locked = "name: Bob, expires: {date: 2020-01-01, contact: alice}"
    text = (
        "administrators: [bob]\n" + HEAD + "  sales: [bob]\nmailboxes:\n  alice: {name: A}\n"
        f"  bob: {{{locked}}}\nshared:\n  desk: {{name: Desk, agents: {{bob: send}}}}\n"
        "groups:\n  team: {name: T, members: [bob], posters: members}\n"
    )
    findings = tree.write("widget.example.yml", text).read().findings
    assert len(findings) == 5
    assert {finding.severity for finding in findings} == {WARNING}


def test_no_documents_are_no_domains(tmp_path):
    assert build([], str(SCHEMA), TODAY).domains == {}
