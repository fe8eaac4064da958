# SPDX-License-Identifier: GPL-3.0-or-later
"""What mailroom-store is set to, how folders are called, what an archive holds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from mailroom_store import archive, removal, settings, tree
from mailroom_store.folders import missing, storage_name
from mailroom_store.settings import StoreError
from storetools import GONE, NOW, made, mailbox

# Settings


def written(tmp_path, **change):
    data = {
        "mail_root": "/srv/mail",
        "owner": "vmail",
        "base": "ou=domains",
        "folders": ["Sent"],
        "archive_dir": "/srv/mail/.archive",
        "archive_key": "",
        "archive_days": 365,
    } | change
    file = tmp_path / "store.json"
    file.write_text(json.dumps({name: value for name, value in data.items() if value is not None}))
    return file


def test_settings(tmp_path):
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
    assert settings.load(written(tmp_path, archive_key=key)).archive_key == key


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mail_root": "srv"}, "mail_root: srv must be an absolute path below /"),
        ({"mail_root": "/"}, "mail_root: / must be an absolute path below /"),
        ({"archive_days": -1}, r"archive_days: -1 must be 0 \(for ever\) or more"),
        ({"archive_days": "some"}, "field missing or of the wrong kind"),
        ({"owner": None}, "field missing or of the wrong kind: 'owner'"),
        ({"archive_key": "age1abc ann"}, "archive_key: one age recipient or SSH public key without its comment"),
    ],
)
def test_wrong_settings(tmp_path, change, message):
    with pytest.raises(StoreError, match=message):
        settings.load(written(tmp_path, **change))


def test_no_settings(tmp_path):
    with pytest.raises(StoreError, match=r"No such file or directory.*; the role dovecot writes it"):
        settings.load(tmp_path / "store.json")


# A mailbox as files


@pytest.mark.parametrize(
    ("folder", "stored"),
    [
        ("Sent", "Sent"),
        ("Lists/Dev", "Lists.Dev"),
        ("v2.0", "v2^2e0"),
        ("a&b", "a&-b"),
        ("a^b", "a^5eb"),
        ("~x", "^7ex"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("送信済み", "&kAFP4W4IMH8-"),
    ],
)
def test_names_on_disk(folder, stored):
    # As Dovecot 2.4 made them.
    assert storage_name(folder) == stored


def test_missing_folders(tmp_path):
    assert missing(tmp_path / "none", ("Drafts", "Sent")) == ["INBOX", "Drafts", "Sent"]
    box = mailbox(tmp_path / "ann", ".Sent/cur/x")
    assert missing(box, ("Drafts", "Sent")) == ["Drafts"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Maildir/cur/1.M1P1.mail1,S=3:2,S", True),
        ("Maildir/dovecot-uidlist", True),
        ("Maildir/.Sent/dovecot-keywords", True),
        ("Maildir/subscriptions", True),
        (".dovecot.sieve", True),
        ("sieve/main.sieve", True),
        ("sieve/tmp/note", True),
        ("Maildir/tmp", True),
        ("Maildir/tmp/half", False),
        ("Maildir/.Sent/tmp/half", False),
        ("Maildir/dovecot.index.cache", False),
        ("Maildir/dovecot.list.index.log", False),
        ("Maildir/dovecot-uidlist.lock", False),
    ],
)
def test_what_belongs_into_an_archive(name, kept):
    assert tree.belongs(name) is kept


def test_messages_by_folder():
    names = ["Maildir/cur/1", "Maildir/new/2", "Maildir/.Sent/cur/3", "Maildir/dovecot-uidlist", "sieve/cur/4"]
    assert tree.messages(names) == {"INBOX": 2, "Sent": 1}


def test_snapshots_see_every_change(tmp_path):
    box = mailbox(tmp_path / "ann", "cur/1", "dovecot.index.log")
    (box / ".dovecot.sieve").symlink_to("sieve/main.sieve")
    before = tree.snapshot(box)
    assert set(before) == {".dovecot.sieve", "Maildir", "Maildir/cur", "Maildir/cur/1", "Maildir/new", "Maildir/tmp"}
    (box / "Maildir/dovecot.index.log").write_text("indexes do not count")
    assert tree.snapshot(box) == before
    (box / "Maildir/cur/1").rename(box / "Maildir/cur/1:2,S")
    assert tree.snapshot(box) != before


@pytest.mark.parametrize(
    ("file", "untouched"),
    [
        ("Maildir/dovecot-uidlist", True),
        ("Maildir/new/1", False),
        ("Maildir/.Sent/cur/1", False),
        ("sieve/a.sieve", False),
    ],
)
def test_a_mailbox_in_use(tmp_path, file, untouched):
    box = mailbox(tmp_path / "ann")
    (box / file).parent.mkdir(parents=True, exist_ok=True)
    (box / file).write_text("")
    assert tree.is_untouched(box) is untouched


# Archives


def test_archives_are_known_by_their_manifests(store):
    later = made(store, when=datetime(2027, 1, 1, tzinfo=UTC))
    first = made(store)
    assert archive.name(GONE, NOW, "age1x") == "widget.example/ann_20261221T033000Z.tar.zst.age"
    (store.archive_dir / "widget.example/.ann_1.tar.zst.partial").write_text("unfinished")
    (store.archive_dir / "widget.example/bob_1.tar.zst").write_text("no manifest")
    assert archive.known(store.archive_dir) == [first, later]
    assert archive.known(store.archive_dir / "none") == []
    archive.manifest_path(first.path).write_text("{")
    with pytest.raises(StoreError, match="not a manifest of an archive"):
        archive.known(store.archive_dir)


def test_unfinished_archives_are_tidied_away(store):
    whole = made(store)
    partial = store.archive_dir / "widget.example/.bob_1.tar.zst.partial"
    alone = store.archive_dir / "widget.example/bob_1.tar.zst.age.json"
    for file in (partial, alone):
        file.write_text("{}")
    assert archive.tidy(store.archive_dir) == [
        f"{file} was deleted: its archive was never finished" for file in (partial, alone)
    ]
    assert archive.known(store.archive_dir) == [whole]
    assert archive.tidy(store.archive_dir) == []


def test_archives_expire(store):
    both = [made(store), made(store, when=datetime(2026, 12, 22, tzinfo=UTC))]
    assert archive.expired(both, 365, date(2027, 12, 21), set()) == []
    assert archive.expired(both, 365, date(2027, 12, 22), set()) == both[:1]
    assert archive.expired(both, 365, date(2027, 12, 22), {GONE.uuid}) == []
    assert archive.expired(both, 0, date(2099, 1, 1), set()) == []


def test_which_archive_is_restored(store):
    anna = replace(GONE, address="anna@widget.example", store="widget.example/anna")
    old, new = made(store, when=datetime(2026, 1, 1, tzinfo=UTC)), made(store)
    known = [old, new, made(store, anna, uuid="earlier")]
    assert removal.choose(known, GONE, "") == new
    assert removal.choose(known, GONE, old.path.name) == old
    assert removal.choose(known, GONE, str(old.path)) == old
    with pytest.raises(StoreError, match=r"ann_2\.tar: no such archive"):
        removal.choose(known, GONE, "ann_2.tar")
    with pytest.raises(StoreError, match=r"joann@widget\.example has no archive"):
        removal.choose(known, replace(GONE, address="joann@widget.example"), "")
    with pytest.raises(StoreError, match=r"is of an earlier mailbox anna@widget\.example, perhaps another person's"):
        removal.choose(known, anna, "")
    assert removal.choose(known, anna, known[2].path.name) == known[2]


def test_the_folder_of_archives_is_roots_alone(store):
    assert archive.folder(store).stat().st_mode & 0o777 == 0o700
    store.archive_dir.chmod(0o750)
    with pytest.raises(StoreError, match="must be a folder that belongs to root alone"):
        archive.folder(store)
    store.archive_dir.rmdir()
    store.archive_dir.symlink_to("/tmp")  # noqa: S108
    with pytest.raises(StoreError, match="must be a folder that belongs to root alone"):
        archive.folder(store)
