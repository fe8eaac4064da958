# SPDX-License-Identifier: GPL-3.0-or-later
"""Password values: which ones may stand in a file or in the directory. Hashing is in hashing.py."""

from __future__ import annotations

import re

# What slapd and Dovecot both check, and what still resists guessing. {CRYPT}: yescrypt, SHA-512, bcrypt.
_STRONG = re.compile(
    r"\{ARGON2\}\$argon2id?\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{8,}\$[A-Za-z0-9+/]{16,}"
    r"|\{CRYPT\}\$(?:y\$[^$\s]+\$[^$\s]+\$[^$\s]{43}|6\$(?:rounds=\d+\$)?[^$\s]{1,16}\$[^$\s]{86}|2[aby]\$\d\d\$[./A-Za-z0-9]{53})"
)
_SCHEME = re.compile(r"\{[A-Za-z0-9_.-]+\}")

PLAIN = "password in plain text"
WEAK = "password hash of an unknown or weak kind"
HINT = "write {ARGON2}$argon2id$... or a vaulted value, or leave it out to have a one-time password generated"

# Stands for a password that the controller sets once it knows that the mailbox is new.
MIN_LENGTH = 12

PENDING = "{PENDING}"


def is_hash(value: str) -> bool:
    """Whether a value is a password hash of an accepted kind."""
    return _STRONG.fullmatch(value) is not None


def problem(value: str) -> str:
    """Return what is wrong with a password written in clear in a file ("" if it is a strong hash)."""
    if is_hash(value):
        return ""
    return WEAK if _SCHEME.match(value) else PLAIN


def vaulted_problem(value: str) -> str:
    """Return what is wrong with a decrypted value that is no accepted hash ("" if it is a clear password)."""
    if _SCHEME.match(value):
        return WEAK
    return "" if len(value) >= MIN_LENGTH else f"vaulted password has less than {MIN_LENGTH} characters"
