# SPDX-License-Identifier: GPL-3.0-or-later
"""What mailroom-store does: purge, restore, what follows a change of accounts; and what an interrupted run leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from mailroom_store import archive, cli, dovecot, removal, tree, work
from mailroom_store.settings import StoreError
from storetools import BACK, GONE, NOW, made, mailbox

# Deleting


@pytest.fixture
def ann(store, monkeypatch):
    """Ann's mailbox and Anna's; sessions end at once, and archives succeed without their programs."""
    box = mailbox(store.mail_root / GONE.store, "cur/1", ".Sent/cur/2")
    mailbox(store.mail_root / "widget.example/anna", "cur/3")
    kicked = []
    monkeypatch.setattr(dovecot, "kick", kicked.extend)
    monkeypatch.setattr(archive, "write", lambda _store, _entry, place, _now: (made(store), tree.snapshot(place)))
    yield box
    assert kicked in ([], [GONE.address])


def left(store):
    """What is in the store, and on its way out."""
    return sorted(path.relative_to(store.mail_root).as_posix() for path in store.mail_root.glob("*/*") if path.is_dir())


def test_purge_takes_one_mailbox(store, ann):
    assert removal.purge(store, GONE, NOW).path.exists()
    assert left(store) == [".going/widget.example", ".gone/widget.example", "widget.example/anna"]
    assert not list(store.mail_root.glob(".go*/*/*"))


def test_mail_that_comes_in_at_the_last_moment_is_kept(store, ann, monkeypatch):
    def write(_store, _entry, place, _now):
        before = tree.snapshot(place)
        (place / "Maildir/new/late").write_text("late")
        return made(store), before

    monkeypatch.setattr(archive, "write", write)
    with pytest.raises(StoreError, match=r"ann@widget\.example was not purged: it changed after it was archived"):
        removal.purge(store, GONE, NOW)
    assert (ann / "Maildir/new/late").read_text() == "late"
    assert archive.known(store.archive_dir) == []


def test_without_an_archive_nothing_is_deleted(store, ann, monkeypatch):
    def write(*_):
        raise StoreError("ann@widget.example could not be archived: disk full")

    monkeypatch.setattr(archive, "write", write)
    with pytest.raises(StoreError, match="disk full"):
        removal.purge(store, GONE, NOW)
    assert (ann / "Maildir/cur/1").exists()


def test_an_interrupted_purge_is_put_right(store, ann):
    going, gone = store.mail_root / ".going" / GONE.store, store.mail_root / ".gone/widget.example/bob"
    going.parent.mkdir(parents=True)
    ann.rename(going)
    mailbox(gone, "cur/4")
    mailbox(store.mail_root / ".coming/widget.example/carl", "cur/5")
    assert len(removal.tidy(store)) == 3
    assert (ann / "Maildir/cur/1").exists()
    assert not list(store.mail_root.glob(".*/*/*"))
    assert removal.tidy(store) == []


def test_two_halves_of_a_mailbox_are_left_to_a_person(store, ann):
    mailbox(store.mail_root / ".going" / GONE.store, "cur/1")
    with pytest.raises(StoreError, match=r"was left by an interrupted run, and .* is there again; look at both"):
        removal.tidy(store)
    assert (ann / "Maildir/cur/1").exists()


# Bringing back


@pytest.fixture
def kept(store, monkeypatch):
    """An archive of one message, and programs that do as real ones."""
    monkeypatch.setattr(dovecot, "kick", lambda users: {})
    monkeypatch.setattr(dovecot, "recalculate", lambda users: None)
    monkeypatch.setattr(archive, "unpack", lambda _store, _archive, _identity, into: mailbox(into, "cur/1"))
    return made(store, messages=1)


def test_restore_into_an_untouched_mailbox(store, kept):
    box = mailbox(store.mail_root / GONE.store, "dovecot-uidlist")
    assert removal.restore(store, BACK, kept, "") == (1, "")
    assert (box / "Maildir/cur/1").exists()
    assert not (box / "Maildir/dovecot-uidlist").exists()
    assert not list(store.mail_root.glob(".*/*/*"))


def test_restore_overwrites_nothing(store, kept):
    box = mailbox(store.mail_root / GONE.store, "new/since")
    with pytest.raises(StoreError, match="has mail or scripts, which are not overwritten; --merge puts"):
        removal.restore(store, BACK, kept, "")
    with pytest.raises(StoreError, match="is removed: bring its lines back and apply them first"):
        removal.restore(store, GONE, kept, "")
    assert [path.name for path in box.rglob("*") if path.is_file()] == ["since"]


def test_restore_beside_what_is_there(store, kept, monkeypatch):
    box = mailbox(store.mail_root / GONE.store, "new/since")
    seen = []
    monkeypatch.setattr(
        dovecot, "bring_in", lambda user, maildir, parent: seen.append((user, maildir.is_dir(), parent))
    )
    assert removal.restore(store, BACK, kept, "", merge=True) == (1, "Restored 2026-12-21")
    assert seen == [(GONE.address, True, "Restored 2026-12-21")]
    assert (box / "Maildir/new/since").exists()


def test_an_archive_with_too_few_messages_is_not_restored(store, kept):
    short = made(store, messages=2)
    with pytest.raises(StoreError, match="does not hold the 2 messages that its manifest names"):
        removal.restore(store, BACK, short, "")
    assert not (store.mail_root / GONE.store).exists()


# After a change of accounts


CSN = "202612210330%02d.000000Z#000000#000#000000"


class Replica:
    def __init__(self, *entries):
        self.entries = {entry.address: entry for entry in entries}

    def find(self, addresses):
        return {name: self.entries[name] for name in map(str.lower, addresses) if name in self.entries}

    def since(self, csn):
        return [entry for entry in self.entries.values() if entry.changed >= csn]

    def context(self):
        return {"000": CSN % 30}

    def must_be_complete(self):
        pass


@pytest.fixture
def daemon(store, monkeypatch):
    """Dovecot with three people logged in; it makes folders."""
    anna = replace(BACK, address="anna@widget.example", store="widget.example/anna")
    joann = replace(BACK, address="joann@widget.example", store="widget.example/joann", state="disabled")
    monkeypatch.setattr(dovecot, "sessions", lambda: {GONE.address: 2, anna.address: 1, joann.address: 1})
    monkeypatch.setattr(
        dovecot, "kick", lambda users: {user: count for user, count in dovecot.sessions().items() if user in users}
    )

    def create(users, folders):
        for user in users:
            local, _at, domain = user.partition("@")
            mailbox(store.mail_root / domain / local, *(f".{folder}/cur/x" for folder in folders))
        return {}

    monkeypatch.setattr(dovecot, "create", create)
    return Replica(GONE, anna, joann)


def test_sessions_end_of_those_who_may_not_log_in(store, daemon):
    done = work.act(store, daemon, {"removed": [GONE.address]})
    # The session of joann, disabled by a run that was cut off, ends as well; that of anna, who is active, does not.
    assert done.ended == {GONE.address: 2, "joann@widget.example": 1}
    assert (done.failed, done.changed) == ({}, True)


def test_an_active_mailbox_is_not_locked(store, daemon):
    done = work.act(store, daemon, {"lock": ["anna@widget.example"]})
    assert list(done.failed) == ["anna@widget.example"]
    assert "anna@widget.example" not in done.ended


def test_ready_twice(store, daemon):
    asked = {
        "ready": ["anna@widget.example", "Unknown@widget.example"],
        "rename": [["old@widget.example", "joann@widget.example"]],
    }
    first = work.act(store, daemon, asked)
    assert first.ready == ["anna@widget.example", "joann@widget.example"]
    assert first.failed == {"Unknown@widget.example": work.UNKNOWN}
    assert work.act(store, daemon, asked).ready == []


def test_check_only_tells(store, daemon, monkeypatch):
    monkeypatch.setattr(dovecot, "kick", lambda users: pytest.fail("a check ends no session"))
    done = work.act(store, daemon, {"ready": ["new@widget.example"], "lock": ["anna@widget.example"]}, check=True)
    assert done.ready == ["new@widget.example"]
    assert done.ended == {"anna@widget.example": 1, GONE.address: 2, "joann@widget.example": 1}
    assert not store.mail_root.exists()


def test_unknown_actions_are_refused(store, daemon):
    with pytest.raises(
        StoreError, match="unknown actions: erase; known are ready, lock, rename, removed, quota, agents"
    ):
        work.act(store, daemon, {"erase": []})


def test_usage_of_a_mailbox_without_mail_is_nothing(store, daemon, monkeypatch):
    mailbox(store.mail_root / "widget.example/anna")
    monkeypatch.setattr(dovecot, "usage", lambda users: dict.fromkeys(users, 4096))
    done = work.Done()
    work.usage(store, daemon, ["anna@widget.example", "joann@widget.example", "x@widget.example"], done)
    assert done.usage == {"anna@widget.example": 4096, "joann@widget.example": 0}
    assert done.failed == {"x@widget.example": work.UNKNOWN}


# What a run that was cut off left


@pytest.fixture
def left_undone(store, daemon, monkeypatch):
    """Anna has no folders, joann was disabled, and karla renamed while she was logged in; a mailbox made by hand."""
    for number, entry in enumerate(daemon.entries.values()):
        daemon.entries[entry.address] = replace(entry, changed=CSN % (number * 10))
    hand = replace(BACK, address="hand@widget.example", store="widget.example/hand", mark="", changed=CSN % 5)
    daemon.entries[hand.address] = hand
    sessions = dovecot.sessions() | {"karla@widget.example": 1}
    monkeypatch.setattr(dovecot, "sessions", lambda: {name: sessions[name] for name in sorted(sessions)})
    return daemon


def reconciled(store, replica, first="", last="", check=False):
    done = work.Done()
    work.reconcile(store, replica, (first, last), done, check)
    return done


def test_what_is_left_undone_is_done(store, left_undone):
    foreseen = reconciled(store, left_undone, check=True)
    assert not store.mail_root.exists()
    done = reconciled(store, left_undone)
    assert done == foreseen
    # Ann is removed. Anna is active, so her session goes on.
    assert done.ended == {GONE.address: 2, "joann@widget.example": 1, "karla@widget.example": 1}
    assert done.ready == ["anna@widget.example", "joann@widget.example"]
    assert done.failed == {}
    assert not (store.mail_root / "widget.example/hand").exists()
    assert not (store.mail_root / GONE.store).exists()
    assert reconciled(store, left_undone).ready == []


def test_what_changed_just_now_is_left_to_the_run_that_does_it(store, left_undone):
    # Joann was disabled at the 20th second.
    done = reconciled(store, left_undone, last=CSN % 19)
    assert done.ended == {GONE.address: 2, "karla@widget.example": 1}
    assert done.ready == ["anna@widget.example"]


def test_only_what_changed_since_the_last_time_is_looked_at(store, left_undone):
    assert reconciled(store, left_undone, first=CSN % 20).ready == ["joann@widget.example"]


@pytest.fixture
def command(store, left_undone, monkeypatch, tmp_path):
    """mailroom-store reconcile at 3:30:20, with a mark; the replica is at 3:30:30."""
    monkeypatch.setattr(cli.configuration, "load", lambda _file: store)
    monkeypatch.setattr(cli, "_replica", lambda _settings: left_undone)
    monkeypatch.setattr(cli, "_now", lambda: NOW + timedelta(seconds=20))
    mark = tmp_path / "mark"

    def run(*words):
        code = cli.main(["reconcile", "--mark", str(mark), *words])
        return code, mark.read_text().strip() if mark.exists() else ""

    return run


def test_a_mark_says_how_far_it_came(store, command, capsys):
    assert command("--check") == (0, "")
    assert command("--settled", "15") == (0, CSN % 5)
    # Ann's entry is the only one of so long ago; karla has none.
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "ann@widget.example: 2 sessions ended",
        "karla@widget.example: 1 sessions ended",
    ]
    assert command("--settled", "1") == (0, CSN % 19)
    assert command() == (0, CSN % 30)
    assert command("--settled", "1") == (0, CSN % 19)


def test_a_mark_stays_where_something_failed_and_is_not_believed_blindly(store, command, monkeypatch, tmp_path):
    (tmp_path / "mark").write_text("*)(x=")
    monkeypatch.setattr(dovecot, "create", lambda users, folders: dict.fromkeys(users, "disk full"))
    assert command() == (1, "*)(x=")
