# SPDX-License-Identifier: GPL-3.0-or-later
"""From events to what the judge reads."""

from drilltools import BOX, copy
from mailroom_drill.history import History, load
from mailroom_drill.logic import model
from mailroom_drill.logic.model import Attempt, Folder


def test_a_history_is_kept_and_read_again(tmp_path):
    history = History(tmp_path / "new" / "a.jsonl")
    history.add("send", id="a")
    history.add("imap", good=True)
    history.close()
    assert [event["id"] for event in history.of("send")] == ["a"]
    again = load(history.path)
    assert again == history.events
    assert {"mono", "wall"} <= set(again[0])


def test_a_line_that_was_cut_is_left_out(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"op": "send"}\n{"op": "se')
    assert load(file) == [{"op": "send"}]


def test_attempts():
    sent = {"op": "send", "id": "a", "to": BOX, "hash": "h", "route": "inside", "began": 1.0, "wall": 2.0}
    events = [{"op": "imap", "good": True}, {**sent, "outcome": "accepted"}]
    assert model.attempts(events) == [Attempt("a", BOX, "h", "inside", 1.0, 2.0, "accepted")]


def seen(uid, identity, validity=7, mailbox=BOX):
    return {"op": "seen", "mailbox": mailbox, "uid": uid, "id": identity, "validity": validity}


def test_what_readers_saw():
    folders, wrong = model.seen([{"op": "send"}, seen(1, "a"), seen(2, "b"), seen(1, "a")])
    assert folders == {BOX: Folder(7, {1: "a", 2: "b"})}
    assert wrong == []


def test_a_uid_that_was_shown_as_two_messages():
    assert model.seen([seen(1, "a"), seen(1, "b")])[1] == [f"{BOX}: a reader saw UID 1 as a, then as b"]
    assert model.seen([seen(1, "a"), seen(2, "b", 8)])[1] == [f"{BOX}: a reader saw UIDVALIDITY 7, then 8"]


def test_fresh_is_what_is_ours_or_new():
    before = {BOX: Folder(7, {1: "run.1-x.00001", 2: ""})}
    copies = [
        copy("run.1-x.00001", uid=1, where="INBOX UID 1"),
        copy("", uid=2, where="INBOX UID 2"),
        copy("run.2-y.00001", uid=3, where="INBOX UID 3"),
        copy("", uid=4, where="INBOX UID 4"),
        copy("run.1-x.00002", uid=5, where="INBOX UID 5"),
        copy("", uid=9, where="Junk UID 9"),
        copy("", uid=1, where="INBOX UID 1", mailbox="new@drill.example"),
    ]
    found = model.fresh(copies, before, "run.2-y")
    assert [(one.mailbox, one.uid) for one in found] == [(BOX, 3), (BOX, 4), (BOX, 5), ("new@drill.example", 1)]
