# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a domain, and what begins and ends."""

from __future__ import annotations

import pytest
from casetools import P, bob, found

# Files (widget.example.yml, then gadget.example.yml) and what is found.
CASES: dict[str, tuple[list[str], list[str]]] = {
    "too many mailboxes": (
        ["limits: {mailboxes: 1}\n" + P],
        [
            "error: widget.example.yml:1: limits.mailboxes: the domain has 2 mailboxes, at most 1 "
            "are allowed; remove some, or raise the limit"
        ],
    ),
    "too much quota": (
        ["limits: {quota: 3G}\ndefaults: {quota: 2G}\n" + P],
        [
            "error: widget.example.yml:1: limits.quota: the mailboxes have quotas of 4G together, 3G "
            "is allowed; lower some, or raise the limit"
        ],
    ),
    "unlimited mailboxes": (
        ["limits: {quota: 30G}\n" + P + "".join(f"  box{i}: {{name: B}}\n" for i in range(3))],
        [
            "error: widget.example.yml:1: limits.quota: mailboxes without a quota (5) break the "
            "limit: alice@widget.example, bob@widget.example, box0@widget.example, ...; give them a "
            "quota, or set one under defaults"
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
            "warning: widget.example.yml:7: mailboxes.bob.expires.date: expired on 2026-11-21 and "
            "counts as disabled; ask alice@widget.example, then set a later date or state: absent"
        ],
    ),
    "expires tomorrow": (
        [bob("expires: {date: 2026-11-22, contact: alice}")],
        [
            "warning: widget.example.yml:7: mailboxes.bob.expires.date: expires on 2026-11-22, in 1 "
            "day; ask alice@widget.example, then set a later date or state: absent"
        ],
    ),
    "expires in thirty days": (
        [bob("expires: {date: 2026-12-21, contact: alice}")],
        [
            "warning: widget.example.yml:7: mailboxes.bob.expires.date: expires on 2026-12-21, in 30 "
            "days; ask alice@widget.example, then set a later date or state: absent"
        ],
    ),
    "no day": (
        [bob("expires: {date: 2026-02-30, contact: alice}")],
        [("error: widget.example.yml:7: mailboxes.bob.expires.date: 2026-02-30 is no day of the calendar")],
    ),
    "no date": (
        [bob("expires: {date: soon, contact: alice}")],
        [
            "error: widget.example.yml:7: mailboxes.bob.expires.date: 'soon' is not a date such as "
            "2027-01-31 (year-month-day)"
        ],
    ),
    "no contact": (
        [bob("expires: {date: 2099-01-01}")],
        ["error: widget.example.yml:7: mailboxes.bob.expires: contact is missing"],
    ),
    "bad contact": (
        [bob("expires: {date: 2099-01-01, contact: 'a b'}")],
        [
            "error: widget.example.yml:7: mailboxes.bob.expires.contact: 'a b' is not an address: "
            "the part before the @ is not valid"
        ],
    ),
    "hold on what is absent": (
        [bob("hold: Case 1, state: absent")],
        [
            "error: widget.example.yml:7: mailboxes.bob.hold: a mailbox on hold cannot be absent; "
            "use state: disabled or quarantined, or take the hold out first"
        ],
    ),
    "old name still there": (
        [bob("renamed_from: alice")],
        [
            "error: widget.example.yml:7: mailboxes.bob.renamed_from: alice@widget.example is still "
            "a mailbox (widget.example.yml:6); delete its lines: they became this mailbox"
        ],
    ),
    "old name is the own": (
        [bob("renamed_from: bob")],
        [
            "error: widget.example.yml:7: mailboxes.bob.renamed_from: bob@widget.example is the "
            "address that it has; name the address that it had before"
        ],
    ),
    "old name outside": (
        [bob("renamed_from: bob@elsewhere.example")],
        [
            "error: widget.example.yml:7: mailboxes.bob.renamed_from: bob@elsewhere.example is in no "
            "hosted domain; add the old domain's file; if the rename was applied, take this field out"
        ],
    ),
    "two from one": (
        [bob("renamed_from: rob") + "  carl: {name: C, renamed_from: rob}\n"],
        [
            "error: widget.example.yml:8: mailboxes.carl.renamed_from: rob@widget.example was "
            "already renamed to bob@widget.example (widget.example.yml:7); keep renamed_from in one "
            "of them"
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found(tree, name):
    texts, expected = CASES[name]
    assert found(tree, texts) == expected
