# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks that a dead process left in mailboxes, and those of the living."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from mailroom_store import cli, dovecot, locks
from mailroom_store.settings import StoreError
from storetools import settings_in

STARTED = 1_800_000_000.0


@pytest.fixture
def store(tmp_path):
    """A store with a mailbox, and a function that puts a file with a time into it."""
    maildir = tmp_path / "mail/widget.example/ann/Maildir"
    for folder in (maildir, maildir / ".Sent"):
        for name in ("cur", "new", "tmp"):
            (folder / name).mkdir(parents=True)

    def put(name, age=60):
        path = maildir / name
        path.write_text("892:mail.mailroom.example")
        os.utime(path, (STARTED - age, STARTED - age))
        return path

    put.root = tmp_path / "mail"
    return put


def test_what_is_older_than_dovecot_goes(store):
    old = [store("dovecot-keywords.lock"), store("dovecot-uidlist.lock"), store(".Sent/dovecot-uidlist.lock", 1)]
    old.append(store("subscriptions.lock"))
    assert locks.remove(store.root, STARTED) == sorted(old)
    assert locks.remove(store.root, STARTED) == []


def test_what_is_younger_or_no_lock_stays(store):
    kept = [store("dovecot-uidlist.lock", 0), store(".Sent/dovecot-uidlist.lock", -5)]
    kept += [
        store(name) for name in ("dovecot-uidlist", "dovecot.index.cache.lock", "my.lock", "cur/dovecot-uidlist.lock")
    ]
    assert locks.remove(store.root, STARTED) == []
    assert all(path.exists() for path in kept)


def test_links_are_not_followed(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    lock = outside / "dovecot-uidlist.lock"
    lock.write_text("")
    os.utime(lock, (0, 0))
    (store.root / "widget.example/bob").symlink_to(outside)
    (store.root / "widget.example/ann/Maildir/dovecot-uidlist.lock").symlink_to(lock)
    assert locks.remove(store.root, STARTED) == []
    assert lock.exists()


def test_others_may_be_quicker(store, monkeypatch):
    lock = store("dovecot-uidlist.lock")
    remove = os.unlink
    monkeypatch.setattr(os, "unlink", lambda path: [remove(path), remove(path)])
    assert locks.remove(store.root, STARTED) == []
    assert not lock.exists()
    assert locks.remove(store.root / "gone", STARTED) == []


@pytest.mark.parametrize(("says", "since"), [("@1800000000\n", STARTED), ("", None), ("n/a\n", None)])
def test_since_when_dovecot_runs(monkeypatch, says, since):
    done = subprocess.CompletedProcess([], 0, says, "")
    monkeypatch.setattr(subprocess, "run", lambda *_arguments, **_more: done)
    if since:
        assert dovecot.started() == since
    else:
        with pytest.raises(StoreError, match="systemd does not say since when Dovecot runs"):
            dovecot.started()


def test_the_command(tmp_path, monkeypatch, capsys):
    settings = settings_in(tmp_path)
    settings.mail_root.mkdir()
    monkeypatch.setattr(cli.configuration, "load", lambda _file: settings)
    monkeypatch.setattr(dovecot, "is_running", lambda: True)
    lock = settings.mail_root / "dovecot-uidlist.lock"
    lock.write_text("")
    since = lock.stat().st_mtime + 1
    monkeypatch.setattr(dovecot, "started", lambda: since)
    assert cli.main(["locks"]) == 0
    assert capsys.readouterr().out == f"{lock}: removed, its owner is no more\n"
    assert cli.main(["locks", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"removed": []}
    monkeypatch.setattr(locks, "remove", lambda *_: open(tmp_path))  # noqa: SIM115
    assert cli.main(["locks"]) == 3
    assert capsys.readouterr().err == f"mailroom-store: {tmp_path}: Is a directory\n"
