# SPDX-License-Identifier: GPL-3.0-or-later
"""Make passwords and hash them with Argon2id (Python package argon2-cffi, Debian's python3-argon2).

The package is imported when it is needed, so that modules run without it on targets that hash nothing.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

# Letters and digits that nobody mistakes for one another when a password is read out or typed from paper.
_ALPHABET = "abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679"
_SCHEME = "{ARGON2}"

# OWASP's choice for passwords that people think of: 19 MiB for about 20 ms, at each login too.
_CHOSEN = 19456
# A generated password has 110 bits: nothing need slow down guessing, and thousands may be made at once.
_GENERATED = 4096


def generate() -> str:
    """Return a new random password: 20 characters in groups of five, 110 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def hash_password(password: str) -> str:
    """Return a password that a person chose as an LDAP value: {ARGON2}$argon2id$..."""
    import argon2

    return _SCHEME + argon2.PasswordHasher(time_cost=2, memory_cost=_CHOSEN, parallelism=1).hash(password)


def hash_generated(passwords: dict[str, str]) -> dict[str, str]:
    """Return generated passwords (name to password) hashed, on all processors."""
    import argon2

    hasher = argon2.PasswordHasher(time_cost=2, memory_cost=_GENERATED, parallelism=1)
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        hashes = pool.map(lambda password: _SCHEME + hasher.hash(password), passwords.values())
        return dict(zip(passwords, hashes, strict=True))


def verify(value: str, password: str) -> bool:
    """Whether an LDAP value is a hash of this password. Other schemes than Argon2 count as "no"."""
    import argon2

    if not value.upper().startswith(_SCHEME):
        return False
    try:
        return argon2.PasswordHasher().verify(value[len(_SCHEME) :], password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHash):
        return False
