# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a password from the terminal or from standard input, never from the command line, and hash it."""

from __future__ import annotations

import getpass
import sys

from mailroom import hashing, passwords

from .errors import USAGE, Failure


def ask(address: str) -> str:
    """Ask for a password twice. Raises Failure."""
    if not sys.stdin.isatty():
        raise Failure("there is no terminal to ask for the password", "use --stdin", code=USAGE)
    first = getpass.getpass(f"New password for {address}: ")
    if getpass.getpass("Again: ") != first:
        raise Failure("the two are not the same")
    return first


def from_stdin() -> str:
    """Read a password as one line."""
    return sys.stdin.readline().rstrip("\r\n")


def hashed(clear: str) -> str:
    """Return the hash as it stands in account files. Raises Failure if the password is too short."""
    if len(clear) < passwords.MIN_LENGTH:
        raise Failure(f"the password has less than {passwords.MIN_LENGTH} characters", code=USAGE)
    return hashing.hash_password(clear)
