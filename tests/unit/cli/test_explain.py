# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom explain: why an address receives, where its mail goes, who may use it, each with the line."""

from __future__ import annotations

from datetime import date

import pytest
from clitools import SMALL, lab, small
from mailroom import explain as logic

FULL = """\
domain: widget.example
alias_domains: [widget.test]
catch_all: [bob]
outgoing: {identity: service}
defaults: {quota: 2G}
mailboxes:
  ann: {name: Ann Lee, aliases: [lee], quota: 5G, identity: own}
  bob:
    name: Bob Former
    state: disabled
    forwards: [partner@elsewhere.example]
  carl: {name: Carl, send_as: [sales]}
  dora: {name: Dora, state: quarantined}
  eve: {name: Eve, state: absent}
  fax: {name: Fax, kind: send_only}
  gus: {name: Gus, expires: {date: "2020-01-01", contact: ann}}
  zoe: {name: Zoe, hold: "Case 7"}
shared:
  service: {name: Service, agents: {ann: send, carl: read}}
groups:
  team: {name: The Team, members: [ann, inner], posters: members}
  inner: {name: Inner, members: [bob, ann, x@elsewhere.example]}
aliases:
  postmaster: [ann]
  abuse: [ann]
  sales: [team, dora]
"""


@pytest.fixture
def full(small):
    small.write("widget.example.yml", FULL)
    return small


def explained(copy, address: str) -> list[str]:
    return copy.run("explain", address).out.splitlines()


def test_a_mailbox_by_a_further_address_of_a_further_domain(full):
    assert explained(full, "LEE+shop@widget.test") == [
        "lee+shop@widget.example",
        "Receives: yes",
        "  widget.test is a further name of widget.example  [widget.example.yml:2]",
        "  what follows the + does not matter: this is lee@widget.example",
        "  lee@widget.example is a further address of the mailbox (Ann Lee) ann@widget.example  [widget.example.yml:7]",
        "Its mail goes",
        "  into the mailbox ann@widget.example  [widget.example.yml:7]",
        "Who may send as it",
        "  nobody may send under this address",
        "Outgoing identity",
        "  mail to the outside leaves under ann@widget.example",
        "Quota",
        "  5G, its own  [widget.example.yml:7]",
        "Login",
        "  yes: imap, pop3, sieve, submission  [widget.example.yml:7]",
        "Ends at",
        "  ann@widget.example",
    ]


def test_an_alias_through_nested_groups_to_the_outside(full):
    assert explained(full, "sales@widget.example") == [
        "sales@widget.example",
        "Receives: yes",
        "  sales@widget.example is the alias  [widget.example.yml:26]",
        "Its mail goes",
        "  sales@widget.example -> team@widget.example  [widget.example.yml:26]",
        "  sales@widget.example -> dora@widget.example  [widget.example.yml:26]",
        "  team@widget.example -> ann@widget.example  [widget.example.yml:21]",
        "  team@widget.example -> inner@widget.example  [widget.example.yml:21]",
        "  not into the mailbox dora@widget.example: it is quarantined  [widget.example.yml:13]",
        "  into the mailbox ann@widget.example  [widget.example.yml:7]",
        "  inner@widget.example -> bob@widget.example  [widget.example.yml:22]",
        "  inner@widget.example -> ann@widget.example (see above)  [widget.example.yml:22]",
        "  inner@widget.example -> x@elsewhere.example (outside)  [widget.example.yml:22]",
        "  into the mailbox bob@widget.example, which is disabled: nobody reads it  [widget.example.yml:10]",
        "  bob@widget.example -> partner@elsewhere.example (outside)  [widget.example.yml:11]",
        "Who may send as it",
        "  carl@widget.example may, by send_as  [widget.example.yml:12]",
        "Ends at",
        "  ann@widget.example",
        "  bob@widget.example",
        "  x@elsewhere.example (outside)",
        "  partner@elsewhere.example (outside)",
    ]


def has(copy, address: str, *lines: str) -> None:
    found = explained(copy, address)
    for line in lines:
        assert line in found, "\n".join(found)


def test_a_group_says_who_may_post(full):
    has(full, "team@widget.example", "Who may post", "  members may post  [widget.example.yml:21]")
    has(full, "inner@widget.example", "  anyone may post")


def test_what_is_refused_and_why(full):
    has(
        full,
        "dora@widget.example",
        "Receives: no",
        "  the mailbox is quarantined: no login, mail is refused, stored mail is kept  [widget.example.yml:13]",
        "  dora@widget.example may, as it is its own address, but cannot: it is quarantined  [widget.example.yml:13]",
    )
    has(
        full,
        "eve@widget.example",
        "Receives: no",
        "  the mailbox was removed; its address is reserved  [widget.example.yml:14]",
    )
    has(
        full,
        "fax@widget.example",
        "Receives: no",
        "  the mailbox only sends: mail for it is refused  [widget.example.yml:15]",
    )


def test_a_shared_mailbox_and_its_agents(full):
    has(
        full,
        "service@widget.example",
        "  ann@widget.example may, as agent of service@widget.example (widget.example.yml:19)  [widget.example.yml:7]",
        "  no login of its own; people who work with it: ann@widget.example (send), carl@widget.example (read)"
        "  [widget.example.yml:19]",
    )
    assert not any("carl" in line and "may" in line for line in explained(full, "service@widget.example"))


def test_identity_and_quota_of_the_domain(full):
    has(
        full,
        "carl@widget.example",
        "  mail to the outside leaves under service@widget.example  [widget.example.yml:4]",
        "  2G, the domain's default  [widget.example.yml:5]",
    )


def test_expiry_and_hold(full):
    has(full, "gus@widget.example", "Receives: yes", "  no: it expired on 2020-01-01  [widget.example.yml:16]")
    has(full, "zoe@widget.example", "  legal hold, so it is not removed: Case 7  [widget.example.yml:17]")


def test_the_catch_all(full):
    has(
        full,
        "whoever@widget.example",
        "Receives: yes",
        "  nobody has this address, so the catch-all of the domain takes it  [widget.example.yml:3]",
        "  catch-all of widget.example -> bob@widget.example  [widget.example.yml:3]",
    )


def test_nobody_has_it(small):
    ended = small.run("explain", "anne@widget.example")
    assert ended.code == 5
    assert ended.out.splitlines() == [
        "anne@widget.example",
        "Receives: no",
        "  no mailbox, alias, group or catch-all has this address: mail for it is refused",
        "Did you mean ann@widget.example or anna@widget.example?",
    ]


def test_another_domain(small):
    ended = small.run("explain", "ann@wigdet.example", "--json")
    assert ended.code == 5
    assert (ended.json["hosted"], ended.json["similar"]) == (False, ["ann@widget.example"])
    assert ended.json["ok"] is False


def test_a_domain_that_is_off(small):
    small.write("widget.example.yml", SMALL.replace("defaults:", "state: disabled\ndefaults:"))
    has(
        small,
        "ann@widget.example",
        "Receives: no",
        "  mail for all of widget.example is refused: the domain is disabled  [widget.example.yml:4]",
    )


def test_no_address(small):
    ended = small.run("explain", "ann")
    assert (ended.code, ended.err) == (64, "mailroom: 'ann' has no @\n")


def test_every_address_of_the_lab_is_explained(lab):
    """Whatever has an address is found, and what receives ends somewhere."""
    from mailroom.routing import things
    from mailroom_cli import reading

    accounts = reading.read(lab.folder)
    for domain in accounts.domains.values():
        for thing in things(domain):
            if not thing.local:
                continue
            found = logic.explain(accounts, thing.address, date(2026, 1, 1))
            assert found.kind, thing.address
            assert found.receives == bool(found.mailboxes or found.outside), thing.address
