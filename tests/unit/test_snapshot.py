# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run remembers of the directory, and what makes it look again."""

from __future__ import annotations

import pytest
from mailroom.snapshot import Snapshot, content, rows

ANN = {"cn": ["Ann"], "mailroomAddress": ["ann@a.test", "a@a.test"], "modifyTimestamp": ["20261121"]}


@pytest.fixture
def snapshot():
    entries = {"uid=ann": ANN, "uid=anna": {"cn": ["Anna"]}}
    return Snapshot("asked", rows(entries, {"uid=ann": "1", "uid=anna": "2"}), {"changed": False})


def test_nothing_written_since(snapshot):
    assert snapshot.changed({"uid=ann": "1", "uid=anna": "2"}) == []


@pytest.mark.parametrize(
    "marks", [{"uid=ann": "1"}, {"uid=ann": "1", "uid=joann": "2"}, {"uid=ann": "1", "uid=anna": "2", "uid=joann": "3"}]
)
def test_entries_that_came_or_went_are_seen(snapshot, marks):
    assert snapshot.changed(marks) is None


def test_a_write_is_seen_and_its_content_compared(snapshot):
    assert snapshot.changed({"uid=ann": "7", "uid=anna": "2"}) == ["uid=ann"]
    again = {**ANN, "mailroomAddress": ANN["mailroomAddress"][::-1], "modifyTimestamp": ["20261122"]}
    assert snapshot.same({"uid=ann": again})
    assert not snapshot.same({"uid=ann": {**again, "cn": ["Hanna"]}})


def test_values_and_names_cannot_be_taken_for_each_other():
    assert (
        len({content(entry) for entry in ({"a": ["b", "c"]}, {"a": ["b"], "c": []}, {"a": ["bc"]}, {"ab": ["c"]})}) == 4
    )


def test_it_survives_a_file_and_nothing_else_is_taken_for_one(snapshot):
    assert Snapshot.from_dict(snapshot.as_dict()) == snapshot
    for damaged in (None, [], {}, {"asked": "x"}, {"asked": "x", "rows": [], "result": {}}):
        assert Snapshot.from_dict(damaged) is None
