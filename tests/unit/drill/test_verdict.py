# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge, on histories that are made up: each thing that must be caught, and the near miss that must not."""

import pytest
from drilltools import BOX, OTHER, attempt, copy
from mailroom_drill.logic.model import REFUSED, UNDECIDED, Disturbance, Folder
from mailroom_drill.logic.verdict import compare_folders, judge

FAULT = Disturbance(110.0, 114.0)


def both(tries, copies, *disturbances):
    """The same copies over IMAP and in files."""
    return judge(tries, copies, copies, disturbances)


def test_all_is_well():
    verdict = both([attempt("a"), attempt("b")], [copy("a"), copy("b")])
    assert verdict.good
    assert (verdict.sent, verdict.acknowledged, verdict.delayed) == (2, 2, 0)
    assert verdict.as_dict()["good"] is True


def test_acknowledged_and_absent_is_lost():
    verdict = both([attempt("a"), attempt("b")], [copy("b")])
    assert verdict.lost == [f"a to {BOX}, acknowledged over outside"]
    assert not verdict.good


@pytest.mark.parametrize("outcome", [REFUSED, UNDECIDED])
def test_what_was_not_acknowledged_may_be_absent(outcome):
    assert both([attempt(outcome=outcome)], []).good


def test_undecided_and_there_is_allowed_and_counted():
    verdict = both([attempt(outcome=UNDECIDED)], [copy()])
    assert verdict.good
    assert (verdict.unacknowledged_there, verdict.undecided_tries) == (1, 1)


def test_refused_and_there_is_unexpected():
    assert both([attempt(outcome=REFUSED)], [copy()]).unexpected == [f"a in {BOX}: every try was refused"]


def test_never_sent_is_unexpected():
    assert both([], [copy("stranger")]).unexpected == [f"stranger in {BOX}: never sent"]
    assert both([], [copy("", where="INBOX UID 7")]).unexpected == [f"INBOX UID 7 in {BOX}: never sent"]
    assert both([], [copy("")]).unexpected == [f"a message without an id in {BOX}: never sent"]


def test_the_wrong_mailbox_is_unexpected_and_the_message_lost():
    verdict = both([attempt()], [copy(mailbox=OTHER)])
    assert verdict.unexpected == [f"a in {OTHER}: sent to {BOX}"]
    assert len(verdict.lost) == 1


def test_changed_text_is_corrupt_and_the_message_lost():
    verdict = both([attempt()], [copy(digest="another")])
    assert verdict.corrupt == [f"a in {BOX}: its text is not what was sent"]
    assert len(verdict.lost) == 1


def test_a_resend_after_an_undecided_try_explains_one_more_copy():
    tries = [attempt(outcome=UNDECIDED, ended=99.0), attempt()]
    verdict = both(tries, [copy(), copy(stored=101.0)])
    assert verdict.good
    assert len(verdict.resent) == 1
    assert len(both(tries, [copy(), copy(), copy()]).duplicates) == 1


def test_a_refused_try_explains_no_copy():
    assert len(both([attempt(outcome=REFUSED, ended=99.0), attempt()], [copy(), copy()]).duplicates) == 1


@pytest.mark.parametrize(
    ("first", "second", "explained"),
    [
        (109.9, 115.0, True),  # In delivery when the fault came.
        (112.0, 116.0, True),  # Delivered in it.
        (104.9, 115.0, False),  # Long before it.
        (114.1, 116.0, False),  # After it.
        (109.0, 109.5, False),  # Both before it.
    ],
)
def test_a_delivery_that_a_fault_cut_explains_a_repeat(first, second, explained):
    verdict = both([attempt(ended=first - 0.2)], [copy(stored=first), copy(stored=second)], FAULT)
    assert len(verdict.repeated) == explained
    assert len(verdict.duplicates) == (not explained)


def test_one_fault_explains_one_repeat():
    copies = [copy(stored=109.9), copy(stored=111.0), copy(stored=115.0)]
    assert len(both([attempt()], copies, FAULT).duplicates) == 1


def test_delays_are_told():
    verdict = both([attempt("a"), attempt("b")], [copy("a", stored=104.9), copy("b", stored=106.0)])
    assert verdict.good
    assert (verdict.delayed, verdict.longest_delay) == (1, 6.0)


def test_unknown_times_are_no_delay():
    assert both([attempt()], [copy(stored=0.0)]).longest_delay == 0.0


def test_imap_and_files_must_agree():
    verdict = judge([attempt("a"), attempt("b")], [copy("a"), copy("b")], [copy("a")])
    assert verdict.disagree == [f"b in {BOX}: 1 over IMAP, 0 in files"]
    verdict = judge([], [], [copy("")])
    assert verdict.disagree == [f"a message without an id in {BOX}: 0 over IMAP, 1 in files"]


BEFORE = {BOX: Folder(77, {1: "a", 2: "b", 3: ""})}


def test_the_same_uids_with_more_behind_them_are_well():
    assert compare_folders(BEFORE, {BOX: Folder(77, {1: "a", 2: "b", 3: "", 4: "c"}), OTHER: Folder(1, {})}) == []


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({}, "not there any more"),
        ({BOX: Folder(78, {1: "a", 2: "b", 3: ""})}, "UIDVALIDITY was 77 and is 78"),
        ({BOX: Folder(77, {1: "a", 3: ""})}, "UID 2 was b and is gone"),
        ({BOX: Folder(77, {1: "a", 2: "c", 3: ""})}, "UID 2 was b and is c"),
        ({BOX: Folder(77, {1: "a", 2: "", 3: ""})}, "UID 2 was b and is another message"),
        ({BOX: Folder(77, {1: "a", 2: "b"})}, "UID 3 was a message and is gone"),
    ],
)
def test_changed_uids_are_found(after, words):
    assert compare_folders(BEFORE, after) == [f"{BOX}: {words}"]
