# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks in mailboxes that outlived the process which took them: their host died, or was replaced by the other node.

Dovecot takes a lock file of this kind for what a dead process left if no process has the number in it (file_dotlock in
its source, 2.4.1). That number may by chance be another's by now, and then the mailbox is closed for as long as that
one lives, which may be until the next boot.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

NAMES = frozenset({"dovecot-uidlist.lock", "dovecot-keywords.lock", "subscriptions.lock"})
# Folders of messages: no locks are in them, and they may be large.
MESSAGES = frozenset({"cur", "new", "tmp"})


def remove(mail_root: Path, before: float) -> list[Path]:
    """Remove locks below a store that are older than `before` (seconds since 1970), and return them.

    Raises OSError, but not for what others removed in the meantime.
    """
    removed = []
    for path in _locks(os.fspath(mail_root)):
        try:
            if os.lstat(path).st_mtime >= before:
                continue
            os.unlink(path)
        except FileNotFoundError:
            continue
        removed.append(Path(path))
    return sorted(removed)


def _locks(folder: str) -> Iterator[str]:
    """Yield each lock. Links are not followed."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in MESSAGES:
                            waiting.append(entry.path)
                    elif entry.name in NAMES and entry.is_file(follow_symlinks=False):
                        yield entry.path
        # Where the owner of the mail may not look, Dovecot takes no locks either: archives are root's.
        except (FileNotFoundError, PermissionError):
            continue
