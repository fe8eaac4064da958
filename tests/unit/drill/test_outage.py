# SPDX-License-Identifier: GPL-3.0-or-later
"""Time out of service."""

import pytest
from mailroom_drill.logic.outage import Outage, closed, outage, percentile, silences, worst


def test_the_longest_silence_counts_not_the_first_answer():
    # The answer at 10.05 came while the node was dying.
    found = outage([9.0, 9.9, 10.05, 13.5, 13.6, 13.7], 10.0, 14.0)
    assert (found.last, found.ended) == (10.05, 13.5)
    assert found.gap == pytest.approx(3.45)
    assert found.after_fault == pytest.approx(3.5)


def test_a_silence_that_began_before_the_fault():
    found = outage([9.0, 9.8, 13.0, 13.1], 10.0, 14.0)
    assert (found.last, found.ended) == (9.8, 13.0)
    assert found.after_fault == pytest.approx(3.0)


def test_no_outage_is_a_short_gap():
    found = outage([9.9, 10.1, 10.2, 10.3], 10.0, 10.4)
    assert found.gap == pytest.approx(0.2)
    assert found.ended == 10.1


def test_nothing_came_back():
    assert outage([9.0, 9.9], 10.0, 60.0) == Outage(9.9, None, pytest.approx(50.1), 50.0)
    assert outage([], 10.0, 60.0) == Outage(None, None, 50.0, 50.0)


def test_it_came_back_and_went_for_good():
    found = outage([9.9, 12.0, 12.1], 10.0, 60.0)
    assert (found.last, found.ended) == (12.1, None)


def test_nothing_was_there_before():
    found = outage([12.0, 12.1], 10.0, 12.2)
    assert (found.last, found.ended, found.gap) == (None, 12.0, 2.0)


def test_the_worst_ends_last():
    one, two, never = Outage(0, 3.0, 3.0, 3.0), Outage(0, 4.0, 4.0, 4.0), Outage(0, None, 1.0, 1.0)
    assert worst([one, two]) is two
    assert worst([one, never, two]) is never


def test_silences():
    assert silences([3, 1, 1.5, 6], 1.4) == [(1.5, 3), (3, 6)]
    assert silences([], 1) == []


def test_percentiles_by_nearest_rank():
    values = [float(number) for number in range(1, 21)]
    assert percentile(values, 95) == 19.0
    assert percentile(values, 100) == 20.0
    assert percentile(values, 50) == 10.0
    assert percentile([7.0], 95) == 7.0
    assert percentile([1.0, 2.0], 1) == 1.0


def test_a_mailbox_that_stays_closed_is_named():
    answered = [9.9, *(12 + number / 2 for number in range(96))]
    readers = {"ann@x.test": answered, "bob@x.test": [9.9, 12.5], "eve@x.test": [9.9, 45.0, 59.0]}
    service = outage(answered, 10.0, 60.0)
    assert closed(readers, 10.0, 60.0, service) == [
        "bob@x.test: closed for 48 s and still then, the service for 2 s",
        "eve@x.test: closed for 35 s, the service for 2 s",
    ]
    assert closed({"ann@x.test": answered, "zoe@x.test": [9.9, 14.0, *answered[10:]]}, 10.0, 60.0, service) == []
    assert closed({"new@x.test": []}, 10.0, 60.0, service) == [
        "new@x.test: closed for 50 s and still then, the service for 2 s"
    ]
