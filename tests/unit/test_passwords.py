# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords: strong hashes, vaulted values, generated ones, and the file by which they are handed out."""

from __future__ import annotations

import json
import stat

import pytest
from conftest import ALICE, mailbox_dn
from mailroom import hashing, password_file, passwords
from mailroom.loader import Secret
from mailroom.passwords import PENDING

VAULTED = ALICE + "  bob:\n    name: Bob\n    password: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      3030\n"


def decrypt_to(value: str):
    """A stand-in for Ansible Vault that accepts any envelope."""

    def decrypt(envelope: bytes) -> bytes:
        assert envelope.startswith(b"$ANSIBLE_VAULT;")
        return value.encode()

    return decrypt


def refuse(envelope: bytes) -> bytes:
    raise ValueError("no vault secrets found")


@pytest.mark.parametrize(
    "value",
    [
        "{ARGON2}$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$JGu5sSGCIKqGmWzDLNKUCcT0C8TVfwiuTPaBJYIkn7I",
        "{CRYPT}$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
        "{CRYPT}$6$rounds=5000$saltsalt$" + "a" * 86,
        "{CRYPT}$2b$12$" + "a" * 53,
    ],
)
def test_strong_hashes(value):
    assert passwords.is_hash(value)
    assert passwords.problem(value) == ""


@pytest.mark.parametrize("value", ["{SSHA}x", "{CRYPT}$1$salt$hash", "{CLEARTEXT}secret", "{ARGON2}secret"])
def test_weak_hashes(value):
    assert passwords.problem(value) == passwords.WEAK


def test_a_vaulted_hash_is_taken_as_it_is(tree):
    value = hashing.hash_password("a long password")
    entries = tree.write("widget.example.yml", VAULTED).entries(decrypt_to(value))
    assert entries[mailbox_dn("bob")]["userPassword"] == [value]


def test_a_vaulted_password_is_hashed_only_when_it_is_needed(tree):
    accounts = tree.write("widget.example.yml", VAULTED).read(decrypt_to("a long password"))
    assert accounts.findings == []
    assert accounts.vaulted == {"bob@widget.example": "a long password"}
    assert "a long password" not in repr(accounts)
    assert tree.entries(decrypt_to("a long password"))[mailbox_dn("bob")]["userPassword"] == [PENDING]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("short", "vaulted password has less than 12 characters"),
        ("", "vaulted password has less than 12 characters"),
        ("{SSHA}abcdefghijkl", "password hash of an unknown or weak kind"),
    ],
)
def test_a_bad_vaulted_password_is_refused(tree, value, message):
    findings = tree.write("widget.example.yml", VAULTED).findings(decrypt_to(value))
    assert findings == [f"widget.example.yml:9: mailboxes.bob.password: {message}"]


def test_a_value_that_cannot_be_decrypted(tree):
    assert tree.write("widget.example.yml", VAULTED).findings(refuse) == [
        "widget.example.yml:9: vaulted value cannot be decrypted: no vault secrets found; "
        "give Ansible the vault password, for example with --ask-vault-pass"
    ]


def test_vaulted_values_pass_where_nothing_can_decrypt(tree):
    assert tree.write("widget.example.yml", VAULTED).findings() == []


def test_a_secret_does_not_show_itself():
    assert "word" not in f"{Secret('word')!r} {Secret('word')}"


def test_a_whole_encrypted_file(tree):
    tree.write("widget.example.yml", "$ANSIBLE_VAULT;1.1;AES256\n3030\n")
    assert mailbox_dn("alice") in tree.entries(decrypt_to(ALICE))
    hint = "give Ansible the vault password, for example with --ask-vault-pass"
    assert tree.findings() == [f"widget.example.yml:1: the file is encrypted; {hint}"]
    assert tree.findings(refuse) == [f"widget.example.yml:1: cannot be decrypted: no vault secrets found; {hint}"]


def test_hashes_verify():
    value = hashing.hash_password("a long password")
    assert passwords.is_hash(value)
    assert hashing.verify(value, "a long password")
    assert not hashing.verify(value, "another password")
    assert not hashing.verify("{ARGON2}nonsense", "a long password")
    assert not hashing.verify("{SSHA}nonsense", "a long password")
    assert not hashing.verify("", "a long password")


def test_generated_passwords():
    made = {f"box{number}": hashing.generate() for number in range(20)}
    assert len(set(made.values())) == 20
    assert all(len(password) == 23 and password.count("-") == 3 for password in made.values())
    hashes = hashing.hash_generated(made)
    assert hashing.verify(hashes["box7"], made["box7"])
    assert all(map(passwords.is_hash, hashes.values()))
    assert hashing.hash_generated({}) == {}


def test_the_file_of_passwords_grows_and_is_private(tmp_path):
    file = tmp_path / "new" / "passwords.json"
    password_file.add(str(file), {"b@widget.example": "2"})
    password_file.add(str(file), {"a@widget.example": "1", "b@widget.example": "3"})
    assert json.loads(file.read_text()) == {"a@widget.example": "1", "b@widget.example": "3"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["passwords.json"]


@pytest.mark.parametrize("content", ["[]", "no json"])
def test_another_file_is_not_overwritten(tmp_path, content):
    file = tmp_path / "passwords.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="is not a file of one-time passwords"):
        password_file.add(str(file), {"a": "1"})
    assert file.read_text() == content


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_arguments):
        raise OSError("disk full")

    monkeypatch.setattr(password_file.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        password_file.add(str(tmp_path / "passwords.json"), {"a": "1"})
    assert list(tmp_path.iterdir()) == []
