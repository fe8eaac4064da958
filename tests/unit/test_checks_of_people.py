# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that stand for somebody who is not there, or may not do it."""

from __future__ import annotations

import pytest
from casetools import DESK, P, bob, found, team

# Files (widget.example.yml, then gadget.example.yml) and what is found.
CASES: dict[str, tuple[list[str], list[str]]] = {
    "administrator who does not exist": (
        ["administrators: [nobody]\n" + P],
        [
            "error: widget.example.yml:1: administrators: nobody@widget.example does not exist; "
            "correct the address, or add it"
        ],
    ),
    "administrator outside": (
        ["administrators: [x@elsewhere.example]\n" + P],
        [
            "error: widget.example.yml:1: administrators: x@elsewhere.example is in no hosted "
            "domain; name an address in a domain of these files"
        ],
    ),
    "administrator who is an alias": (
        ["administrators: [abuse]\n" + P],
        [
            "error: widget.example.yml:1: administrators: abuse@widget.example is no mailbox of a "
            "person but alias abuse@widget.example (widget.example.yml:5); name persons, each with a "
            "mailbox of their own"
        ],
    ),
    "administrator who is disabled": (
        ["administrators: [bob]\n" + bob("state: disabled")],
        [
            "warning: widget.example.yml:1: administrators: bob@widget.example cannot log in: it is "
            "disabled (widget.example.yml:8); name somebody else, or enable it"
        ],
    ),
    "administrator who was removed": (
        ["administrators: [bob]\n" + bob("state: absent")],
        [
            "error: widget.example.yml:1: administrators: bob@widget.example was removed "
            "(widget.example.yml:8); name somebody else"
        ],
    ),
    "administrator twice": (
        ["administrators: [bob, Bob@widget.example]\n" + P],
        ["error: widget.example.yml:1: administrators[1]: 'Bob@widget.example' is listed twice"],
    ),
    "agent who is shared": (
        [P + DESK % "desk2: read" + "  desk2: {name: D, agents: {bob: read}}\n"],
        [
            "error: widget.example.yml:9: shared.desk.agents.desk2: desk2@widget.example is no "
            "mailbox of a person but a shared mailbox (widget.example.yml:10); name persons, each "
            "with a mailbox of their own"
        ],
    ),
    "agent who does not exist": (
        [P + DESK % "bob: read, nobody: read"],
        [
            "error: widget.example.yml:9: shared.desk.agents.nobody: nobody@widget.example does not "
            "exist; correct the address, or add it"
        ],
    ),
    "agent outside": (
        [P + DESK % "bob: read, x@elsewhere.example: read"],
        [
            "error: widget.example.yml:9: shared.desk.agents.x@elsewhere.example: "
            "x@elsewhere.example is in no hosted domain; name an address in a domain of these files"
        ],
    ),
    "agent without imap": (
        [bob("services: {imap: false}") + DESK % "bob: edit"],
        [
            "warning: widget.example.yml:9: shared.desk.agents.bob: bob@widget.example has the right "
            "edit but not the service imap; give it imap, or take it out of agents"
        ],
    ),
    "agent without submission": (
        [bob("services: {submission: false}") + DESK % "bob: send"],
        [
            "warning: widget.example.yml:9: shared.desk.agents.bob: bob@widget.example has the right "
            "send but not the service submission; give it submission, or take it out of agents"
        ],
    ),
    "agent who is disabled": (
        [bob("state: disabled") + DESK % "alice: read, bob@widget.example: send"],
        [
            "warning: widget.example.yml:9: shared.desk.agents.bob: bob@widget.example cannot log "
            "in: it is disabled (widget.example.yml:7); name somebody else, or enable it"
        ],
    ),
    "agent twice": (
        [P + DESK % "bob: read, bob@widget.example: send"],
        [("error: widget.example.yml:9: shared.desk.agents.bob@widget.example: 'bob@widget.example' is listed twice")],
    ),
    "unknown right": (
        [P + DESK % "bob: write"],
        [
            (
                "warning: widget.example.yml:9: shared.desk: nobody can read desk@widget.example: it has "
                "no agents; add agents:, or forwards:"
            ),
            ("error: widget.example.yml:9: shared.desk.agents.bob: 'write' is not one of read, edit, send"),
        ],
    ),
    "shared mailbox without agents": (
        [P + "shared:\n  desk: {name: Desk}\n"],
        [
            "warning: widget.example.yml:9: shared.desk: nobody can read desk@widget.example: it has "
            "no agents; add agents:, or forwards:"
        ],
    ),
    "login service of a shared mailbox": (
        [P + "shared:\n  desk: {name: Desk, agents: {bob: read}, services: {imap: true}}\n"],
        [("error: widget.example.yml:9: shared.desk.services.imap: unknown field; known here: antispam, antivirus")],
    ),
    "password of a shared mailbox": (
        [P + "shared:\n  desk: {name: Desk, agents: {bob: read}, password: x}\n"],
        [
            "error: widget.example.yml:9: shared.desk.password: unknown field; known here: agents, "
            "aliases, display_name, forwards, hold, identity, name, quota, renamed_from, services, "
            "state"
        ],
    ),
    "send_as outside": (
        [bob("send_as: [x@elsewhere.example]")],
        [
            "error: widget.example.yml:7: mailboxes.bob.send_as: x@elsewhere.example is in no hosted "
            "domain; name an address in a domain of these files"
        ],
    ),
    "send_as that does not exist": (
        [bob("send_as: [sales]")],
        [
            "error: widget.example.yml:7: mailboxes.bob.send_as: sales@widget.example does not "
            "exist; correct the address, or add it"
        ],
    ),
    "send_as itself": (
        [bob("aliases: [bobby], send_as: [bobby]")],
        ["warning: widget.example.yml:7: mailboxes.bob.send_as: bobby@widget.example is its own address; leave it out"],
    ),
    "send_as of receive_only": (
        [bob("kind: receive_only, send_as: [alice]")],
        [
            "error: widget.example.yml:7: mailboxes.bob.send_as: a receive_only mailbox sends "
            "nothing; remove send_as, or change kind"
        ],
    ),
    "forwards of send_only": (
        [bob("kind: send_only, forwards: [alice]")],
        [
            "error: widget.example.yml:7: mailboxes.bob.forwards: a send_only mailbox receives "
            "nothing; remove forwards, or change kind"
        ],
    ),
    "identity outside": (
        ["outgoing: {identity: x@elsewhere.example}\n" + P],
        [
            "error: widget.example.yml:1: outgoing.identity: x@elsewhere.example is in no hosted "
            "domain; name an address in a domain of these files"
        ],
    ),
    "identity of a mailbox that was removed": (
        [bob("identity: carl") + "  carl: {name: C, state: absent}\n"],
        [
            "error: widget.example.yml:7: mailboxes.bob.identity: carl@widget.example was removed "
            "(widget.example.yml:8); name somebody else"
        ],
    ),
    "contact who does not exist": (
        [bob("expires: {date: 2099-01-01, contact: nobody}")],
        [
            "error: widget.example.yml:7: mailboxes.bob.expires.contact: nobody@widget.example does "
            "not exist; correct the address, or add it"
        ],
    ),
    "poster who does not exist": (
        [P + team("members: [bob], posters: [nobody, x@elsewhere.example]")],
        [
            "error: widget.example.yml:9: groups.team.posters: nobody@widget.example does not exist; "
            "correct the address, or add it"
        ],
    ),
    "unknown posters": (
        [P + team("members: [bob], posters: everybody")],
        [("error: widget.example.yml:9: groups.team.posters: 'everybody' is not one of anyone, internal, members")],
    ),
    "no poster": (
        [P + team("members: [bob], posters: []")],
        ["error: widget.example.yml:9: groups.team.posters: must not be empty"],
    ),
    "no member": (
        [P + team("members: []")],
        ["error: widget.example.yml:9: groups.team.members: must not be empty"],
    ),
    "group without members": (
        [P + "groups:\n  team: {name: T}\n"],
        ["error: widget.example.yml:9: groups.team: members is missing"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found(tree, name):
    texts, expected = CASES[name]
    assert found(tree, texts) == expected
