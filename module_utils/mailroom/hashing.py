# SPDX-License-Identifier: GPL-3.0-or-later
"""Make passwords and hash them with Argon2id (Python package argon2-cffi, Debian's python3-argon2)."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

# Letters and digits that nobody mistakes for one another when a password is read out or typed from paper.
_ALPHABET = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679"
_SCHEME = "{ARGON2}"

# OWASP's choice for passwords that people think of: 19 MiB for about 20 ms, at each login too.
_CHOSEN = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# A generated password has 110 bits: nothing need slow down guessing, and thousands may be made at once.
_GENERATED = PasswordHasher(time_cost=2, memory_cost=4096, parallelism=1)


def generate() -> str:
    """Return a new random password: 20 characters in groups of five, 110 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def hash_password(password: str) -> str:
    """Return a password that a person chose as an LDAP value: {ARGON2}$argon2id$..."""
    return _SCHEME + _CHOSEN.hash(password)


def hash_generated(passwords: dict[str, str]) -> dict[str, str]:
    """Return generated passwords (name to password) hashed, on all processors."""
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        return dict(
            zip(
                passwords,
                pool.map(lambda text: _SCHEME + _GENERATED.hash(text), passwords.values()),
                strict=True,
            )
        )


def verify(value: str, password: str) -> bool:
    """Whether an LDAP value is a hash of this password. Other schemes than Argon2 count as "no"."""
    if not value.upper().startswith(_SCHEME):
        return False
    try:
        return _CHOSEN.verify(value[len(_SCHEME) :], password)
    except (VerifyMismatchError, InvalidHashError):
        return False
