# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between objects: each finding with its severity, place, words and remedy."""

from __future__ import annotations

import pytest
from conftest import ALICE, HEAD

P = ALICE + "  bob: {name: Bob}\n"
DESK = "shared:\n  desk: {name: Desk, agents: {%s}}\n"
GADGET = "domain: gadget.example\naliases: {postmaster: [zoe], abuse: [zoe]}\nmailboxes: {zoe: {name: Zoe}}\n"


def bob(fields: str) -> str:
    """Account files with a mailbox `bob` that has these fields."""
    return ALICE + f"  bob: {{name: Bob, {fields}}}\n"


def team(fields: str) -> str:
    """A group `team`."""
    return f"groups:\n  team: {{name: T, {fields}}}\n"


# Files (widget.example.yml, then gadget.example.yml) and what is found.
CASES: dict[str, tuple[list[str], list[str]]] = {
    "reserved mailbox": (
        ["reserved: [bob]\n" + P],
        [
            (
                "error: widget.example.yml:8: mailboxes.bob: bob@widget.example is reserved "
                "(widget.example.yml:1); choose another address, or take it out of reserved"
            )
        ],
    ),
    "reserved alias of a mailbox": (
        ["reserved: [ceo]\n" + ALICE + "  bob: {name: Bob, aliases: [ceo]}\n"],
        [
            (
                "error: widget.example.yml:8: mailboxes.bob.aliases: ceo@widget.example is reserved "
                "(widget.example.yml:1); choose another address, or take it out of reserved"
            )
        ],
    ),
    "reserved group": (
        ["reserved: [team]\n" + P + team("members: [bob]")],
        [
            (
                "error: widget.example.yml:10: groups.team: team@widget.example is reserved "
                "(widget.example.yml:1); choose another address, or take it out of reserved"
            )
        ],
    ),
    "reserved name of another domain": (
        [
            "reserved: [ceo]\n" + P,
            GADGET.replace("zoe: {name: Zoe}", "zoe: {name: Zoe, aliases: [ceo@widget.example]}"),
        ],
        [
            (
                "error: gadget.example.yml:3: mailboxes.zoe.aliases: ceo@widget.example is reserved "
                "(widget.example.yml:1); choose another address, or take it out of reserved"
            )
        ],
    ),
    "shared and mailbox": (
        [P + "shared:\n  bob: {name: B, agents: {alice: read}}\n"],
        [
            (
                "error: widget.example.yml:9: shared.bob: bob@widget.example is already used by mailbox "
                "bob@widget.example (widget.example.yml:7); give it to one of them"
            )
        ],
    ),
    "group and mailbox": (
        [P + "groups:\n  bob: {name: B, members: [alice]}\n"],
        [
            (
                "error: widget.example.yml:9: groups.bob: bob@widget.example is already used by mailbox "
                "bob@widget.example (widget.example.yml:7); give it to one of them"
            )
        ],
    ),
    "address under an alias domain": (
        ["alias_domains: [widget.test]\n" + bob("aliases: [alice@widget.test]")],
        [
            (
                "error: widget.example.yml:8: mailboxes.bob.aliases: alice@widget.example is already "
                "used by mailbox alice@widget.example (widget.example.yml:7); give it to one of them"
            )
        ],
    ),
    "alias domain that is hosted": (
        ["alias_domains: [gadget.example]\n" + P, GADGET],
        [
            (
                "error: widget.example.yml:1: alias_domains: gadget.example is a domain itself "
                "(gadget.example.yml:1); remove it here, or remove that file"
            )
        ],
    ),
    "alias domains of each other": (
        ["alias_domains: [gadget.example]\n" + P, "alias_domains: [widget.example]\n" + GADGET],
        [
            (
                "error: gadget.example.yml:1: alias_domains: gadget.example and widget.example are alias "
                "domains of each other; keep the file of one, and the alias in it (the other is in "
                "widget.example.yml:2)"
            ),
            (
                "error: widget.example.yml:1: alias_domains: widget.example and gadget.example are alias "
                "domains of each other; keep the file of one, and the alias in it (the other is in "
                "gadget.example.yml:2)"
            ),
        ],
    ),
    "alias domain of two": (
        ["alias_domains: [widget.test]\n" + P, "alias_domains: [Widget.Test]\n" + GADGET],
        [
            (
                "error: widget.example.yml:1: alias_domains: widget.test is already an alias domain of "
                "gadget.example (gadget.example.yml:1); leave it in one of them"
            )
        ],
    ),
    "alias domain of itself": (
        ["alias_domains: [widget.example]\n" + P],
        [("error: widget.example.yml:1: alias_domains[0]: widget.example is the domain itself; leave it out")],
    ),
    "alias domain twice": (
        ["alias_domains: [bücher.test, xn--bcher-kva.test]\n" + P],
        ["error: widget.example.yml:1: alias_domains[1]: 'xn--bcher-kva.test' is listed twice"],
    ),
    "bad alias domain": (
        ["alias_domains: [wid get.test]\n" + P],
        ["error: widget.example.yml:1: alias_domains[0]: 'wid get' cannot be part of a domain name"],
    ),
    "dead member": (
        [P + team("members: [bob, nobody]")],
        [
            (
                "error: widget.example.yml:9: groups.team.members: nobody@widget.example does not exist; "
                "correct the target, or add it as a mailbox or alias"
            )
        ],
    ),
    "dead target hidden by a catch-all": (
        ["catch_all: [bob]\n" + P.replace("[alice]", "[alice, alcie]", 1)],
        [
            (
                "warning: widget.example.yml:4: aliases.postmaster: alcie@widget.example does not exist, "
                "so its mail goes to the catch-all (widget.example.yml:1); correct the target, or name "
                "whom the catch-all names"
            )
        ],
    ),
    "dead target of a catch-all": (
        ["catch_all: [nobody]\n" + P],
        [
            (
                "error: widget.example.yml:1: catch_all: nobody@widget.example does not exist; correct "
                "the target, or add it as a mailbox or alias"
            )
        ],
    ),
    "catch-all that nobody reads": (
        ["catch_all: [bob]\n" + bob("state: disabled")],
        [
            (
                "warning: widget.example.yml:1: catch_all: nobody reads mail for the catch-all of "
                "widget.example: it ends in mailboxes that nobody can log in to; add somebody who does"
            )
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
            (
                "error: widget.example.yml:9: groups.team.members: bob@widget.example receives nothing: "
                "it is send_only (widget.example.yml:7); send the mail elsewhere"
            )
        ],
    ),
    "target in quarantine": (
        [bob("state: quarantined") + team("members: [alice, bob]")],
        [
            (
                "warning: widget.example.yml:9: groups.team.members: mail for bob@widget.example is "
                "refused: it is quarantined (widget.example.yml:7); send the mail elsewhere"
            )
        ],
    ),
    "target in a disabled domain": (
        [P.replace("[alice]", "[alice, zoe@gadget.example]", 1), "state: disabled\n" + GADGET],
        [
            (
                "warning: widget.example.yml:3: aliases.postmaster: mail for zoe@gadget.example is "
                "refused: its domain is disabled; send the mail elsewhere"
            )
        ],
    ),
    "postmaster is send_only": (
        ["domain: widget.example\nmailboxes:\n  postmaster: {name: P, kind: send_only}\n  abuse: {name: A}\n"],
        [
            (
                "error: widget.example.yml:1: domain: postmaster@widget.example leads nowhere; add "
                "postmaster under aliases: with somebody who reads its mail"
            )
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
            (
                "warning: widget.example.yml:3: mailboxes.postmaster: nobody reads mail for "
                "postmaster@widget.example: nobody can log in to the mailbox; forward it to somebody who "
                "does, or make it an alias"
            )
        ],
    ),
    "groups in each other": (
        [P + "groups:\n  one: {name: O, members: [two, bob]}\n  two: {name: T, members: [one]}\n"],
        [
            (
                "error: widget.example.yml:9: groups.one: mail runs in a circle: one@widget.example -> "
                "two@widget.example -> one@widget.example; let one of them lead elsewhere"
            )
        ],
    ),
    "through an alias domain": (
        [
            "alias_domains: [widget.test]\n"
            + HEAD
            + "  one: [two@widget.test]\n  two: [one, alice]\nmailboxes:\n  alice: {name: A}\n"
        ],
        [
            (
                "error: widget.example.yml:6: aliases.one: mail runs in a circle: one@widget.example -> "
                "two@widget.example -> one@widget.example; let one of them lead elsewhere"
            )
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
    "administrator who does not exist": (
        ["administrators: [nobody]\n" + P],
        [
            (
                "error: widget.example.yml:1: administrators: nobody@widget.example does not exist; "
                "correct the address, or add it"
            )
        ],
    ),
    "administrator outside": (
        ["administrators: [x@elsewhere.example]\n" + P],
        [
            (
                "error: widget.example.yml:1: administrators: x@elsewhere.example is in no hosted "
                "domain; name an address in a domain of these files"
            )
        ],
    ),
    "administrator who is an alias": (
        ["administrators: [abuse]\n" + P],
        [
            (
                "error: widget.example.yml:1: administrators: abuse@widget.example is no mailbox of a "
                "person but alias abuse@widget.example (widget.example.yml:5); name persons, each with a "
                "mailbox of their own"
            )
        ],
    ),
    "administrator who is disabled": (
        ["administrators: [bob]\n" + bob("state: disabled")],
        [
            (
                "warning: widget.example.yml:1: administrators: bob@widget.example cannot log in: it is "
                "disabled (widget.example.yml:8); name somebody else, or enable it"
            )
        ],
    ),
    "administrator who was removed": (
        ["administrators: [bob]\n" + bob("state: absent")],
        [
            (
                "error: widget.example.yml:1: administrators: bob@widget.example was removed "
                "(widget.example.yml:8); name somebody else"
            )
        ],
    ),
    "administrator twice": (
        ["administrators: [bob, Bob@widget.example]\n" + P],
        ["error: widget.example.yml:1: administrators[1]: 'Bob@widget.example' is listed twice"],
    ),
    "agent who is shared": (
        [P + DESK % "desk2: read" + "  desk2: {name: D, agents: {bob: read}}\n"],
        [
            (
                "error: widget.example.yml:9: shared.desk.agents.desk2: desk2@widget.example is no "
                "mailbox of a person but a shared mailbox (widget.example.yml:10); name persons, each "
                "with a mailbox of their own"
            )
        ],
    ),
    "agent who does not exist": (
        [P + DESK % "bob: read, nobody: read"],
        [
            (
                "error: widget.example.yml:9: shared.desk.agents.nobody: nobody@widget.example does not "
                "exist; correct the address, or add it"
            )
        ],
    ),
    "agent outside": (
        [P + DESK % "bob: read, x@elsewhere.example: read"],
        [
            (
                "error: widget.example.yml:9: shared.desk.agents.x@elsewhere.example: "
                "x@elsewhere.example is in no hosted domain; name an address in a domain of these files"
            )
        ],
    ),
    "agent without imap": (
        [bob("services: {imap: false}") + DESK % "bob: edit"],
        [
            (
                "warning: widget.example.yml:9: shared.desk.agents.bob: bob@widget.example has the right "
                "edit but not the service imap; give it imap, or take it out of agents"
            )
        ],
    ),
    "agent without submission": (
        [bob("services: {submission: false}") + DESK % "bob: send"],
        [
            (
                "warning: widget.example.yml:9: shared.desk.agents.bob: bob@widget.example has the right "
                "send but not the service submission; give it submission, or take it out of agents"
            )
        ],
    ),
    "agent who is disabled": (
        [bob("state: disabled") + DESK % "alice: read, bob@widget.example: send"],
        [
            (
                "warning: widget.example.yml:9: shared.desk.agents.bob: bob@widget.example cannot log "
                "in: it is disabled (widget.example.yml:7); name somebody else, or enable it"
            )
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
            (
                "warning: widget.example.yml:9: shared.desk: nobody can read desk@widget.example: it has "
                "no agents; add agents:, or forwards:"
            )
        ],
    ),
    "login service of a shared mailbox": (
        [P + "shared:\n  desk: {name: Desk, agents: {bob: read}, services: {imap: true}}\n"],
        [("error: widget.example.yml:9: shared.desk.services.imap: unknown field; known here: antispam, antivirus")],
    ),
    "password of a shared mailbox": (
        [P + "shared:\n  desk: {name: Desk, agents: {bob: read}, password: x}\n"],
        [
            (
                "error: widget.example.yml:9: shared.desk.password: unknown field; known here: agents, "
                "aliases, display_name, forwards, hold, identity, name, quota, renamed_from, services, "
                "state"
            )
        ],
    ),
    "send_as outside": (
        [bob("send_as: [x@elsewhere.example]")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.send_as: x@elsewhere.example is in no hosted "
                "domain; name an address in a domain of these files"
            )
        ],
    ),
    "send_as that does not exist": (
        [bob("send_as: [sales]")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.send_as: sales@widget.example does not "
                "exist; correct the address, or add it"
            )
        ],
    ),
    "send_as itself": (
        [bob("aliases: [bobby], send_as: [bobby]")],
        [
            (
                "warning: widget.example.yml:7: mailboxes.bob.send_as: bobby@widget.example is its own "
                "address; leave it out"
            )
        ],
    ),
    "send_as of receive_only": (
        [bob("kind: receive_only, send_as: [alice]")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.send_as: a receive_only mailbox sends "
                "nothing; remove send_as, or change kind"
            )
        ],
    ),
    "forwards of send_only": (
        [bob("kind: send_only, forwards: [alice]")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.forwards: a send_only mailbox receives "
                "nothing; remove forwards, or change kind"
            )
        ],
    ),
    "identity outside": (
        ["outgoing: {identity: x@elsewhere.example}\n" + P],
        [
            (
                "error: widget.example.yml:1: outgoing.identity: x@elsewhere.example is in no hosted "
                "domain; name an address in a domain of these files"
            )
        ],
    ),
    "identity of a mailbox that was removed": (
        [bob("identity: carl") + "  carl: {name: C, state: absent}\n"],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.identity: carl@widget.example was removed "
                "(widget.example.yml:8); name somebody else"
            )
        ],
    ),
    "contact who does not exist": (
        [bob("expires: {date: 2099-01-01, contact: nobody}")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.expires.contact: nobody@widget.example does "
                "not exist; correct the address, or add it"
            )
        ],
    ),
    "poster who does not exist": (
        [P + team("members: [bob], posters: [nobody, x@elsewhere.example]")],
        [
            (
                "error: widget.example.yml:9: groups.team.posters: nobody@widget.example does not exist; "
                "correct the address, or add it"
            )
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
    "too many mailboxes": (
        ["limits: {mailboxes: 1}\n" + P],
        [
            (
                "error: widget.example.yml:1: limits.mailboxes: the domain has 2 mailboxes, at most 1 "
                "are allowed; remove some, or raise the limit"
            )
        ],
    ),
    "too much quota": (
        ["limits: {quota: 3G}\ndefaults: {quota: 2G}\n" + P],
        [
            (
                "error: widget.example.yml:1: limits.quota: the mailboxes have quotas of 4G together, 3G "
                "is allowed; lower some, or raise the limit"
            )
        ],
    ),
    "unlimited mailboxes": (
        ["limits: {quota: 30G}\n" + P + "".join(f"  box{i}: {{name: B}}\n" for i in range(3))],
        [
            (
                "error: widget.example.yml:1: limits.quota: mailboxes without a quota (5) break the "
                "limit: alice@widget.example, bob@widget.example, box0@widget.example, ...; give them a "
                "quota, or set one under defaults"
            )
        ],
    ),
    "bad number": (
        ["limits: {mailboxes: -1}\n" + P],
        ["error: widget.example.yml:1: limits.mailboxes: must be at least 0, not -1"],
    ),
    "no number": (
        ["limits: {mailboxes: many}\n" + P],
        ["error: widget.example.yml:1: limits.mailboxes: must be a whole number, not 'many'"],
    ),
    "true is no number": (
        ["limits: {mailboxes: true}\n" + P],
        ["error: widget.example.yml:1: limits.mailboxes: must be a whole number, not true"],
    ),
    "expired": (
        [bob("expires: {date: 2026-11-21, contact: alice}")],
        [
            (
                "warning: widget.example.yml:7: mailboxes.bob.expires.date: expired on 2026-11-21 and "
                "counts as disabled; ask alice@widget.example, then set a later date or state: absent"
            )
        ],
    ),
    "expires tomorrow": (
        [bob("expires: {date: 2026-11-22, contact: alice}")],
        [
            (
                "warning: widget.example.yml:7: mailboxes.bob.expires.date: expires on 2026-11-22, in 1 "
                "day; ask alice@widget.example, then set a later date or state: absent"
            )
        ],
    ),
    "expires in thirty days": (
        [bob("expires: {date: 2026-12-21, contact: alice}")],
        [
            (
                "warning: widget.example.yml:7: mailboxes.bob.expires.date: expires on 2026-12-21, in 30 "
                "days; ask alice@widget.example, then set a later date or state: absent"
            )
        ],
    ),
    "no day": (
        [bob("expires: {date: 2026-02-30, contact: alice}")],
        [("error: widget.example.yml:7: mailboxes.bob.expires.date: 2026-02-30 is no day of the calendar")],
    ),
    "no date": (
        [bob("expires: {date: soon, contact: alice}")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.expires.date: 'soon' is not a date such as "
                "2027-01-31 (year-month-day)"
            )
        ],
    ),
    "no contact": (
        [bob("expires: {date: 2099-01-01}")],
        ["error: widget.example.yml:7: mailboxes.bob.expires: contact is missing"],
    ),
    "bad contact": (
        [bob("expires: {date: 2099-01-01, contact: 'a b'}")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.expires.contact: 'a b' is not an address: "
                "the part before the @ is not valid"
            )
        ],
    ),
    "hold on what is absent": (
        [bob("hold: Case 1, state: absent")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.hold: a mailbox on hold cannot be absent; "
                "use state: disabled or quarantined, or take the hold out first"
            )
        ],
    ),
    "old name still there": (
        [bob("renamed_from: alice")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.renamed_from: alice@widget.example is still "
                "a mailbox (widget.example.yml:6); delete its lines: they became this mailbox"
            )
        ],
    ),
    "old name is the own": (
        [bob("renamed_from: bob")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.renamed_from: bob@widget.example is the "
                "address that it has; name the address that it had before"
            )
        ],
    ),
    "old name outside": (
        [bob("renamed_from: bob@elsewhere.example")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.renamed_from: bob@elsewhere.example is in no "
                "hosted domain; only a mailbox of a domain of these files can be renamed; add the old "
                "domain"
            )
        ],
    ),
    "two from one": (
        [bob("renamed_from: rob") + "  carl: {name: C, renamed_from: rob}\n"],
        [
            (
                "error: widget.example.yml:8: mailboxes.carl.renamed_from: rob@widget.example was "
                "already renamed to bob@widget.example (widget.example.yml:7); keep renamed_from in one "
                "of them"
            )
        ],
    ),
    "naming rule": (
        [
            "naming: firstname.lastname\n"
            + HEAD.replace("[alice]", "[alice.liddell]")
            + "mailboxes:\n  alice.liddell: {name: Alice Liddell}\n  bob: {name: Bob Büchner}\n"
            + "  ann-marie.o-neil2: {name: A}\n  печкин: {name: Игорь Печкин}\n"
        ],
        [
            (
                "warning: widget.example.yml:8: mailboxes.bob: 'bob' is not of the form "
                "firstname.lastname; for example bob.buechner, with renamed_from: bob; or naming: any"
            ),
            (
                "warning: widget.example.yml:10: mailboxes.печкин: 'печкин' is not of the form "
                "firstname.lastname; for example ann.lee, with renamed_from: печкин; or naming: any"
            ),
        ],
    ),
    "digits for letters": (
        [P + "  b0b: {name: B}\n"],
        [
            (
                "warning: widget.example.yml:8: mailboxes.b0b: b0b@widget.example looks like "
                "bob@widget.example (widget.example.yml:7); make sure that it is meant, or choose a name "
                "that differs more"
            )
        ],
    ),
    "separators": (
        [P + "  bo.b: {name: B}\n"],
        [
            (
                "warning: widget.example.yml:8: mailboxes.bo.b: bo.b@widget.example looks like "
                "bob@widget.example (widget.example.yml:7); make sure that it is meant, or choose a name "
                "that differs more"
            )
        ],
    ),
    "reserved look-alike": (
        ["reserved: [ceo]\n" + P + "  ce0: {name: C}\n"],
        [
            (
                "warning: widget.example.yml:9: mailboxes.ce0: ce0@widget.example looks like "
                "ceo@widget.example (widget.example.yml:1); make sure that it is meant, or choose a name "
                "that differs more"
            )
        ],
    ),
    "cyrillic": (
        [P + "  вob: {name: B}\n"],
        [
            (
                "warning: widget.example.yml:8: mailboxes.вob: вob@widget.example looks like "
                "bob@widget.example (widget.example.yml:7); make sure that it is meant, or choose a name "
                "that differs more"
            )
        ],
    ),
    "domains": (
        ["alias_domains: [gadqet.example]\n" + P],
        [],
    ),
    "look-alike domain": (
        [P, GADGET.replace("domain:", "alias_domains: [vvidget.example]\ndomain:")],
        [
            (
                "warning: widget.example.yml:1: domain: widget.example looks like vvidget.example "
                "(gadget.example.yml:2); make sure that it is meant"
            )
        ],
    ),
    "upper case of another script": (
        [P + "  Ärger: {name: A}\n"],
        [("error: widget.example.yml:8: mailboxes.Ärger: 'Ärger' must be in lower case and NFC: 'ärger'")],
    ),
    "compatibility forms": (
        [P + "  ﬁn: {name: A}\n"],
        [("error: widget.example.yml:8: mailboxes.ﬁn: 'ﬁn' has special forms of characters: write 'fin'")],
    ),
    "too many bytes": (
        [P + "  " + "ä" * 33 + ": {name: A}\n"],
        [
            (
                "error: widget.example.yml:8: mailboxes.äääääääääääääääääääääääääääääääää: the part "
                "before the @ has at most 64 bytes in UTF-8, and this one 66"
            )
        ],
    ),
    "symbols": (
        [P + "  snow☃: {name: A}\n"],
        [
            (
                "error: widget.example.yml:8: mailboxes.snow☃: 'snow☃' is not a local part: lower-case "
                "letters, digits and _, with single . or - between"
            )
        ],
    ),
    "bad reserved": (
        ["reserved: [Ärger]\n" + P],
        ["error: widget.example.yml:1: reserved[0]: 'Ärger' must be in lower case and NFC: 'ärger'"],
    ),
    "bad forward": (
        [bob("forwards: ['a b']")],
        [
            (
                "error: widget.example.yml:7: mailboxes.bob.forwards[0]: 'a b' is not an address: the "
                "part before the @ is not valid"
            )
        ],
    ),
    "address twice": (
        ["catch_all: [alice, alice@widget.example]\n" + P],
        ["error: widget.example.yml:1: catch_all[1]: 'alice@widget.example' is listed twice"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found(tree, name):
    texts, expected = CASES[name]
    for file, text in zip(("widget.example.yml", "gadget.example.yml"), texts, strict=False):
        tree.write(file, text)
    shown = [f"{finding.severity}: {finding}".replace(f"{tree.folder}/", "") for finding in tree.read().findings]
    assert shown == expected
