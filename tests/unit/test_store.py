# SPDX-License-Identifier: GPL-3.0-or-later
"""What mailroom-store decides: what may be deleted, what an archive holds, what an interrupted run leaves."""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from mailroom_store import archive, dovecot, removal, replica, settings, tree, work
from mailroom_store.entry import Entry, due, from_ldap, home, why_kept
from mailroom_store.folders import missing, storage_name
from mailroom_store.settings import Settings, StoreError

TODAY = date(2026, 12, 21)
NOW = datetime(2026, 12, 21, 3, 30, tzinfo=UTC)
GONE = Entry(
    dn="uid=ann,ou=widget.example",
    uuid="7f1c",
    address="ann@widget.example",
    name="Ann Lee",
    store="widget.example/ann",
    state="quarantined",
    removed="2026-11-21",
    purge="2026-12-21",
    mark="accounts",
)


@pytest.fixture
def store(tmp_path):
    return Settings(
        mail_root=tmp_path / "mail",
        owner=pwd.getpwuid(os.geteuid()).pw_name,
        base="ou=domains,dc=mailroom,dc=example",
        folders=("Drafts", "Sent"),
        archive_dir=tmp_path / "archive",
        archive_key="",
        archive_days=365,
    )


def mailbox(root, *files):
    """A mailbox with these files below Maildir, and INBOX."""
    for name in ("cur", "new", "tmp"):
        (root / "Maildir" / name).mkdir(parents=True, exist_ok=True)
    for name in files:
        path = root / "Maildir" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


# What may go


def test_mail_goes_only_if_everything_in_the_entry_says_so():
    assert why_kept(GONE, TODAY) == ""
    assert why_kept(GONE, date(2027, 3, 1)) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "active"}, "it is active, not quarantined"),
        ({"state": "disabled"}, "it is disabled, not quarantined"),
        ({"state": ""}, "it is without a state, not quarantined"),
        ({"hold": "Case 2026/17"}, "legal hold: Case 2026/17"),
        ({"mark": ""}, "the entry was made by hand (no mailroomManagedBy)"),
        ({"purge": ""}, "it has no purge date"),
        ({"removed": ""}, "it has no date of removal"),
        ({"purge": "2026-12-22"}, "its purge date is 2026-12-22"),
        ({"purge": "soon"}, "'soon' is not a date (YYYY-MM-DD)"),
        ({"removed": "2026-11-31"}, "'2026-11-31' is not a date (YYYY-MM-DD)"),
    ],
)
def test_mail_stays(change, reason):
    assert why_kept(replace(GONE, **change), TODAY) == reason
    assert due([replace(GONE, **change)], TODAY) == []


def test_due_is_sorted_and_spares_near_names():
    anna = replace(GONE, address="anna@widget.example", store="widget.example/anna", state="active")
    joann = replace(GONE, address="joann@widget.example", store="widget.example/joann", purge="2027-01-01")
    abe = replace(GONE, address="abe@widget.example", store="widget.example/abe")
    assert [entry.address for entry in due([joann, GONE, anna, abe], TODAY)] == ["abe@widget.example", GONE.address]


def test_a_folder_that_two_entries_claim_is_not_deleted():
    assert due([GONE, replace(GONE, address="new@widget.example", state="active", purge="")], TODAY) == []


@pytest.mark.parametrize(
    "path",
    ["", "ann", "widget.example/", "/ann", "../ann", "widget.example/..", "a/b/c", ".archive/ann", "w/.x", "w/a\n"],
)
def test_store_paths_that_lead_elsewhere(tmp_path, path):
    with pytest.raises(StoreError, match=r"store path .* is not DOMAIN/LOCAL; see uid=ann,ou=widget\.example"):
        home(tmp_path, replace(GONE, store=path))


def test_store_path(tmp_path):
    assert home(tmp_path, replace(GONE, store="bücher.example/jürgen~2")) == tmp_path / "bücher.example/jürgen~2"


def test_entry_from_the_directory():
    attributes = {"mailroomUser": ["ann@widget.example"], "mailroomStore": ["widget.example/ann"], "cn": ["Ann"]}
    entry = from_ldap("uid=ann", attributes)
    assert (entry.address, entry.name, entry.state, entry.purge) == ("ann@widget.example", "Ann", "", "")
    assert from_ldap("uid=ann", attributes | {"displayName": ["Ann Lee"]}).name == "Ann Lee"


# What the provider says


class Provider:
    def __init__(self, entry):
        self.answer = entry

    def entry(self, dn):
        assert dn == GONE.dn
        return self.answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (GONE, ""),
        (None, "the provider has no such entry any more"),
        (replace(GONE, uuid="other"), "the provider has another entry under this name"),
        (replace(GONE, store="widget.example/ann~2"), "the provider has another entry under this name"),
        (replace(GONE, state="active", purge=""), "the provider says: it is active, not quarantined"),
        (replace(GONE, hold="Case"), "the provider says: legal hold: Case"),
    ],
)
def test_the_provider_has_the_last_word(answer, reason):
    assert replica.confirmed(GONE, Provider(answer), why_kept, TODAY) == reason


def test_settings_of_replication():
    text = '{0}rid=001 provider=ldaps://ldap1 searchbase="dc=a,dc=b" binddn="cn=replica,dc=a" '
    text += 'credentials="a b\\"c" retry="1 +"'
    found = replica.syncrepl(text)
    assert (found["provider"], found["binddn"], found["credentials"]) == ("ldaps://ldap1", "cn=replica,dc=a", 'a b"c')


def test_change_numbers_are_compared_by_server():
    first, second, other = (
        f"20261121{time}.000000Z#000000#{server}#000000" for time, server in (("1", "000"), ("2", "000"), ("1", "001"))
    )
    assert replica.newest([second, first, other]) == {"000": second, "001": other}
    assert replica.newest(["rubbish"]) == {}


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


def made(store, entry=GONE, when=NOW, **manifest):
    """An archive as far as its name and manifest go."""
    path = store.archive_dir / archive.name(entry, when, "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    facts = {"address": entry.address, "uuid": entry.uuid, "archived": f"{when:%Y-%m-%dT%H:%M:%SZ}"} | manifest
    archive.manifest_path(path).write_text(json.dumps(facts))
    return archive.Archive(path, facts)


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


BACK = replace(GONE, state="active", removed="", purge="")


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


class Replica:
    def __init__(self, *entries):
        self.entries = {entry.address: entry for entry in entries}

    def find(self, addresses):
        return {name: self.entries[name] for name in map(str.lower, addresses) if name in self.entries}


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
