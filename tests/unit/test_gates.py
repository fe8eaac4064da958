# SPDX-License-Identifier: GPL-3.0-or-later
"""Removals beyond a measure are refused unless named; each limit at, below and above."""

from __future__ import annotations

import pytest
from conftest import domain_with, plan
from mailroom.gates import Limits


def refused(before: int, after: int, allow=None, limits=None, aliases=(0, 0), domain="widget.example"):
    desired, live = domain_with(after, domain, aliases[1]), domain_with(before, domain, aliases[0])
    refusals = plan(desired, live, allow_removals=allow, limits=limits).refusals
    return [str(refusal) for refusal in refusals]


@pytest.mark.parametrize(
    ("before", "after", "passes"),
    [
        (9, 7, True),  # two: always
        (2, 0, True),
        (15, 12, True),  # three of fifteen: 20 %, not over it
        (14, 11, False),  # three of fourteen: 21 %
        (9, 0, False),
        (100, 90, True),  # ten
        (100, 89, False),  # eleven
        (1000, 989, False),
    ],
)
def test_limits_of_mailboxes(before, after, passes):
    assert bool(refused(before, after)) is not passes


def test_aliases_are_counted_by_themselves():
    assert refused(10, 9, aliases=(10, 9)) == []
    assert "3 of 5 aliases" in refused(10, 10, aliases=(5, 2))[0]


def test_the_text_says_what_to_type():
    assert refused(20, 8, aliases=(4, 3)) == [
        "widget.example: 12 of 20 mailboxes would be removed. If that is meant, name it: "
        "allow_removals: {widget.example: 13} "
        """(with the playbook: -e '{"mailroom_allow_removals": {"widget.example": 13}}')"""
    ]


@pytest.mark.parametrize(("named", "passes"), [(12, True), (11, False), (13, False), (0, False)])
def test_the_exact_number_lifts_the_gate_and_no_other(named, passes):
    assert bool(refused(20, 8, allow={"widget.example": named})) is not passes


def test_the_number_of_another_domain_lifts_nothing():
    assert refused(20, 8, allow={"gadget.example": 12})


@pytest.mark.parametrize("name", ["bücher.example", "xn--bcher-kva.example", "BÜCHER.example"])
def test_a_domain_can_be_named_in_any_spelling(name):
    assert refused(20, 8, domain="xn--bcher-kva.example")[0].startswith("bücher.example: 12 of 20")
    assert refused(20, 8, allow={name: 12, "no domain": 1}, domain="xn--bcher-kva.example") == []


def test_removal_of_a_domain_is_always_refused_unless_named():
    refusals = [str(refusal) for refusal in plan({}, domain_with(0)).refusals]
    assert refusals[0].startswith("widget.example: the domain would be removed. If that is meant, name it: ")
    assert plan({}, domain_with(0), allow_removals={"widget.example": 0}).refusals == ()
    refusals = plan({}, domain_with(2, aliases=1)).refusals
    assert refusals[0].message == "widget.example: the domain and 2 mailboxes and 1 aliases would be removed."
    assert plan({}, domain_with(2, aliases=1), allow_removals={"widget.example": 3}).refusals == ()


@pytest.mark.parametrize(
    ("limits", "passes"),
    [
        (Limits(few=2, share=0.1), False),
        (Limits(few=3, share=0.1), True),
        (Limits(share=0.1, few=1), False),
        (Limits(many=1), False),
    ],
)
def test_the_limit_that_is_set_is_the_one_that_holds(limits, passes):
    assert bool(refused(12, 10, limits=limits)) is not passes


def test_foreign_entries_do_not_count():
    live = domain_with(14)
    for dn in list(live)[8:]:
        live[dn] = {**live[dn], "mailroomManagedBy": ["module"]}
    assert plan(domain_with(5), live).refusals == ()
    assert plan(domain_with(4), live).refusals[0].message.startswith("widget.example: 3 of 7 mailboxes")
