# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of mailboxes: tar, zstd and, with a key, age; each with a manifest, and read back before it counts.

Only the public key is on the host. To read back what it encrypted, each run adds a key of its own that lives in memory
and is forgotten afterwards.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from . import pipes, tree
from .entry import Entry
from .owner import acting_as
from .settings import Settings, StoreError

SUFFIX, ENCRYPTED, MANIFEST = ".tar.zst", ".age", ".json"
# Per path: kind and size and hash of a file, or kind and target of a link.
Facts = tuple[str | int, ...]
Content = dict[str, Facts]


@dataclass(frozen=True)
class Archive:
    """An archive that is complete, and what its manifest says."""

    path: Path
    manifest: dict[str, Any]

    @property
    def made(self) -> str:
        return str(self.manifest["archived"])

    @property
    def encrypted(self) -> bool:
        return self.path.suffix == ENCRYPTED


def manifest_path(archive: Path) -> Path:
    return archive.with_name(archive.name + MANIFEST)


def name(entry: Entry, now: datetime, key: str) -> str:
    """Return the place below the folder of archives, such as `widget.example/ann_20260131T040000Z.tar.zst`."""
    return f"{entry.store}_{now:%Y%m%dT%H%M%SZ}{SUFFIX}{ENCRYPTED if key else ''}"


def known(folder: Path) -> list[Archive]:
    """Return all archives that have a manifest, oldest first. A file without one was never finished."""
    found = []
    for file in folder.glob(f"*/*{SUFFIX}*{MANIFEST}"):
        try:
            manifest = json.loads(file.read_text())
            archive = Archive(_described(file), manifest)
            if archive.path.is_file() and archive.made and manifest["address"]:
                found.append(archive)
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(f"{file}: not a manifest of an archive: {error!r}") from error
    return sorted(found, key=lambda archive: (archive.made, archive.path))


def expired(archives: list[Archive], days: int, today: date, held: set[str]) -> list[Archive]:
    """Return the archives that are older than `days` (0: none). Those of entries (UUIDs) in `held` are kept."""
    if not days:
        return []
    last = today - timedelta(days=days)
    return [
        archive
        for archive in archives
        if date.fromisoformat(archive.made[:10]) < last and archive.manifest.get("uuid") not in held
    ]


def folder(settings: Settings) -> Path:
    """Make the folder of archives, or see that it is root's alone: the mail store around it belongs to another user."""
    place = settings.archive_dir
    if not place.exists() and not place.is_symlink():
        place.mkdir(mode=0o700, parents=True)
    status = place.lstat()
    if place.is_symlink() or not place.is_dir() or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise StoreError(f"{place}: must be a folder that belongs to root alone (0700); nothing was archived")
    return place


def write(settings: Settings, entry: Entry, home: Path, now: datetime) -> tuple[Archive, tree.Snapshot]:
    """Archive a mailbox, read it back, and return it with the state of the mailbox that it holds.

    Raises StoreError, after which there is no archive and the mailbox is as before.
    """
    place = folder(settings)
    path = place / name(entry, now, settings.archive_key)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with acting_as(settings.owner):
            before = tree.snapshot(home)
        passing = pipes.passing_key() if settings.archive_key else None
        with partial.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            recipients = [settings.archive_key, passing.public] if passing else []
            content = _pack(settings, home, list(before), file, recipients)
            os.fsync(file.fileno())
        if _content(partial, passing.private if passing else "") != content:
            raise StoreError("what was read back is not what was written")
        with acting_as(settings.owner):
            if tree.snapshot(home) != before:
                raise StoreError("the mailbox changed meanwhile; try again")
        manifest = _manifest(settings, entry, now, content, partial)
        _keep(manifest_path(path), json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
        # The archive comes last: a manifest without one is not listed, and the next run cannot meet its name again.
        partial.rename(path)
        _sync(path.parent)
    except (OSError, tarfile.TarError, StoreError) as error:
        partial.unlink(missing_ok=True)
        manifest_path(path).unlink(missing_ok=True)
        raise StoreError(f"{entry.address} could not be archived: {error}") from error
    return Archive(path, manifest), before


def delete(archive: Archive) -> None:
    archive.path.unlink(missing_ok=True)
    manifest_path(archive.path).unlink(missing_ok=True)


def tidy(folder: Path) -> list[str]:
    """Delete what interrupted runs left unfinished; return what was done. Only for the holder of the lock."""
    left = sorted(folder.glob("*/.*.partial"))
    left += [file for file in sorted(folder.glob(f"*/*{SUFFIX}*{MANIFEST}")) if not _described(file).exists()]
    for file in left:
        file.unlink()
    return [f"{file} was deleted: its archive was never finished" for file in left]


def _described(manifest: Path) -> Path:
    return manifest.with_name(manifest.name.removesuffix(MANIFEST))


def unpack(settings: Settings, archive: Archive, identity: str, into: Path) -> None:
    """Unpack an archive into a new folder, as the owner of the mail. After a StoreError the folder may be half full."""
    if archive.encrypted and not identity:
        raise StoreError(f"{archive.path}: encrypted: name the private key (--identity FILE, or - for standard input)")
    identity = identity if archive.encrypted else ""
    if (want := archive.manifest.get("sha256")) != (have := _hash_of(archive.path)):
        raise StoreError(f"{archive.path}: damaged: its SHA-256 is {have}, the manifest says {want}")
    try:
        with pipes.reading(archive.path, identity) as source, acting_as(settings.owner):
            into.mkdir(mode=0o700)
            with tarfile.open(fileobj=source, mode="r|") as tar:
                tar.extractall(into, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise StoreError(f"{archive.path}: cannot be unpacked: {error}") from error


# --- writing and reading ---


class _Hashing(io.RawIOBase):
    """A file that is read and hashed on the way."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sum = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sum.update(data)
        return data


def _pack(settings: Settings, home: Path, names: list[str], file: IO[bytes], recipients: list[str]) -> Content:
    """Write the archive and return what was put in."""
    with (
        pipes.writing(file, recipients) as start,
        acting_as(settings.owner),
        tarfile.open(fileobj=start, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        return {inside: _add(tar, home / inside, inside) for inside in names}


def _add(tar: tarfile.TarFile, path: Path, inside: str) -> Facts:
    member = tar.gettarinfo(path, inside)
    if member.islnk():
        # Dovecot copies mail by hard links; each name is stored as a file of its own.
        member.type, member.size = tarfile.REGTYPE, path.stat().st_size
    if member.isreg():
        with path.open("rb") as source:
            hashing = _Hashing(source)
            tar.addfile(member, hashing)
        return ("file", member.size, hashing.sum.hexdigest())
    if member.isdir() or member.issym():
        tar.addfile(member)
        return _plain(member)
    raise StoreError(f"{path} is neither file, folder nor link")


def _plain(member: tarfile.TarInfo) -> Facts:
    return ("link", member.linkname) if member.issym() else ("folder",)


def _content(path: Path, identity: str) -> Content:
    """Read an archive to its end and return what is in it."""
    found: Content = {}
    with pipes.reading(path, identity) as source, tarfile.open(fileobj=source, mode="r|") as tar:
        for member in tar:
            data = tar.extractfile(member) if member.isreg() else None
            found[member.name] = ("file", member.size, _hash(data)) if data else _plain(member)
    return found


def _manifest(settings: Settings, entry: Entry, now: datetime, content: Content, file: Path) -> dict[str, Any]:
    sizes = [int(facts[1]) for facts in content.values() if facts[0] == "file"]
    folders = tree.messages(content)
    return {
        "address": entry.address,
        "name": entry.name,
        "uuid": entry.uuid,
        "store": entry.store,
        "archived": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "removed": entry.removed,
        "messages": sum(folders.values()),
        "folders": folders,
        "files": len(sizes),
        "bytes": sum(sizes),
        "archive_bytes": file.stat().st_size,
        "sha256": _hash_of(file),
        "encrypted_for": settings.archive_key,
    }


def _hash(file: IO[bytes]) -> str:
    total = hashlib.sha256()
    while data := file.read(1 << 20):
        total.update(data)
    return total.hexdigest()


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return _hash(file)


def _keep(path: Path, text: str) -> None:
    """Write a file whole, on disk and for root only."""
    with path.open("x") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
