# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of account files between runs, and what never is."""

from __future__ import annotations

import os
import shutil
import stat
import time
from datetime import date

import pytest
from conftest import ALICE, BASE, SCHEMA
from mailroom import cache, loader
from mailroom.codec import decode
from mailroom.hashing import hash_password
from mailroom.passwords import PENDING
from mailroom.prepare import Preparation
from mailroom.read import read_accounts

TODAY = date(2026, 11, 21)
DN = f"uid=alice,ou=widget.example,{BASE}"
CLEAR = "planted secret of alice"
VAULTED = ALICE.replace(
    "{name: Alice Liddell}",
    "\n    name: Alice Liddell\n    password: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      6162\n",
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


@pytest.fixture
def prepare(tree, folder):
    def run(decrypt=None, today=TODAY):
        kept = cache.Cache(str(folder))
        return Preparation(str(tree.folder), str(SCHEMA), decrypt, kept, today).run(BASE)

    return run


@pytest.fixture
def parsed(monkeypatch):
    """The names of files that were really parsed."""
    names = []
    real = loader.parse

    def parse(file, content, decrypt=None):
        names.append(os.path.basename(file))
        return real(file, content, decrypt)

    monkeypatch.setattr(loader, "parse", parse)
    return names


def entries(prepared):
    assert prepared.errors == []
    return decode(prepared.payload)["entries"]


def test_the_same_files_are_not_parsed_again(tree, prepare, parsed):
    tree.write("widget.example.yml", ALICE)
    first = prepare()
    assert DN in entries(first)
    assert prepare() == first
    assert parsed == ["widget.example.yml"]


def test_of_changed_files_only_those_are_parsed(tree, prepare, parsed):
    tree.write("widget.example.yml", ALICE).write("other.test.yml", ALICE.replace("widget.example", "other.test"))
    before = prepare()
    parsed.clear()
    tree.write("widget.example.yml", ALICE.replace("Alice Liddell", "Alice Other"))
    after = prepare()
    assert parsed == ["widget.example.yml"]
    assert after.asked != before.asked
    assert entries(after)[DN]["cn"] == ["Alice Other"]


def test_another_day_is_another_question(tree, prepare):
    tree.write("widget.example.yml", ALICE)
    assert prepare().asked != prepare(today=date(2026, 11, 22)).asked


def test_warnings_are_kept_and_errors_are_found_each_time(tree, prepare):
    tree.write("widget.example.yml", ALICE.replace("  abuse: [alice]\n", ""))
    first = prepare()
    assert first.warnings
    assert prepare().warnings == first.warnings
    tree.write("widget.example.yml", ALICE.replace("name:", "nmae:"))
    assert [prepare().errors, prepare().errors][0] == prepare().errors != []


@pytest.mark.parametrize("value", [CLEAR, hash_password(CLEAR)])
def test_a_vaulted_password_is_given_but_not_kept(tree, prepare, folder, parsed, value):
    tree.write("widget.example.yml", VAULTED)
    for _ in range(2):
        prepared = prepare(lambda envelope: value.encode())
        assert prepared.vaulted == {"alice@widget.example": value}
        assert entries(prepared)[DN]["userPassword"] == [PENDING]
    assert value not in repr(prepared)
    # Read each time, as the key may be wrong another day.
    assert parsed == ["widget.example.yml"] * 2
    kept = b"".join(file.read_bytes() for file in folder.iterdir())
    assert kept
    assert value.encode() not in kept


def test_a_wrong_vault_key_is_an_error_though_entries_are_kept(tree, prepare):
    def locked(envelope):
        raise ValueError("no key")

    tree.write("widget.example.yml", VAULTED)
    prepare(lambda envelope: CLEAR.encode())
    assert "vaulted value cannot be decrypted: no key" in prepare(locked).errors[0]


def test_of_an_encrypted_file_nothing_is_kept(tree, prepare, folder):
    tree.write("widget.example.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert DN in entries(prepare(lambda envelope: ALICE.encode()))
    assert list(folder.iterdir()) == []


def test_a_password_in_plain_text_is_an_error_and_not_kept(tree, prepare, folder):
    secret = "Planted-Secret-12"
    tree.write("widget.example.yml", ALICE.replace("{name: Alice", f"{{password: {secret}, name: Alice"))
    tree.write("other.test.yml", ALICE.replace("widget.example", "other.test"))
    assert "plain text" in prepare().errors[0]
    kept = [file.read_bytes() for file in folder.iterdir()]
    # The other file has no errors.
    assert len(kept) == 1
    assert secret.encode() not in kept[0]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\n"])
def test_what_is_damaged_in_the_folder_is_made_anew(tree, prepare, folder, damage):
    tree.write("widget.example.yml", ALICE)
    first = prepare()
    for file in folder.iterdir():
        file.write_bytes(damage)
    assert prepare() == first


def test_the_command_line_shares_what_runs_of_the_play_keep(tree, prepare, folder, parsed):
    tree.write("widget.example.yml", ALICE).write("other.test.yml", ALICE.replace("widget.example", "other.test"))
    prepare()
    assert sorted(parsed) == ["other.test.yml", "widget.example.yml"]
    tree.write("widget.example.yml", ALICE.replace("Alice Liddell", "Alice Other"))
    for _ in range(2):
        accounts = read_accounts(str(tree.folder), str(SCHEMA), None, TODAY, cache.Cache(str(folder)))
        assert accounts.findings == []
        assert accounts.domains["widget.example"].mailboxes[0].name == "Alice Other"
    assert parsed[2:] == ["widget.example.yml"]
    # With the line of what is named.
    assert accounts.place(accounts.domains["other.test"].mailboxes[0]).endswith("other.test.yml:6")


def test_only_the_owner_can_read_it(tree, prepare, folder):
    tree.write("widget.example.yml", ALICE)
    prepare()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_folder_that_others_can_read_is_not_used(tree, prepare, folder):
    folder.mkdir(mode=0o755)
    tree.write("widget.example.yml", ALICE)
    assert DN in entries(prepare())
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path):
    (tmp_path / "file").write_text("")
    kept = cache.Cache(str(tmp_path / "file" / "folder"))
    kept.put("name", b"content")
    assert kept.get("name") is None
    kept.tidy()


def test_a_folder_that_goes_away_is_done_without(folder):
    kept = cache.Cache(str(folder))
    shutil.rmtree(folder)
    kept.put("name", b"content")
    assert not kept.usable


def test_what_nobody_asks_for_goes_after_a_month(folder):
    kept = cache.Cache(str(folder))
    for name in ("old", "new"):
        kept.put(name, b"content")
    os.utime(folder / "old", (time.time() - 31 * 86400,) * 2)
    kept.tidy()
    assert [file.name for file in folder.iterdir()] == ["new"]


def test_the_folder_is_the_users(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache.default_folder() == "/somewhere/mailroom/accounts"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.default_folder() == os.path.expanduser("~/.cache/mailroom/accounts")


def test_yaml_that_json_cannot_say_is_refused_and_not_kept(tree, prepare, folder):
    tree.write("widget.example.yml", ALICE + "customer: !!binary aGVsbG8=\n")
    assert prepare().errors
    assert list(folder.iterdir()) == []
