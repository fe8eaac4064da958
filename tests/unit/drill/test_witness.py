# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes never have the disk at the same time, and the witness tells if they do."""

from mailroom_drill.logic.witness import Mounted, had_disk, intervals, lines, overlaps


def told(node, *moments, run="1.0", epoch=1):
    return "".join(f"{node} {run} {epoch} {moment}\n" for moment in moments)


def test_one_after_the_other():
    found = intervals([told("mail1", 1.0, 1.1, 1.2), told("mail2", 5.0, 5.1)])
    assert found == [Mounted("mail1", 1.0, 1.2), Mounted("mail2", 5.0, 5.1)]
    assert overlaps(found) == []


def test_both_at_once():
    found = intervals([told("mail1", 1.0, 5.2), told("mail2", 5.0, 6.0)])
    assert overlaps(found) == ["mail1 and mail2 both had the disk for 0.20 s from 5.00"]
    assert overlaps(found, tolerance=0.3) == []


def test_a_frozen_node_had_it_all_the_time():
    # It wrote nothing while it was frozen, then one line more: the other was there in between.
    found = intervals([told("mail1", 1.0, 1.1, 20.0), told("mail2", 5.0, 9.0)])
    assert len(overlaps(found)) == 1


def test_there_and_back_is_no_overlap():
    texts = [told("mail1", 1.0, 2.0) + told("mail1", 9.0, 9.5, epoch=2), told("mail2", 4.0, 6.0)]
    assert overlaps(intervals(texts)) == []
    assert overlaps([Mounted("mail1", 1, 9), Mounted("mail1", 2, 3)]) == []


def test_lines_in_both_files_count_once_and_half_lines_not():
    text = told("mail1", 1.0, 1.1)
    assert intervals([text, text]) == [Mounted("mail1", 1.0, 1.1)]
    assert lines("mail1 1.0 1 1.5\n\0\0\0mail1 1.0 1\nmail1 1.0 1 x\nmail") == [("mail1", "1.0 1", 1.5)]


def test_clocks_that_differ():
    texts = [told("mail1", 1.0, 5.2), told("mail2", 5.0, 6.0)]
    assert overlaps(intervals(texts, {"mail1": 0.5})) == []


def test_who_had_it_between():
    found = [Mounted("mail1", 1.0, 2.0)]
    assert had_disk(found, "mail1", 0.0, 1.0)
    assert had_disk(found, "mail1", 1.5, 1.6)
    assert not had_disk(found, "mail1", 2.1, 9.0)
    assert not had_disk(found, "mail2", 0.0, 9.0)
