# SPDX-License-Identifier: GPL-3.0-or-later
"""Dovecot on this host, driven by doveadm: one process for many mailboxes."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from .settings import StoreError

DOVEADM = "/usr/bin/doveadm"
# The variable that names this host in Dovecot's locks.
HOSTNAME = "DOVECOT_HOSTNAME"
# A session that is asked to end is gone within some milliseconds; one that is writing to a full disk may not be.
SECONDS = 10
EXPECTED = re.compile(r"Mailbox already exists|User no longer exists, skipping")


def _run(*arguments: str, users: Iterable[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run doveadm; `users` are what it reads as -F /dev/stdin, which it wants to be a real file."""
    try:
        with tempfile.TemporaryFile() as listed:
            listed.write("".join(f"{user}\n" for user in users).encode())
            listed.seek(0)
            return subprocess.run(  # noqa: S603 - a fixed program, and no shell
                [DOVEADM, *arguments], stdin=listed, text=True, capture_output=True, check=False
            )
    except OSError as error:
        raise StoreError(f"{DOVEADM}: {error}") from error


def _rows(*arguments: str, users: Iterable[str] = ()) -> list[dict[str, str]]:
    done = _run("-f", "json", *arguments, users=users)
    if done.returncode:
        raise StoreError(f"doveadm {' '.join(arguments[:2])} failed: {done.stderr.strip()[-500:]}")
    rows: list[dict[str, str]] = json.loads(done.stdout or "[]")
    return rows


def is_running() -> bool:
    """Return whether Dovecot works on this host: in a cluster only the active node's does."""
    return _run("service", "status", "auth").returncode == 0


def started() -> float:
    """Return when the running Dovecot was started, in seconds since 1970. Raises StoreError."""
    command = [
        "systemctl",
        "show",
        "--property=ExecMainStartTimestamp",
        "--value",
        "--timestamp=unix",
        "dovecot.service",
    ]
    try:
        done = subprocess.run(command, text=True, capture_output=True, check=False)  # noqa: S603 - a fixed command
        return float(done.stdout.strip().removeprefix("@"))
    except (OSError, ValueError) as error:
        raise StoreError(f"systemd does not say since when Dovecot runs: {error}") from error


def create(users: Sequence[str], folders: Sequence[str]) -> dict[str, str]:
    """Make INBOX and the folders, subscribed, for each user; return user to what went wrong. What is there stays."""
    done = _run("mailbox", "create", "-F", "/dev/stdin", "-s", "INBOX", *folders, users=users)
    failed: dict[str, str] = {}
    for line in done.stderr.splitlines():
        found = re.match(r"doveadm(?:\((.+?)\))?(?:<[^>]*>)*: (?:Error|Fatal): (.*)", line)
        if not found or EXPECTED.search(line):
            continue
        if not found[1]:
            raise StoreError(f"doveadm mailbox create failed: {found[2]}")
        failed.setdefault(found[1], found[2])
    return failed


def recalculate(users: Sequence[str]) -> None:
    """Count what the mailboxes hold. Raises StoreError."""
    done = _run("quota", "recalc", "-F", "/dev/stdin", users=users)
    if done.returncode:
        raise StoreError(f"doveadm quota recalc failed: {done.stderr.strip()[-500:]}")


def usage(users: Sequence[str]) -> dict[str, int]:
    """Return user to bytes, as Dovecot counts them (in whole KiB)."""
    rows = _rows("quota", "get", "-F", "/dev/stdin", users=users) if users else []
    return {row["username"]: int(row["value"]) * 1024 for row in rows if row["type"] == "STORAGE"}


def sessions() -> dict[str, int]:
    """Return user to the number of open IMAP, POP3, ManageSieve and delivery sessions."""
    found: dict[str, int] = {}
    for row in _rows("who"):
        found[row["username"]] = found.get(row["username"], 0) + int(row.get("connections", "1"))
    return found


def kick(users: Collection[str]) -> dict[str, int]:
    """End the sessions of users; return user to how many were ended. Raises StoreError if one does not end."""
    ended: dict[str, int] = {}
    wanted = set(users)
    end = time.monotonic() + SECONDS
    while there := {user: count for user, count in sessions().items() if user in wanted}:
        for user, count in there.items():
            if re.search(r"[*?]", user):
                raise StoreError(f"{user}: doveadm kick would take its name for a pattern; end its sessions by hand")
            _rows("kick", user)
            ended[user] = max(count, ended.get(user, 0))
        if time.monotonic() >= end:
            raise StoreError(f"sessions do not end after {SECONDS} s: {', '.join(sorted(there))}; see `doveadm who`")
        time.sleep(0.05)
    return ended


def bring_in(user: str, maildir: Path, parent: str) -> None:
    """Copy all messages of a Maildir++ tree into folders below `parent`, with flags and dates. Raises StoreError."""
    done = _run("import", "-u", user, "-s", f"maildir:{maildir}", parent, "ALL")
    if done.returncode:
        raise StoreError(f"{user}: doveadm import failed: {done.stderr.strip()[-500:]}")
