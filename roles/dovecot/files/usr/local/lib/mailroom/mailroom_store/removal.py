# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting and bringing back mail. A mailbox moves by renaming, so that no moment shows half of one.

Below the mail root, `.going/DOMAIN/LOCAL` is a mailbox on its way out that is not judged yet (after an interrupted
run it is put back), `.gone/DOMAIN/LOCAL` one that is archived, compared and only waits for deletion.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from . import archive, dovecot, tree
from .entry import QUARANTINED, Entry, home
from .owner import acting_as
from .settings import Settings, StoreError

GOING, GONE, COMING = ".going", ".gone", ".coming"


def _beside(settings: Settings, place: str, entry: Entry) -> Path:
    return settings.mail_root / place / home(settings.mail_root, entry).relative_to(settings.mail_root)


@contextmanager
def _in_store(settings: Settings) -> Iterator[None]:
    """Act as the owner of the mail; what the file system refuses is a StoreError."""
    try:
        with acting_as(settings.owner):
            yield
    except OSError as error:
        raise StoreError(str(error)) from error


def tidy(settings: Settings) -> list[str]:
    """Finish what an interrupted run left; return what was done."""
    done = []
    with _in_store(settings):
        for left in sorted((settings.mail_root / GOING).glob("*/*")):
            back = settings.mail_root / left.relative_to(settings.mail_root / GOING)
            if back.exists():
                raise StoreError(f"{left} was left by an interrupted run, and {back} is there again; look at both")
            back.parent.mkdir(mode=0o700, exist_ok=True)
            left.rename(back)
            done.append(f"{back} was put back")
        for place in (GONE, COMING):
            for left in sorted((settings.mail_root / place).glob("*/*")):
                shutil.rmtree(left)
                done.append(f"{left} was deleted")
    return done


def purge(settings: Settings, entry: Entry, now: datetime) -> archive.Archive:
    """Archive a mailbox and delete its mail. Raises StoreError; then the mail is where it was."""
    place = home(settings.mail_root, entry)
    dovecot.kick([entry.address])
    made, before = archive.write(settings, entry, place, now)
    going, gone = _beside(settings, GOING, entry), _beside(settings, GONE, entry)
    try:
        with _in_store(settings):
            for folder in (going.parent, gone.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.rename(going)
            # From here on nothing finds the mailbox by its name. What came in at the last moment shows now.
            if tree.snapshot(going) != before:
                going.rename(place)
                raise StoreError("it changed after it was archived; the next run tries again")
            going.rename(gone)
    except StoreError as error:
        archive.delete(made)
        raise StoreError(f"{entry.address} was not purged: {error}") from error
    with _in_store(settings):
        shutil.rmtree(gone)
        with suppress(OSError):  # Other mailboxes are there.
            place.parent.rmdir()
    return made


def restore(
    settings: Settings, entry: Entry, source: archive.Archive, identity: str, *, merge: bool = False
) -> tuple[int, str]:
    """Bring an archive's mail back; return the number of messages and the folder above them ("" for their old places).

    A mailbox without mail and scripts becomes what was archived, with flags, UIDs and scripts. One that is in use is
    left alone, or with `merge` gets the messages in folders of their own. Raises StoreError; then nothing has changed.
    """
    if entry.state == QUARANTINED:
        raise StoreError(f"{entry.address} is removed: bring its lines back and apply them first")
    place, coming = home(settings.mail_root, entry), _beside(settings, COMING, entry)
    with _in_store(settings):
        if not merge and not tree.is_untouched(place):
            raise StoreError(
                f"{entry.address} has mail or scripts, which are not overwritten; --merge puts the archived messages "
                "into folders beside them"
            )
        coming.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if coming.exists():
            shutil.rmtree(coming)
    try:
        archive.unpack(settings, source, identity, coming)
        number = int(source.manifest["messages"])
        with _in_store(settings):
            if sum(tree.messages(tree.paths(coming)).values()) != number:
                raise StoreError(f"{source.path}: does not hold the {number} messages that its manifest names")
        if merge:
            into = f"Restored {source.made[:10]}"
            dovecot.bring_in(entry.address, coming / "Maildir", into)
            return number, into
        _exchange(settings, entry, place, coming)
    finally:
        # What cannot be removed now is removed by tidy() at the next purge; the restore itself is decided.
        with _in_store(settings):
            shutil.rmtree(coming, ignore_errors=True)
    dovecot.recalculate([entry.address])
    return number, ""


def _exchange(settings: Settings, entry: Entry, place: Path, coming: Path) -> None:
    """Put what is coming in the place of an untouched mailbox."""
    dovecot.kick([entry.address])
    gone = _beside(settings, GONE, entry)
    with _in_store(settings):
        gone.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        if place.exists():
            place.rename(gone)
        if not tree.is_untouched(gone):
            gone.rename(place)
            raise StoreError(f"{entry.address}: mail came in at this moment; try again")
        try:
            coming.rename(place)
        except OSError as error:
            raise StoreError(f"{entry.address}: mail came in at this moment; try again ({error})") from error
        shutil.rmtree(gone, ignore_errors=True)  # As above: tidy() removes what is left.


def choose(archives: list[archive.Archive], entry: Entry, wanted: str) -> archive.Archive:
    """Return the archive to restore: the one named, or the newest of this mailbox. Raises StoreError."""
    mine = [each for each in archives if each.manifest["address"] == entry.address]
    if wanted:
        found = [each for each in archives if wanted in (str(each.path), each.path.name)]
        if len(found) != 1:
            raise StoreError(f"{wanted}: no such archive; `mailroom-store list` shows them")
        return found[0]
    if not mine:
        raise StoreError(f"{entry.address} has no archive; `mailroom-store list` shows all")
    newest = mine[-1]
    if newest.manifest.get("uuid") != entry.uuid:
        raise StoreError(
            f"{newest.path.name} is of an earlier mailbox {entry.address}, perhaps another person's. "
            "If it is meant, name it as the second argument"
        )
    return newest
