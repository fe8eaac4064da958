# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and names of domains that clash, are reserved, cannot be, or are taken for one another."""

from __future__ import annotations

import pytest
from casetools import GADGET, P, bob, found, team
from conftest import ALICE, HEAD

# Files (widget.example.yml, then gadget.example.yml) and what is found.
CASES: dict[str, tuple[list[str], list[str]]] = {
    "reserved mailbox": (
        ["reserved: [bob]\n" + P],
        [
            "error: widget.example.yml:8: mailboxes.bob: bob@widget.example is reserved "
            "(widget.example.yml:1); choose another address, or take it out of reserved"
        ],
    ),
    "reserved alias of a mailbox": (
        ["reserved: [ceo]\n" + ALICE + "  bob: {name: Bob, aliases: [ceo]}\n"],
        [
            "error: widget.example.yml:8: mailboxes.bob.aliases: ceo@widget.example is reserved "
            "(widget.example.yml:1); choose another address, or take it out of reserved"
        ],
    ),
    "reserved group": (
        ["reserved: [team]\n" + P + team("members: [bob]")],
        [
            "error: widget.example.yml:10: groups.team: team@widget.example is reserved "
            "(widget.example.yml:1); choose another address, or take it out of reserved"
        ],
    ),
    "reserved name of another domain": (
        [
            "reserved: [ceo]\n" + P,
            GADGET.replace("zoe: {name: Zoe}", "zoe: {name: Zoe, aliases: [ceo@widget.example]}"),
        ],
        [
            "error: gadget.example.yml:3: mailboxes.zoe.aliases: ceo@widget.example is reserved "
            "(widget.example.yml:1); choose another address, or take it out of reserved"
        ],
    ),
    "shared and mailbox": (
        [P + "shared:\n  bob: {name: B, agents: {alice: read}}\n"],
        [
            "error: widget.example.yml:9: shared.bob: bob@widget.example is already used by mailbox "
            "bob@widget.example (widget.example.yml:7); give it to one of them"
        ],
    ),
    "group and mailbox": (
        [P + "groups:\n  bob: {name: B, members: [alice]}\n"],
        [
            "error: widget.example.yml:9: groups.bob: bob@widget.example is already used by mailbox "
            "bob@widget.example (widget.example.yml:7); give it to one of them"
        ],
    ),
    "two that mail servers take for one": (
        [ALICE + "  strasse: {name: A}\n  straße: {name: B}\n"],
        [
            "error: widget.example.yml:8: mailboxes.straße: to mail servers straße@widget.example is the same as "
            "strasse@widget.example of mailbox strasse@widget.example (widget.example.yml:7); change one of the two"
        ],
    ),
    "one mailbox in both": (
        [ALICE + "  straße: {name: B, aliases: [strasse]}\n"],
        [],
    ),
    "address under an alias domain": (
        ["alias_domains: [widget.test]\n" + bob("aliases: [alice@widget.test]")],
        [
            "error: widget.example.yml:8: mailboxes.bob.aliases: alice@widget.example is already "
            "used by mailbox alice@widget.example (widget.example.yml:7); give it to one of them"
        ],
    ),
    "alias domain that is hosted": (
        ["alias_domains: [gadget.example]\n" + P, GADGET],
        [
            "error: widget.example.yml:1: alias_domains: gadget.example is a domain itself "
            "(gadget.example.yml:1); remove it here, or remove that file"
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
            "error: widget.example.yml:1: alias_domains: widget.test is already an alias domain of "
            "gadget.example (gadget.example.yml:1); leave it in one of them"
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
            "warning: widget.example.yml:8: mailboxes.b0b: b0b@widget.example looks like "
            "bob@widget.example (widget.example.yml:7); make sure that it is meant, or choose a name "
            "that differs more"
        ],
    ),
    "separators": (
        [P + "  bo.b: {name: B}\n"],
        [
            "warning: widget.example.yml:8: mailboxes.bo.b: bo.b@widget.example looks like "
            "bob@widget.example (widget.example.yml:7); make sure that it is meant, or choose a name "
            "that differs more"
        ],
    ),
    "reserved look-alike": (
        ["reserved: [ceo]\n" + P + "  ce0: {name: C}\n"],
        [
            "warning: widget.example.yml:9: mailboxes.ce0: ce0@widget.example looks like "
            "ceo@widget.example (widget.example.yml:1); make sure that it is meant, or choose a name "
            "that differs more"
        ],
    ),
    "cyrillic": (
        [P + "  вob: {name: B}\n"],
        [
            "warning: widget.example.yml:8: mailboxes.вob: вob@widget.example looks like "
            "bob@widget.example (widget.example.yml:7); make sure that it is meant, or choose a name "
            "that differs more"
        ],
    ),
    "domains": (
        ["alias_domains: [gadqet.example]\n" + P],
        [],
    ),
    "look-alike domain": (
        [P, GADGET.replace("domain:", "alias_domains: [vvidget.example]\ndomain:")],
        [
            "warning: widget.example.yml:1: domain: widget.example looks like vvidget.example "
            "(gadget.example.yml:2); make sure that it is meant"
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
            "error: widget.example.yml:8: mailboxes.äääääääääääääääääääääääääääääääää: the part "
            "before the @ has at most 64 bytes in UTF-8, and this one 66"
        ],
    ),
    "symbols": (
        [P + "  snow☃: {name: A}\n"],
        [
            "error: widget.example.yml:8: mailboxes.snow☃: 'snow☃' is not a local part: lower-case "
            "letters, digits and _, with single . or - between"
        ],
    ),
    "bad reserved": (
        ["reserved: [Ärger]\n" + P],
        ["error: widget.example.yml:1: reserved[0]: 'Ärger' must be in lower case and NFC: 'ärger'"],
    ),
    "bad forward": (
        [bob("forwards: ['a b']")],
        [
            "error: widget.example.yml:7: mailboxes.bob.forwards[0]: 'a b' is not an address: the "
            "part before the @ is not valid"
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
    assert found(tree, texts) == expected
