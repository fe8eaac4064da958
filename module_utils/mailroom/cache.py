# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that can be made again, each named by the hash of what it was made from, for the eyes of their owner only."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import time
from pathlib import Path

# Days after which what nobody asked for is removed.
KEPT = 30


def default_folder() -> str:
    """The user's cache folder for account files (XDG base directories)."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "mailroom", "accounts")


def digest(*parts: bytes) -> str:
    """Return one SHA-256 (hexadecimal) over several byte strings; their borders count."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


def code_digest() -> str:
    """A hash of the account logic: what another version of it made is not used."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return digest(*(part for file in files for part in (str(file).encode(), file.read_bytes())))


class Cache:
    """The folder. Where it cannot be used safely, nothing is kept and nothing is found."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            found = os.stat(folder)
            private = not stat.S_IMODE(found.st_mode) & 0o077
            self.usable = found.st_uid == os.geteuid() and private
        except OSError:
            self.usable = False

    def get(self, name: str) -> bytes | None:
        """Return what was kept under a name."""
        file = os.path.join(self._folder, name)
        try:
            with open(file, "rb") as stream:
                content = stream.read()
            os.utime(file)
        except OSError:
            return None
        return content if self.usable else None

    def put(self, name: str, content: bytes) -> None:
        """Keep something under a name."""
        if not self.usable:
            return
        try:
            handle, temporary = tempfile.mkstemp(prefix=".new.", dir=self._folder)  # made with mode 0600
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.replace(temporary, os.path.join(self._folder, name))
        except OSError:
            self.usable = False  # A full disk slows the next run; it is no reason to fail this one.

    def tidy(self) -> None:
        """Remove what was not used for KEPT days."""
        oldest = time.time() - KEPT * 86400
        for entry in os.scandir(self._folder) if self.usable else ():
            if entry.stat().st_mtime < oldest:
                os.unlink(entry.path)
