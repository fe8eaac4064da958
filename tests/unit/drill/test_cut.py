# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy of the disk must hold."""

from drilltools import BOX, attempt
from mailroom_drill.logic.cut import Disk, Seen, after_cut
from mailroom_drill.logic.model import UNDECIDED

A, B = attempt("a", ended=90.0), attempt("b", ended=99.0)


def test_in_the_queue_or_delivered_is_well():
    assert after_cut([A, B], [], Disk({"a": A.digest}, {"b": B.digest}), 100.0) == []
    # Delivered, and its queue file not removed yet.
    assert after_cut([A], [], Disk({"a": A.digest}, {"a": A.digest}), 100.0) == []


def test_acknowledged_before_and_absent():
    assert after_cut([A, B], [], Disk({}, {"a": A.digest}), 100.0) == ["lost: b, acknowledged 1.00 s before"]


def test_what_came_later_or_was_undecided_may_be_absent():
    assert after_cut([attempt(ended=100.1), attempt("u", UNDECIDED, 99.0)], [], Disk(), 100.0) == []


def test_an_empty_file_is_corrupt_unless_the_queue_has_the_message():
    assert after_cut([A], [], Disk({}, {"a": "of nothing"}), 100.0) == ["corrupt: a, acknowledged 10.00 s before"]
    assert after_cut([A], [], Disk({"a": A.digest}, {"a": "of nothing"}), 100.0) == []


def test_uids_that_were_shown_stay():
    seen = [Seen(BOX, 1, "a", 99.0), Seen(BOX, 2, "b", 100.5)]
    assert after_cut([], seen, Disk(uids={BOX: {1: "a"}}), 100.0) == []
    wrong = f"UID 1 of {BOX} was shown as a and is "
    assert after_cut([], seen, Disk(uids={BOX: {1: "b"}}), 100.0) == [f"{wrong}b"]
    assert after_cut([], seen, Disk(), 100.0) == [f"{wrong}not there"]
