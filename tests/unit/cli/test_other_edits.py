# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom domain, group and alias."""

from __future__ import annotations

import pytest
from clitools import SMALL, lab, small


def test_a_new_domain_with_its_first_mailbox(small):
    words = ("domain", "add", "gizmo.example", "--customer", "gizmo", "--quota", "2g", "--mailbox", "info=Gizmo Info")
    ended = small.run(*words)
    assert ended.code == 0, ended.err
    lines = small.text("gizmo.example.yml").splitlines()
    assert lines[0] == "---"
    assert lines[1].startswith("# yaml-language-server: $schema=")
    assert lines[2:] == [
        "domain: gizmo.example",
        "customer: gizmo",
        "defaults: {quota: 2G}",
        "mailboxes:",
        "  info: {name: Gizmo Info}",
        "aliases:",
        "  postmaster: [info]",
        "  abuse: [info]",
    ]
    assert small.run("validate").code == 0
    assert small.run(*words).code == 6
    shown = small.run("domain", "show", "gizmo.example", "--json").json
    assert (shown["customer"], shown["mailboxes"], shown["default_quota"]) == ("gizmo", 1, "2G")


def test_a_domain_that_somebody_else_looks_after(lab):
    words = ("domain", "add", "Käse.example", "--postmaster", "alice.liddell@widget.example")
    assert lab.run(*words, "--dry-run").code == 0
    assert lab.changed() == []
    assert lab.run(*words).code == 0
    assert "  postmaster: [alice.liddell@widget.example]" in lab.text("käse.example.yml").splitlines()
    assert ["käse.example", "active", "0", "mailboxes"] in map(str.split, lab.run("domain", "list").out.splitlines())


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("add", "x.example"),
            64,
            "a domain needs somebody who reads its postmaster's mail; use --postmaster or --mailbox",
        ),
        (("add", "x.example", "--mailbox", "info"), 64, "'info' is not LOCAL=NAME"),
        (("add", "nodot", "--postmaster", "a@widget.example"), 64, "'nodot': a domain name needs a dot"),
        (
            ("add", "x.example", "--postmaster", "nobody@widget.example"),
            4,
            "domain add x.example: this would bring errors; nothing was written",
        ),
        (("show", "wodget.example"), 5, "wodget.example: no such domain; did you mean widget.example?"),
    ],
)
def test_domains_refused(small, words, code, message):
    ended = small.run("domain", *words)
    assert (ended.code, ended.err.splitlines()[0]) == (code, f"mailroom: {message}")
    assert small.changed() == []


def test_a_domain_off_and_on(small):
    assert small.run("domain", "disable", "widget.example").code == 0
    assert small.changed() == ["+state: disabled"]
    assert small.run("domain", "disable", "widget.example").out == "widget.example: nothing to change\n"
    assert small.run("domain", "enable", "widget.example").code == 0
    assert small.changed() == []


def test_groups(small):
    words = ("group", "add", "team@widget.example", "--name", "The Team", "--member", "ann@widget.example")
    assert small.run(*words, "--member", "Partner@elsewhere.example", "--posters", "members").code == 0
    line = "  team: {name: The Team, members: [ann, Partner@elsewhere.example], posters: members}"
    assert small.changed() == ["+groups:", f"+{line}"]
    assert small.run(*words, "--member", "Partner@elsewhere.example", "--posters", "members").code == 0
    assert small.run(*words).code == 6
    assert small.run("group", "add-member", "team@widget.example", "anna", "ann").code == 0
    assert small.changed()[1] == f"+{line.replace('example]', 'example, anna]')}"
    assert small.run("group", "show", "team@widget.example", "--json").json["members"][-1] == "anna@widget.example"
    assert small.run("group", "remove-member", "team@widget.example", "anna@widget.example").code == 0
    assert small.changed() == ["+groups:", f"+{line}"]
    ended = small.run("group", "remove-member", "team@widget.example", "ann", "Partner@elsewhere.example")
    assert (ended.code, ended.err) == (
        64,
        "mailroom: team@widget.example would have no members; remove the group instead\n",
    )
    assert small.run("group", "remove", "team@widget.example").code == 0
    assert small.changed() == []


def test_a_member_that_is_not_there(small):
    ended = small.run("group", "add", "team@widget.example", "--name", "The Team", "--member", "nobody")
    assert ended.code == 4
    assert "nobody@widget.example does not exist" in ended.err
    assert small.changed() == []


def test_aliases(small):
    assert small.run("alias", "add", "sales@widget.example", "ann@widget.example", "x@elsewhere.example").code == 0
    assert small.changed() == ["+  sales: [ann, x@elsewhere.example]"]
    assert small.run("alias", "add", "sales@widget.example", "ann", "anna").code == 0
    assert small.changed() == ["+  sales: [ann, x@elsewhere.example, anna]"]
    assert small.run("alias", "remove", "sales@widget.example", "x@elsewhere.example").code == 0
    assert small.changed() == ["+  sales: [ann, anna]"]
    assert small.run("alias", "remove", "sales@widget.example").code == 0
    assert small.changed() == []
    ended = small.run("alias", "add", "bob@widget.example", "ann")
    assert (ended.code, ended.err) == (
        6,
        "mailroom: bob@widget.example exists, and is no alias; see `mailroom explain`\n",
    )


def test_the_last_postmaster_stays(small):
    ended = small.run("alias", "remove", "postmaster@widget.example")
    assert ended.code == 4
    assert small.text() == SMALL
