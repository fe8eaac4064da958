# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail that does not arrive, runs in circles, or that nobody reads."""

from __future__ import annotations

import pytest
from casetools import GADGET, P, bob, found, team
from conftest import HEAD

# Files (widget.example.yml, then gadget.example.yml) and what is found.
CASES: dict[str, tuple[list[str], list[str]]] = {
    "dead member": (
        [P + team("members: [bob, nobody]")],
        [
            "error: widget.example.yml:9: groups.team.members: nobody@widget.example does not exist; "
            "correct the target, or add it as a mailbox or alias"
        ],
    ),
    "dead target hidden by a catch-all": (
        ["catch_all: [bob]\n" + P.replace("[alice]", "[alice, alcie]", 1)],
        [
            "warning: widget.example.yml:4: aliases.postmaster: alcie@widget.example does not exist, "
            "so its mail goes to the catch-all (widget.example.yml:1); correct the target, or name "
            "whom the catch-all names"
        ],
    ),
    "dead target of a catch-all": (
        ["catch_all: [nobody]\n" + P],
        [
            "error: widget.example.yml:1: catch_all: nobody@widget.example does not exist; correct "
            "the target, or add it as a mailbox or alias"
        ],
    ),
    "catch-all that nobody reads": (
        ["catch_all: [bob]\n" + bob("state: disabled")],
        [
            "warning: widget.example.yml:1: catch_all: nobody reads mail for the catch-all of "
            "widget.example: it ends in mailboxes that nobody can log in to; add somebody who does"
        ],
    ),
    "group that nobody reads": (
        [bob("state: disabled") + team("members: [inner]}\n  inner: {name: I, members: [bob]")],
        [
            (
                "warning: widget.example.yml:9: groups.team: nobody reads mail for team@widget.example: "
                "it ends in mailboxes that nobody can log in to; add somebody who does"
            ),
            (
                "warning: widget.example.yml:10: groups.inner: nobody reads mail for "
                "inner@widget.example: it ends in mailboxes that nobody can log in to; add somebody who "
                "does"
            ),
        ],
    ),
    "alias to a send_only mailbox": (
        [bob("kind: send_only") + team("members: [alice, bob]")],
        [
            "error: widget.example.yml:9: groups.team.members: bob@widget.example receives nothing: "
            "it is send_only (widget.example.yml:7); send the mail elsewhere"
        ],
    ),
    "target in quarantine": (
        [bob("state: quarantined") + team("members: [alice, bob]")],
        [
            "warning: widget.example.yml:9: groups.team.members: mail for bob@widget.example is "
            "refused: it is quarantined (widget.example.yml:7); send the mail elsewhere"
        ],
    ),
    "target in a disabled domain": (
        [P.replace("[alice]", "[alice, zoe@gadget.example]", 1), "state: disabled\n" + GADGET],
        [
            "warning: widget.example.yml:3: aliases.postmaster: mail for zoe@gadget.example is "
            "refused: its domain is disabled; send the mail elsewhere"
        ],
    ),
    "postmaster is send_only": (
        ["domain: widget.example\nmailboxes:\n  postmaster: {name: P, kind: send_only}\n  abuse: {name: A}\n"],
        [
            "error: widget.example.yml:1: domain: postmaster@widget.example leads nowhere; add "
            "postmaster under aliases: with somebody who reads its mail"
        ],
    ),
    "postmaster is a closed group": (
        [
            "domain: widget.example\nmailboxes:\n  alice: {name: A}\ngroups:\n"
            "  postmaster: {name: P, members: [alice], posters: internal}\n"
            "  abuse: {name: A, members: [alice], posters: members}\n"
        ],
        [
            (
                "error: widget.example.yml:5: groups.postmaster.posters: postmaster@widget.example does "
                "not take mail from everybody; leave posters out"
            ),
            (
                "warning: widget.example.yml:6: groups.abuse.posters: abuse@widget.example does not take "
                "mail from everybody; leave posters out"
            ),
        ],
    ),
    "postmaster is a disabled mailbox": (
        ["domain: widget.example\nmailboxes:\n  postmaster: {name: P, state: disabled}\n  abuse: {name: A}\n"],
        [
            "warning: widget.example.yml:3: mailboxes.postmaster: nobody reads mail for "
            "postmaster@widget.example: nobody can log in to the mailbox; forward it to somebody who "
            "does, or make it an alias"
        ],
    ),
    "groups in each other": (
        [P + "groups:\n  one: {name: O, members: [two, bob]}\n  two: {name: T, members: [one]}\n"],
        [
            "error: widget.example.yml:9: groups.one: mail runs in a circle: one@widget.example -> "
            "two@widget.example -> one@widget.example; let one of them lead elsewhere"
        ],
    ),
    "through an alias domain": (
        [
            "alias_domains: [widget.test]\n"
            + HEAD
            + "  one: [two@widget.test]\n  two: [one, alice]\nmailboxes:\n  alice: {name: A}\n"
        ],
        [
            "error: widget.example.yml:6: aliases.one: mail runs in a circle: one@widget.example -> "
            "two@widget.example -> one@widget.example; let one of them lead elsewhere"
        ],
    ),
    "through the catch-all": (
        ["catch_all: [sales]\n" + HEAD + "  sales: [alcie, alice]\nmailboxes:\n  alice: {name: A}\n"],
        [
            (
                "error: widget.example.yml:1: catch_all: mail runs in a circle: @widget.example -> "
                "sales@widget.example -> @widget.example; let one of them lead elsewhere"
            ),
            (
                "warning: widget.example.yml:6: aliases.sales: alcie@widget.example does not exist, so "
                "its mail goes to the catch-all (widget.example.yml:1); correct the target, or name whom "
                "the catch-all names"
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found(tree, name):
    texts, expected = CASES[name]
    assert found(tree, texts) == expected
