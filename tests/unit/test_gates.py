# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes beyond a measure is refused unless named; each limit at, below and above."""

from __future__ import annotations

import pytest
from conftest import BASE, applied, domain_with, mailbox_dn, plan
from mailroom import directory
from mailroom.limits import Limits
from mailroom.model import Alias, Domain, Group, Mailbox

WIDGET = "widget.example"


def texts(result):
    return [str(refusal) for refusal in result.refusals]


def typed(word, value, variable):
    """What a refusal says at its end."""
    play = f'{{"mailroom_allow_{word}": {variable}}}'
    return f"If that is meant, name it: allow_{word}: {value} (with the playbook: -e '{play}')"


def accounts(*things, name=WIDGET, **fields):
    """The entries of a domain with some objects in it."""
    domain = Domain(name, **fields)
    for thing in things:
        kind = {Mailbox: domain.mailboxes, Alias: domain.aliases, Group: domain.groups}[type(thing)]
        kind.append(thing)
    return directory.entries([domain], BASE)


def box(local, **fields):
    return Mailbox(local, WIDGET, local.title(), **fields)


# removals


def refused(before: int, after: int, allow=None, limits=None, aliases=(0, 0), domain=WIDGET):
    desired, live = domain_with(after, domain, aliases[1]), domain_with(before, domain, aliases[0])
    return texts(plan(desired, live, removals=allow or {}, limits=limits))


@pytest.mark.parametrize(
    ("before", "after", "passes"),
    [
        (9, 7, True),  # two: always
        (15, 12, True),  # three of fifteen: 20 %, not over it
        (14, 11, False),  # three of fourteen: 21 %
        (2, 1, True),
        (2, 0, False),  # the last
        (1, 0, False),
        (9, 0, False),
        (100, 91, True),
        (100, 90, True),  # ten
        (100, 89, False),  # eleven
        (1000, 989, False),
    ],
)
def test_limits_of_mailboxes(before, after, passes):
    assert bool(refused(before, after)) is not passes


@pytest.mark.parametrize(
    ("limits", "before", "after", "passes"),
    [
        (Limits(few=5), 9, 5, True),
        (Limits(few=4), 9, 5, False),
        (Limits(few=3), 9, 5, False),
        (Limits(share=0.5), 8, 4, True),
        (Limits(share=0.49), 8, 4, False),
        (Limits(many=11), 100, 89, True),
        (Limits(many=10), 100, 89, False),
        (Limits(many=1), 100, 98, False),
    ],
)
def test_the_limit_that_is_set_is_the_one_that_holds(limits, before, after, passes):
    assert bool(refused(before, after, limits=limits)) is not passes


def test_aliases_and_groups_are_counted_by_themselves():
    assert refused(10, 9, aliases=(10, 9)) == []
    assert "3 of 5 aliases" in refused(10, 10, aliases=(5, 2))[0]
    groups = [Group(f"team{number}", WIDGET, "Team", ("box0@widget.example",)) for number in range(5)]
    found = texts(plan(accounts(box("ann")), accounts(box("ann"), *groups)))
    assert found[0].startswith("widget.example: 5 of 5 groups would be removed.")


def test_the_text_says_what_to_type():
    hint = typed("removals", "{widget.example: 13}", '{"widget.example": 13}')
    assert refused(20, 8, aliases=(4, 3)) == [f"widget.example: 12 of 20 mailboxes would be removed. {hint}"]
    hint = typed("removals", "{widget.example: 1}", '{"widget.example": 1}')
    assert refused(1, 0) == [f"widget.example: the last mailbox: 1 of 1 mailboxes would be removed. {hint}"]


@pytest.mark.parametrize(("named", "passes"), [(12, True), ("12", True), (11, False), (13, False), (0, False)])
def test_the_exact_number_lifts_the_gate_and_no_other(named, passes):
    assert bool(refused(20, 8, allow={WIDGET: named})) is not passes


def test_the_number_of_another_domain_lifts_nothing():
    assert refused(20, 8, allow={"gadget.example": 12})


@pytest.mark.parametrize("name", ["bücher.example", "xn--bcher-kva.example", "BÜCHER.example"])
def test_a_domain_can_be_named_in_any_spelling(name):
    assert refused(20, 8, domain="xn--bcher-kva.example")[0].startswith("bücher.example: 12 of 20")
    assert refused(20, 8, allow={name: 12, "no domain": 1}, domain="xn--bcher-kva.example") == []


def test_neither_foreign_nor_removed_mailboxes_count():
    live = applied(domain_with(14))
    for number in (7, 8, 9, 10):
        live[mailbox_dn(f"box{number}")]["mailroomRemoved"] = ["2026-11-20"]
    for number in (11, 12, 13):
        live[mailbox_dn(f"box{number}")]["mailroomManagedBy"] = ["module"]
    assert texts(plan(domain_with(5), live)) == []
    assert plan(domain_with(4), live).refusals[0].message.startswith("widget.example: 3 of 7 mailboxes")


def test_an_alias_that_becomes_something_else_is_no_removal():
    aliases = [Alias(f"x{number}", WIDGET, ("ann@widget.example",)) for number in range(5)]
    groups = [Group(alias.local, WIDGET, "X", alias.targets) for alias in aliases]
    live = applied(accounts(box("ann"), *aliases))
    assert texts(plan(accounts(box("ann"), *groups), live)) == []
    assert len(texts(plan(accounts(box("ann")), live))) == 1


# domains


def test_a_domain_without_mail_goes_by_the_number_of_its_mailboxes():
    live = applied(domain_with(2, aliases=1))
    usage = {"box0@widget.example": 0, "Box1@widget.example": 0}
    hint = typed("removals", "{widget.example: 3}", '{"widget.example": 3}')
    assert texts(plan({}, live, usage=usage)) == [
        f"widget.example: the domain and 2 of 2 mailboxes would be removed. {hint}"
    ]
    assert texts(plan({}, live, usage=usage, removals={WIDGET: 3})) == []
    assert texts(plan({}, applied(domain_with(0)))) == []


@pytest.mark.parametrize(
    ("usage", "reason", "unknown"),
    [
        ({"box0": 0, "box1": 1}, "mail in 1 mailboxes (1 bytes)", []),
        ({"box0": 5}, "mail in 1 mailboxes (5 bytes) and 1 mailboxes of which the use of storage is unknown", ["box1"]),
        ({}, "2 mailboxes of which the use of storage is unknown", ["box0", "box1"]),
    ],
)
def test_a_domain_with_mail_in_it_is_named(usage, reason, unknown):
    live = applied(domain_with(2))
    options = {"usage": {f"{local}@{WIDGET}": size for local, size in usage.items()}, "removals": {WIDGET: 2}}
    result = plan({}, live, **options)
    hint = typed("domain_removals", "[widget.example]", '["widget.example"]')
    assert texts(result) == [f"widget.example: the domain would be removed with {reason}. {hint}"]
    assert result.needs_usage == tuple(f"{local}@{WIDGET}" for local in unknown)
    assert texts(plan({}, live, domain_removals=["gadget.example"], **options)) == texts(result)
    lifted = plan({}, live, domain_removals=["Widget.example"])
    assert (texts(lifted), lifted.needs_usage) == ([], ())


# quotas


def with_quota(size, address="ann"):
    return accounts(box(address, quota=size), box("zoe"))


@pytest.mark.parametrize(
    ("before", "after", "used", "passes"),
    [
        (2048, 1024, 1023, True),
        (2048, 1024, 1024, True),
        (2048, 1024, 1025, False),
        (None, 1024, 1025, False),
        (None, 1024, 1024, True),
        (1024, 2048, 4096, True),  # over quota already, but it grows
        (1024, None, 4096, True),
    ],
)
def test_a_quota_below_what_is_used(before, after, used, passes):
    live = applied(with_quota(before))
    result = plan(with_quota(after), live, usage={"ann@widget.example": used})
    assert (not result.refusals, result.needs_usage) == (passes, ())


def test_a_quota_below_use_is_lifted_by_the_address():
    live, usage = applied(with_quota(2048)), {"ann@widget.example": 2000}
    result = plan(with_quota(1024), live, usage=usage)
    hint = typed("quota_below_use", "[ann@widget.example]", '["ann@widget.example"]')
    assert texts(result) == [
        "widget.example: the quota would be less than what is used: "
        f"ann@widget.example (1K, and 2000 bytes are used). {hint}"
    ]
    assert texts(plan(with_quota(1024), live, usage=usage, quota_below_use=["ana@widget.example"])) == texts(result)
    assert texts(plan(with_quota(1024), live, usage=usage, quota_below_use=["ann@widget.example"])) == []


def test_usage_is_asked_for_where_a_quota_shrinks_and_nowhere_else():
    live = applied(accounts(box("ann", quota=2048), box("bob", quota=2048), box("zoe", quota=1024)))
    desired = accounts(box("ann", quota=1024), box("bob", quota=1024), box("zoe", quota=2048))
    result = plan(desired, live, usage={"bob@widget.example": 1})
    assert result.needs_usage == ("ann@widget.example",)
    hint = typed("quota_below_use", "[ann@widget.example]", '["ann@widget.example"]')
    assert texts(result) == [f"widget.example: usage unknown: the quota would shrink of ann@widget.example. {hint}"]
    lifted = plan(desired, live, usage={"bob@widget.example": 1}, quota_below_use=["ann@widget.example"])
    assert (lifted.refusals, lifted.needs_usage) == ((), ())


def test_the_usage_of_a_renamed_mailbox_is_known_by_its_old_address():
    live = applied(with_quota(2048))
    renames = {f"uid=anna,ou={WIDGET},{BASE}": f"uid=ann,ou={WIDGET},{BASE}"}
    assert plan(with_quota(1024, "anna"), live, renames=renames).needs_usage == ("ann@widget.example",)
    usage = {"ann@widget.example": 1025}
    found = texts(plan(with_quota(1024, "anna"), live, renames=renames, usage=usage))
    assert "allow_quota_below_use: [anna@widget.example]" in found[0]
    words = {"renames": renames, "usage": usage}
    for name in ("ann", "anna"):
        assert texts(plan(with_quota(1024, "anna"), live, quota_below_use=[f"{name}@widget.example"], **words)) == []


# administrators


def administered(*boxes, by):
    return accounts(*boxes, administrators=tuple(f"{name}@widget.example" if "@" not in name else name for name in by))


@pytest.mark.parametrize(
    ("boxes", "by", "passes"),
    [
        ([box("ann"), box("bob")], ["ann"], True),
        ([box("ann"), box("bob")], ["bob"], True),
        ([box("ann"), box("bob")], ["x@elsewhere.example"], True),
        ([box("ann"), box("bob")], [], False),
        ([box("bob")], ["ann"], False),
        ([box("ann", state="disabled"), box("bob")], ["ann"], False),
        ([box("ann", state="disabled"), box("bob")], ["ann", "bob"], True),
    ],
)
def test_the_last_administrator_of_a_domain(boxes, by, passes):
    live = applied(administered(box("ann"), box("bob"), by=["ann"]))
    result = plan(administered(*boxes, by=by), live)
    hint = typed("no_administrator", "[widget.example]", '["widget.example"]')
    reason = "widget.example: no administrator would be left who can log in (so far: ann@widget.example)."
    assert texts(result) == ([] if passes else [f"{reason} {hint}"])
    assert texts(plan(administered(*boxes, by=by), live, no_administrator=["widget.example"])) == []
    assert texts(plan(administered(*boxes, by=by), live, no_administrator=["gadget.example"])) == texts(result)


def test_a_domain_that_had_no_administrator_may_go_on_without():
    live = applied(administered(box("ann", state="disabled"), box("bob"), by=["ann"]))
    assert texts(plan(administered(box("ann", state="disabled"), box("bob"), by=[]), live)) == []
    assert texts(plan({}, live, domain_removals=[WIDGET])) == []


# holds


def test_a_mailbox_on_hold_is_not_removed_and_no_word_helps():
    held = box("ann", hold="Case 2026/17")
    live = applied(accounts(held, box("bob")))
    expected = [
        "ann@widget.example is on hold (Case 2026/17) and must not be removed. "
        "If the hold is over, bring its lines back without `hold`, apply that, and remove it then."
    ]
    assert texts(plan(accounts(box("bob")), live, removals={WIDGET: 1})) == expected
    assert texts(plan({}, live, domain_removals=[WIDGET], removals={WIDGET: 2})) == expected
    free = applied(accounts(box("ann"), box("bob")), live)
    assert texts(plan(accounts(box("bob")), free)) == []


def test_a_mailbox_on_hold_may_change_and_be_locked():
    live = applied(accounts(box("ann", hold="Case"), box("bob")))
    assert texts(plan(accounts(box("ann", hold="Case", state="quarantined"), box("bob")), live)) == []


# limits


def test_limits_from_settings():
    assert Limits.of({}) == Limits()
    values = {"few": "5", "share": 0.3, "many": 20, "quarantine_days": 7, "reserve_days": 14}
    assert Limits.of(values) == Limits(5, 0.3, 20, 7, 14)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"lots": 1}, "unknown limits: lots; known are few, share, many, quarantine_days, reserve_days"),
        ({"few": "some"}, "limit few is 'some': it must be a whole number, 0 or more"),
        ({"many": -1}, "limit many is -1: it must be a whole number, 0 or more"),
        ({"many": True}, "limit many is True: it must be a whole number, 0 or more"),
        ({"few": None}, "limit few is None: it must be a whole number, 0 or more"),
        ({"share": 1.5}, "limit share is 1.5: it must be 0 to 1"),
        ({"share": []}, r"limit share is \[\]: it must be 0 to 1"),
    ],
)
def test_limits_that_make_no_sense(values, reason):
    with pytest.raises(ValueError, match=f"^{reason}$"):
        Limits.of(values)
