# SPDX-License-Identifier: GPL-3.0-or-later
"""What account runs keep on the provider: a lock, a journal of the transaction under way, the last snapshot."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ansible.module_utils.mailroom_journal import Journal
from ansible.module_utils.mailroom_ldap import DirectoryError

from .mailroom.snapshot import Snapshot

FOLDER = "/var/lib/mailroom"


class State:
    """The files of one directory in a folder that only root can read. Nothing is made before it is needed."""

    def __init__(self, folder: str, uri: str) -> None:
        self._folder = folder
        # Several servers on one host do not share these.
        self._name = os.path.join(folder, "accounts-" + hashlib.sha256(uri.encode()).hexdigest()[:8])
        self.journal = Journal(f"{self._name}.journal")

    @contextmanager
    def locked(self, who: str) -> Iterator[None]:
        """Hold the lock, or raise DirectoryError with who holds it. It goes when the process ends, however that is."""
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            handle = os.open(f"{self._name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise DirectoryError(f"cannot lock the accounts: {error.filename}: {error.strerror}") from None
        with os.fdopen(handle, "r+", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DirectoryError(
                    f"Another run is changing the accounts: {stream.read().strip()}. "
                    "Nothing was written; try again when it has ended."
                ) from None
            stream.seek(0)
            stream.truncate()
            since = time.strftime("%Y-%m-%d %H:%M:%S %z")
            stream.write(f"{who or 'somebody'}, since {since}, process {os.getpid()} on this host\n")
            stream.flush()
            yield

    def load(self) -> Snapshot | None:
        """The last snapshot, if there is one that can be read."""
        try:
            with open(f"{self._name}.json", encoding="utf-8", errors="surrogateescape") as stream:
                return Snapshot.from_dict(json.load(stream))
        except (OSError, ValueError):
            return None

    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot for the next run. Without one that run reads everything, so failing to is no error."""
        temporary = f"{self._name}.new"
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
                json.dump(snapshot.as_dict(), stream, ensure_ascii=False, separators=(",", ":"))
            os.replace(temporary, f"{self._name}.json")
        except OSError:
            pass
