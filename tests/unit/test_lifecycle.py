# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal, return and the end of a reservation; renames; addresses that go to another person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from conftest import BASE, TODAY, FakeDirectory, alias_dn, applied, mailbox_dn, plan
from mailroom import directory
from mailroom.limits import Limits
from mailroom.model import Alias, Domain, Group, Mailbox
from mailroom.operations import operations

DOMAIN_DN = f"ou=widget.example,{BASE}"
WIDGET = "widget.example"
ANN, BOB, ZOE = (
    Mailbox(local, WIDGET, name) for local, name in (("ann", "Ann Lee"), ("bob", "Bob B"), ("zoe", "Zoe Z"))
)
LATER = [TODAY + timedelta(days) for days in (30, 89, 90)]


def accounts(*things, name=WIDGET, **fields):
    """The entries of a domain with some objects in it."""
    domain = Domain(name, **fields)
    for thing in things:
        kind = {Mailbox: domain.mailboxes, Alias: domain.aliases, Group: domain.groups}[type(thing)]
        kind.append(thing)
    return directory.entries([domain], BASE)


def with_fields(box, **fields):
    """A copy of a mailbox with other fields."""
    return Mailbox(**{**{name: getattr(box, name) for name in ("local", "domain", "name")}, **fields})


@pytest.fixture
def live():
    """Ann, Bob and Zoe, who stays."""
    return applied(accounts(ANN, BOB, ZOE))


def steps(result):
    """(action, kind, label) of each step."""
    return [(step.action, step.kind, step.label) for step in result.steps]


def refusals(result):
    return [str(refusal) for refusal in result.refusals]


# removal


def test_a_removed_mailbox_is_quarantined_and_keeps_its_addresses(live):
    before = live[mailbox_dn("ann")]
    after = applied(accounts(BOB, ZOE), live)[mailbox_dn("ann")]
    assert after == {
        **before,
        "mailroomState": ["quarantined"],
        "mailroomRemoved": ["2026-11-21"],
        "mailroomPurge": ["2026-12-21"],
        "mailroomDigest": after["mailroomDigest"],
    }
    assert after["mailroomDigest"] == [directory.digest(after)] != before["mailroomDigest"]


def test_the_plan_of_a_removal_shows_it_with_the_date_of_the_purge(live):
    result = plan(accounts(BOB, ZOE), live)
    assert result.text().splitlines()[:3] == [
        WIDGET,
        "  - mailbox ann@widget.example",
        "      mailroomPurge: 2026-12-21",
    ]
    assert result.as_dict()["steps"][0]["purge"] == "2026-12-21"
    assert result.counts["deletes"] == 1


def test_the_checksum_of_a_plan_is_the_same_on_another_day(live):
    live[mailbox_dn("bob")]["modifyTimestamp"] = ["20261121000000Z"]
    desired = accounts(
        with_fields(ZOE, aliases=("zz@widget.example",)), with_fields(BOB, renamed_from="ann@widget.example")
    )
    first = plan(desired, live)
    live[mailbox_dn("bob")]["modifyTimestamp"] = ["20261122000000Z"]
    second = plan(desired, live, today=LATER[0])
    assert first.steps != second.steps
    assert first.checksum == second.checksum


@pytest.mark.parametrize(("today", "gone"), [(LATER[0], False), (LATER[1], False), (LATER[2], True)])
def test_an_entry_goes_with_the_end_of_its_reservation_and_needs_no_word(live, today, gone):
    live = applied(accounts(BOB, ZOE), live)
    result = plan(accounts(BOB, ZOE), live, today=today)
    assert refusals(result) == []
    assert steps(result) == ([("delete", "reservation", "ann@widget.example")] if gone else [])
    if gone:
        assert result.text().startswith("Reservations that end\n  - reservation ann@widget.example\nCreates=0, ")
        assert (result.counts["deletes"], result.counts["released"]) == (0, 1)
        assert "Deletes=0, Released=1, Existing=3" in result.summary
        assert mailbox_dn("ann") not in applied(accounts(BOB, ZOE), live, today=today)


def test_the_limits_that_are_set_decide_on_the_days(live):
    limits = Limits(quarantine_days=5, reserve_days=7)
    live = applied(accounts(BOB, ZOE), live, limits=limits)
    assert live[mailbox_dn("ann")]["mailroomPurge"] == ["2026-11-26"]
    days = [TODAY + timedelta(days) for days in (6, 7)]
    assert [plan(accounts(BOB, ZOE), live, today=day, limits=limits).changed for day in days] == [False, True]


def test_an_entry_stays_until_its_mail_is_purged(live):
    limits = Limits(quarantine_days=20, reserve_days=10)
    live = applied(accounts(BOB, ZOE), live, limits=limits)
    days = [TODAY + timedelta(days) for days in (10, 20, 21)]
    assert [plan(accounts(BOB, ZOE), live, today=day, limits=limits).changed for day in days] == [False, False, True]


@pytest.mark.parametrize("broken", [{"mailroomRemoved": ["soon"]}, {"mailroomPurge": [""]}, {"mailroomHold": ["Case"]}])
def test_what_cannot_be_read_or_is_on_hold_is_kept(live, broken):
    live = applied(accounts(BOB, ZOE), live)
    live[mailbox_dn("ann")].update(broken)
    assert not plan(accounts(BOB, ZOE), live, today=LATER[2]).changed


def test_lines_that_come_back_restore_the_mailbox(live):
    live[mailbox_dn("ann")]["userPassword"] = ["{ARGON2}hers"]
    removed = applied(accounts(BOB, ZOE), live)
    result = plan(accounts(ANN, BOB, ZOE), removed)
    assert [change.attribute for change in result.steps[0].changes] == ["mailroomState"]
    assert applied(accounts(ANN, BOB, ZOE), removed) == live


def test_a_removed_mailbox_can_come_back_locked(live):
    removed = applied(accounts(BOB, ZOE), live)
    locked = accounts(with_fields(ANN, state="quarantined"), BOB, ZOE)
    after = applied(locked, removed)
    assert after[mailbox_dn("ann")].keys() & {"mailroomRemoved", "mailroomPurge"} == set()
    assert not plan(locked, after).changed


def test_a_mailbox_quarantined_by_the_files_has_no_dates(live):
    after = applied(accounts(with_fields(ANN, state="quarantined"), BOB, ZOE), live)[mailbox_dn("ann")]
    assert after["mailroomState"] == ["quarantined"]
    assert "mailroomPurge" not in after


def test_aliases_and_groups_go_at_once(live):
    team, sales = Group("team", WIDGET, "Team", (ANN.address,)), Alias("sales", WIDGET, (ANN.address,))
    live = applied(accounts(ANN, BOB, ZOE, team, sales), live)
    after = applied(accounts(ANN, BOB, ZOE), live)
    assert after.keys().isdisjoint({alias_dn("team"), alias_dn("sales")})


def test_a_removed_domain_refuses_mail_as_long_as_it_keeps_mailboxes(live):
    words = {"domain_removals": [WIDGET]}
    after = applied({}, live, **words)
    domain = after[DOMAIN_DN]
    assert (domain["mailroomState"], domain["mailroomRemoved"]) == (["quarantined"], ["2026-11-21"])
    assert "mailroomPurge" not in domain
    assert not plan({}, after, today=LATER[1]).changed
    assert ("delete", "reservation", WIDGET) in steps(plan({}, after, today=LATER[2]))
    assert applied({}, after, today=LATER[2]) == {}
    assert applied(accounts(ANN, BOB, ZOE), after) == live


def test_an_empty_domain_goes_at_once():
    assert applied({}, applied(accounts())) == {}


# store paths


def test_a_new_mailbox_gets_a_store_path_of_its_own(live):
    assert live[mailbox_dn("ann")]["mailroomStore"] == ["widget.example/ann"]
    for local, path in (("x", "widget.example/new"), ("y", "WIDGET.example/new~2")):
        live[mailbox_dn(local)] = {"mailroomStore": [path]}
    after = applied(accounts(ANN, BOB, ZOE, Mailbox("new", WIDGET, "New")), live)
    assert after[mailbox_dn("new")]["mailroomStore"] == ["widget.example/new~3"]


# renames


def renamed(local="anna", old="ann@widget.example", **fields):
    """Files in which Ann is called otherwise, and where she was before."""
    desired = accounts(with_fields(ANN, local=local, **fields), BOB, ZOE)
    attribute, domain = old.split("@")
    return desired, {mailbox_dn(local): mailbox_dn(attribute, domain)}


def test_a_rename_keeps_password_and_store_and_frees_the_old_address(live):
    live[mailbox_dn("ann")]["userPassword"] = ["{ARGON2}hers"]
    desired, renames = renamed()
    result = plan(desired, live, renames=renames)
    assert [(step.action, step.name, step.old_name) for step in result.steps] == [
        ("rename", mailbox_dn("anna"), mailbox_dn("ann"))
    ]
    assert result.text().splitlines()[1] == "  > mailbox ann@widget.example -> anna@widget.example"
    assert "! mailbox ann@widget.example -> anna@widget.example" in result.markdown()
    shown = result.as_dict()["steps"][0]
    assert (shown["old_name"], shown["old_label"]) == (mailbox_dn("ann"), "ann@widget.example")
    assert "Updates=0, Renames=1, Deletes=0" in result.summary
    after = applied(desired, live, renames=renames)
    anna = after[mailbox_dn("anna")]
    assert mailbox_dn("ann") not in after
    assert anna["userPassword"] == ["{ARGON2}hers"]
    assert anna["mailroomStore"] == ["widget.example/ann"]
    assert (anna["mailroomUser"], anna["uid"]) == (["anna@widget.example"], ["anna"])
    assert anna["mailroomFormerAddress"] == ["2026-11-21 ann@widget.example"]
    assert not plan(desired, after, renames=renames).changed


def test_an_old_address_that_is_listed_stays(live):
    desired, renames = renamed(aliases=("ann@widget.example",))
    after = applied(desired, live, renames=renames)[mailbox_dn("anna")]
    assert after["mailroomAddress"] == ["ann@widget.example", "anna@widget.example"]
    assert "mailroomFormerAddress" not in after


def test_a_rename_is_no_removal_even_of_the_last_mailbox():
    live = applied(accounts(ANN))
    desired = accounts(with_fields(ANN, local="anna"))
    assert refusals(plan(desired, live, renames={mailbox_dn("anna"): mailbox_dn("ann")})) == []


def test_a_mailbox_moves_to_another_domain_and_the_old_one_goes(live):
    moved = [with_fields(box, domain="gadget.example") for box in (ANN, BOB, ZOE)]
    desired = accounts(*moved, name="gadget.example")
    renames = {mailbox_dn(box.local, "gadget.example"): mailbox_dn(box.local) for box in moved}
    after = applied(desired, live, renames=renames)
    assert after.keys() == desired.keys()
    assert after[mailbox_dn("ann", "gadget.example")]["mailroomStore"] == ["widget.example/ann"]


def test_the_address_of_who_moved_to_another_domain_is_reserved_for_ninety_days(live):
    elsewhere = accounts(with_fields(ANN, domain="gadget.example"), name="gadget.example")
    renames = {mailbox_dn("ann", "gadget.example"): mailbox_dn("ann")}
    result = plan(accounts(BOB, ZOE) | elsewhere, live, renames=renames)
    assert ("rename", "mailbox", "ann@gadget.example") in steps(result)
    live = applied(accounts(BOB, ZOE) | elsewhere, live, renames=renames)
    assert live[mailbox_dn("ann", "gadget.example")]["mailroomFormerAddress"] == ["2026-11-21 ann@widget.example"]
    # Whoever comes next under that name: another mailbox, another store, and not before somebody says so.
    other = accounts(with_fields(ANN, name="Ann Other"), BOB, ZOE) | elsewhere
    reason = refused_reuse(other, live, "ann@widget.example", renames=renames, today=LATER[1])
    assert "belonged to mailbox ann@gadget.example until 2026-11-21" in reason
    assert refusals(plan(other, live, renames=renames, today=LATER[2])) == []
    after = applied(other, live, renames=renames, reuse=["ann@widget.example"])
    assert after[mailbox_dn("ann")]["mailroomStore"] == ["widget.example/ann~2"]
    assert after[mailbox_dn("ann", "gadget.example")]["mailroomStore"] == ["widget.example/ann"]
    assert not plan(other, after, renames=renames).changed


def test_a_rename_of_what_is_not_there_makes_a_mailbox_and_says_so(live):
    desired, renames = renamed(old="anne@widget.example")
    result = plan(desired, live, renames=renames)
    assert result.remarks == (
        "anna@widget.example: renamed_from anne@widget.example, which is not there: it is made anew",
    )
    assert ("create", "mailbox", "anna@widget.example") in steps(result)


def test_a_rename_to_what_is_there_is_refused(live):
    result = plan(accounts(BOB, ZOE), live, renames={mailbox_dn("bob"): mailbox_dn("ann")})
    assert refusals(result) == [
        "bob@widget.example: renamed_from ann@widget.example cannot be done: both are there. "
        "Remove one of the two first, or take renamed_from away and keep both."
    ]


def test_a_rename_that_was_done_stays_in_the_file_when_another_person_gets_the_old_name(live):
    desired, renames = renamed()
    desired |= accounts(with_fields(ANN, name="Ann Other"))
    words = {"renames": renames, "reuse": ["ann@widget.example"]}
    after = applied(desired, live, **words)
    assert after[mailbox_dn("ann")]["mailroomStore"] == ["widget.example/ann~2"]
    assert not plan(desired, after, **words).changed
    # And also after that person has left.
    left, _renames = renamed()
    after = applied(left, after, renames=renames)
    assert not plan(left, after, renames=renames).changed


def test_names_move_on_in_a_chain(live):
    desired = accounts(with_fields(ANN, local="tmp"), with_fields(BOB, local="ann"), ZOE)
    renames = {mailbox_dn("tmp"): mailbox_dn("ann"), mailbox_dn("ann"): mailbox_dn("bob")}
    after = applied(desired, live, renames=renames, reuse=["ann@widget.example"])
    assert after[mailbox_dn("ann")]["cn"] == ["Bob B"]
    assert after[mailbox_dn("ann")]["mailroomStore"] == ["widget.example/bob"]
    assert not plan(desired, after, renames=renames).changed
    # The second run of a swap.
    desired = accounts(with_fields(ANN, local="bob"), with_fields(BOB, local="ann"), ZOE)
    renames = {mailbox_dn("bob"): mailbox_dn("tmp"), mailbox_dn("ann"): mailbox_dn("bob")}
    after = applied(desired, after, renames=renames, reuse=["bob@widget.example"])
    assert after[mailbox_dn("bob")]["mailroomStore"] == ["widget.example/ann"]
    assert not plan(desired, after, renames=renames).changed


def test_a_swap_of_names_is_refused(live):
    desired = accounts(with_fields(ANN, local="bob"), with_fields(BOB, local="ann"), ZOE)
    renames = {mailbox_dn("bob"): mailbox_dn("ann"), mailbox_dn("ann"): mailbox_dn("bob")}
    assert refusals(plan(desired, live, renames=renames)) == [
        f"{new}@widget.example: renamed_from {old}@widget.example leads in a circle. "
        "Rename in two runs, over a name that nobody has."
        for new, old in (("ann", "bob"), ("bob", "ann"))
    ]


def test_one_mailbox_is_not_renamed_to_two(live):
    desired = accounts(with_fields(ANN, local="anna"), with_fields(ANN, local="anne"), BOB, ZOE)
    renames = {mailbox_dn("anna"): mailbox_dn("ann"), mailbox_dn("anne"): mailbox_dn("ann")}
    assert refusals(plan(desired, live, renames=renames)) == [
        "anne@widget.example: renamed_from ann@widget.example is said of anna@widget.example as well. "
        "Take it away from one of the two."
    ]


def test_a_removed_mailbox_comes_back_under_another_name(live):
    removed = applied(accounts(BOB, ZOE), live)
    desired, renames = renamed()
    after = applied(desired, removed, renames=renames)
    assert "mailroomRemoved" not in after[mailbox_dn("anna")]
    assert mailbox_dn("ann") not in after


def test_an_entry_of_others_is_not_renamed(live):
    live[mailbox_dn("guest")] = {"mailroomAddress": ["guest@widget.example"]}
    desired, renames = renamed(old="guest@widget.example")
    found = refusals(plan(desired, live, renames=renames))
    assert found[0].startswith(f"{mailbox_dn('guest')} exists without mailroomManagedBy: accounts")


# addresses of other people

AGAIN = 'If that is meant, name it: allow_reuse: [{0}] (with the playbook: -e \'{{"mailroom_allow_reuse": ["{0}"]}}\')'


def refused_reuse(desired, live, address, **options):
    """The reasons why an address may not go over; checks that naming it, and only it, helps."""
    result = plan(desired, live, **options)
    (found,) = refusals(result)
    reason, _space, hint = found.partition(" If that")
    assert f"If that{hint}" == AGAIN.format(address)
    assert refusals(plan(desired, live, reuse=["zoe@widget.example"], **options)) == [found]
    assert refusals(plan(desired, live, reuse=[address], **options)) == []
    return reason


OTHER_ANN = with_fields(ANN, name="Ann Other")


@pytest.mark.parametrize("today", LATER[:2])
def test_another_person_of_the_same_name_needs_a_word_for_ninety_days(live, today):
    removed = applied(accounts(BOB, ZOE), live)
    reason = refused_reuse(accounts(OTHER_ANN, BOB, ZOE), removed, "ann@widget.example", today=today)
    assert reason == (
        "ann@widget.example is kept for Ann Lee until 2027-02-19; it would go to mailbox ann@widget.example."
    )


def test_after_that_anybody_may_have_the_name(live):
    removed = applied(accounts(BOB, ZOE), live)
    desired = accounts(OTHER_ANN, BOB, ZOE)
    after = applied(desired, removed, today=LATER[2])
    assert after.keys() == desired.keys()
    assert after[mailbox_dn("ann")]["cn"] == ["Ann Other"]
    assert after[mailbox_dn("ann")]["mailroomStore"] == ["widget.example/ann~2"]


def test_the_earlier_person_s_entry_makes_room_and_is_purged_in_time(live):
    removed = applied(accounts(BOB, ZOE), live)
    desired = accounts(OTHER_ANN, BOB, ZOE)
    result = plan(desired, removed, reuse=["ann@widget.example"])
    assert ("rename", "reservation", "ann~2026-11-21@widget.example") in steps(result)
    after = applied(desired, removed, reuse=["ann@widget.example"])
    aside = after[mailbox_dn("ann~2026-11-21")]
    assert aside["mailroomUser"] == aside["mailroomAddress"] == ["ann~2026-11-21@widget.example"]
    assert aside["mailroomDelivery"] == ["ann~2026-11-21@widget.example"]
    assert "mail" not in aside
    assert (aside["mailroomStore"], aside["mailroomPurge"]) == (["widget.example/ann"], ["2026-12-21"])
    assert aside["mailroomDigest"] == [directory.digest(aside)]
    assert after[mailbox_dn("ann")]["mailroomStore"] == ["widget.example/ann~2"]
    # It happens again on the same day.
    after = applied(accounts(BOB, ZOE), after)
    after = applied(accounts(ANN, BOB, ZOE), after, reuse=["ann@widget.example"])
    assert mailbox_dn("ann~2026-11-21~2") in after
    assert after[mailbox_dn("ann")]["mailroomStore"] == ["widget.example/ann~3"]


def test_an_address_of_a_removed_mailbox_goes_to_another_in_the_same_run(live):
    desired = accounts(with_fields(BOB, aliases=("ann@widget.example",)), ZOE)
    reason = refused_reuse(desired, live, "ann@widget.example")
    assert reason == (
        "ann@widget.example is kept for Ann Lee until 2027-02-19; it would go to mailbox bob@widget.example."
    )
    after = applied(desired, live, reuse=["ann@widget.example"])
    assert after[mailbox_dn("ann~2026-11-21")]["mailroomState"] == ["quarantined"]
    assert not plan(desired, after).changed


@pytest.mark.parametrize("removed_before", [True, False])
def test_a_further_address_of_a_removed_mailbox_goes_to_an_alias(removed_before):
    live = applied(accounts(with_fields(ANN, aliases=("sales@widget.example",)), BOB, ZOE))
    if removed_before:
        live = applied(accounts(BOB, ZOE), live)
    desired = accounts(BOB, ZOE, Alias("sales", WIDGET, (BOB.address,)))
    assert refused_reuse(desired, live, "sales@widget.example").endswith("; it would go to alias sales@widget.example.")
    ann = applied(desired, live, reuse=["sales@widget.example"])[mailbox_dn("ann")]
    assert ann["mailroomAddress"] == ["ann@widget.example"]
    assert ann["mailroomFormerAddress"] == ["2026-11-21 sales@widget.example"]


def test_an_address_that_moves_between_people_in_one_run_needs_a_word():
    live = applied(accounts(with_fields(ANN, aliases=("sales@widget.example",)), BOB))
    desired = accounts(ANN, with_fields(BOB, aliases=("sales@widget.example",)))
    reason = refused_reuse(desired, live, "sales@widget.example")
    assert reason == (
        "sales@widget.example belongs to mailbox ann@widget.example; it would go to mailbox bob@widget.example."
    )


def test_a_former_address_needs_a_word_for_ninety_days():
    live = applied(accounts(with_fields(ANN, aliases=("sales@widget.example",)), BOB))
    live = applied(accounts(ANN, BOB), live)
    desired = accounts(ANN, with_fields(BOB, aliases=("sales@widget.example",)))
    reason = refused_reuse(desired, live, "sales@widget.example", today=LATER[1])
    assert reason == (
        "sales@widget.example belonged to mailbox ann@widget.example until 2026-11-21; "
        "it would go to mailbox bob@widget.example."
    )
    assert refusals(plan(desired, live, today=LATER[2])) == []
    assert refusals(plan(desired, live, limits=Limits(reserve_days=0))) == []
    back = accounts(with_fields(ANN, aliases=("sales@widget.example",)), BOB)
    assert "mailroomFormerAddress" not in applied(back, live)[mailbox_dn("ann")]


def test_what_was_forgotten_is_not_kept_on_the_entry(live):
    live[mailbox_dn("ann")]["mailroomFormerAddress"] = ["2020-01-01 old@widget.example", "rubbish"]
    live[mailbox_dn("ann")]["mailroomAddress"].append("new@widget.example")
    after = applied(accounts(ANN, BOB, ZOE), live)[mailbox_dn("ann")]
    assert after["mailroomFormerAddress"] == ["2026-11-21 new@widget.example"]


def test_every_spelling_is_one_address():
    bucher = "xn--bcher-kva.example"
    ann, bob = (with_fields(box, domain=bucher) for box in (ANN, BOB))
    live = applied(accounts(with_fields(ann, aliases=(f"x@{bucher}",)), bob, name=bucher))
    desired = accounts(ann, with_fields(bob, aliases=(f"x@{bucher}",)), name=bucher)
    assert len(plan(desired, live).refusals) == 1
    assert refusals(plan(desired, live, reuse=["X@Bücher.example"])) == []


def test_a_domain_does_not_get_a_name_that_a_removed_one_keeps(live):
    removed = applied(accounts(name="gadget.example"), live, domain_removals=[WIDGET])
    found = refusals(plan(accounts(name="gadget.example", alias_names=(WIDGET,)), removed))
    assert found == [
        f"widget.example for domain gadget.example is already a name of {DOMAIN_DN}. Take it from there first. "
        "A removed domain keeps its names as long as it keeps mailboxes: move those with renamed_from before you "
        "remove it, or "
        "wait for the end of their reservations."
    ]


def test_a_run_that_stopped_while_an_entry_made_room_is_completed(live):
    desired = accounts(with_fields(BOB, aliases=("ann@widget.example",)), ZOE)
    words = {"reuse": ["ann@widget.example"], "removals": {WIDGET: 1}}
    goal = applied(desired, live, **words)
    todo = operations(plan(desired, live, **words))
    assert len(todo) == 4
    for done in range(len(todo)):
        fake = FakeDirectory(live)
        fake.run(todo[:done])
        assert applied(desired, fake.entries, **words) == goal
