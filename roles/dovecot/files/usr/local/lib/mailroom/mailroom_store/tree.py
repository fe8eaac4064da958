# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox as files: what belongs into an archive, what has changed, how many messages there are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

# Kind (file, folder, link), size and time, or target: equal snapshots mean that nothing was written in between.
Snapshot = dict[str, tuple[str | int, ...]]


def belongs(name: str) -> bool:
    """Return whether a path inside a mailbox is worth keeping.

    Dovecot makes its indexes anew from the rest: UIDs are in dovecot-uidlist, flags in file names, keywords in
    dovecot-keywords. Lock files and half-written mail are nothing.
    """
    path = PurePosixPath(name)
    if path.name.startswith(("dovecot.index", "dovecot.list.index")) or path.name.endswith(".lock"):
        return False
    return not (path.parts[0] == "Maildir" and path.parent.name == "tmp")


def folder_of(name: str) -> str:
    """Return the folder (as named on disk) that a path is a message of; "" if it is none."""
    path = PurePosixPath(name)
    if path.parts[0] != "Maildir" or path.parent.name not in ("cur", "new"):
        return ""
    above = path.parent.parent
    return "INBOX" if above == PurePosixPath("Maildir") else above.name.removeprefix(".")


def messages(names: Iterable[str]) -> dict[str, int]:
    """Return folder to number of messages."""
    return dict(sorted(Counter(folder for name in names if (folder := folder_of(name))).items()))


def paths(home: Path) -> Iterator[str]:
    """Yield all that belongs to a mailbox, relative to its folder, parents first, in a fixed order."""
    for at, folders, files in os.walk(home, onerror=_fail):
        here = Path(at).relative_to(home)
        folders.sort()
        # os.walk lists links to folders among the folders and does not follow them.
        for name in sorted([*folders, *files]):
            inside = (here / name).as_posix()
            if belongs(inside):
                yield inside


def _fail(error: OSError) -> None:
    raise error


def snapshot(home: Path) -> Snapshot:
    """Return what is there now. Raises OSError."""
    found: Snapshot = {}
    for name in paths(home):
        path = home / name
        status = path.lstat()
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder",)
        else:
            found[name] = ("file", status.st_size, status.st_mtime_ns)
    return found


def is_untouched(home: Path) -> bool:
    """Return whether a mailbox holds nothing of its user's: no message and no script."""
    if not home.exists():
        return True
    scripts = home / "sieve"
    return not messages(paths(home)) and not (scripts.is_dir() and any(scripts.rglob("*.sieve")))
