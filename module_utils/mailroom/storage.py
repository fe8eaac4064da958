# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk that the hosts of a pair share: whose it is, and whether a file system may be made on it.

A file system is made on an empty disk, once, and never again over anything. Whose it is can be read without mounting
it: the UUID is of version 8 (RFC 9562, "custom"); its first half is a hash of the owner's name, its second half is
random. So another platform's disk is known as such, and each file system is still told from every other. The label is
what people see: the beginning of the owner's name, or `(unfinished)` for as long as that is what it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .quantities import format_size

__all__ = [
    "BLANK",
    "FILE_SYSTEMS",
    "OURS",
    "UNFINISHED",
    "Disk",
    "Signature",
    "StorageError",
    "Wanted",
    "is_mark",
    "judge",
    "label_of",
    "make_command",
    "name_command",
    "new_uuid",
    "owns",
    "parse_signatures",
]

BLANK, UNFINISHED, OURS = "blank", "unfinished", "ours"
# XFS takes twelve characters, ext4 sixteen.
LABEL_LENGTH = 12
# No owner can be called like this.
UNFINISHED_LABEL = "(unfinished)"
OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
FILE_SYSTEMS = ("ext4", "xfs")


class StorageError(Exception):
    """The disk must not be used; the message says why, and what to do."""


@dataclass(frozen=True)
class Signature:
    """What libblkid recognises on a disk."""

    type: str
    usage: str
    uuid: str = ""
    label: str = ""

    def __str__(self) -> str:
        more = [f'label "{self.label}"'] * bool(self.label) + [f"UUID {self.uuid}"] * bool(self.uuid)
        return self.type + (f" ({', '.join(more)})" if more else "")


@dataclass(frozen=True)
class Disk:
    """A disk as one host sees it."""

    path: str
    size: int = 0
    kind: str = "block"
    read_only: bool = False
    signatures: tuple[Signature, ...] = ()
    # Whether its beginning and its end are zeros. Matters only without a signature.
    zeros: bool = True
    partitions: tuple[str, ...] = ()
    # Devices that were made of it, such as its multipath device.
    holders: tuple[str, ...] = ()
    mounted: tuple[str, ...] = ()
    # What the hardware calls it; empty where it has no name.
    serial: str = ""

    @property
    def uuid(self) -> str:
        return self.signatures[0].uuid if len(self.signatures) == 1 else ""


@dataclass(frozen=True)
class Wanted:
    """What the inventory says."""

    owner: str
    filesystem: str
    mount_point: str
    min_size: int = 0


def _prefix(owner: str) -> bytes:
    prefix = bytearray(hashlib.sha256(f"mailroom storage {owner}".encode()).digest()[:8])
    prefix[6] = 0x80 | prefix[6] & 0x0F
    return bytes(prefix)


def new_uuid(owner: str, random: bytes) -> str:
    """Return the UUID of a new file system of this owner, from eight random bytes."""
    end = bytearray(random[:8])
    end[0] = 0x80 | end[0] & 0x3F
    return str(uuid.UUID(bytes=_prefix(owner) + bytes(end)))


def is_mark(text: str) -> bool:
    """Say whether a UUID names an owner at all."""
    try:
        return uuid.UUID(text).version == 8
    except ValueError:
        return False


def owns(owner: str, text: str) -> bool:
    """Say whether a UUID names this owner."""
    return is_mark(text) and uuid.UUID(text).bytes[:8] == _prefix(owner)


def label_of(owner: str) -> str:
    """Return the label of a finished file system of this owner."""
    return owner[:LABEL_LENGTH]


def parse_signatures(text: str) -> tuple[Signature, ...]:
    """Read what `wipefs --json` prints. Backups of a signature (of a partition table) are named once."""
    rows: list[dict[str, Any]] = json.loads(text or "{}").get("signatures") or []
    fields = ("type", "usage", "uuid", "label")
    return tuple(dict.fromkeys(Signature(**{field: row.get(field) or "" for field in fields}) for row in rows))


def judge(disk: Disk, wanted: Wanted) -> str:
    """Return BLANK, UNFINISHED or OURS; raise StorageError where the disk must not be used."""
    path = disk.path
    if not OWNER.fullmatch(wanted.owner):
        raise StorageError(f"storage_owner {wanted.owner!r} is no name of letters, digits, dots and hyphens")
    if disk.kind != "block":
        raise StorageError(_no_disk(disk))
    _judge_use(disk, wanted)
    if disk.size < wanted.min_size:
        raise StorageError(
            f"{path} has {_size(disk.size)}, and storage_min_size is {_size(wanted.min_size)}: is it the right disk?"
        )
    if len(disk.signatures) > 1:
        found = ", ".join(map(str, disk.signatures))
        raise StorageError(
            f"{path} has the signatures of several things, so what it holds is not clear: {found}. {FREE}"
        )
    if not disk.signatures:
        if not disk.zeros:
            raise StorageError(f"{path} is not empty, and nothing is known of what it holds. {FREE}")
        if disk.read_only:
            raise StorageError(f"{path} is read-only on this host")
        return BLANK
    return _judge_signature(disk, disk.signatures[0], wanted)


FREE = (
    "It is left as it is. If nothing of it is needed, and no other host uses it, empty it yourself: "
    "wipefs --all, then blkdiscard --zeroout"
)


def _no_disk(disk: Disk) -> str:
    if disk.kind == "missing":
        return (
            f"{disk.path} does not exist on this host: the disk is not mapped to it, or has another name here "
            "(ls -l /dev/disk/by-id)"
        )
    return f"{disk.path} is no block device but a {disk.kind}"


def _judge_use(disk: Disk, wanted: Wanted) -> None:
    path = disk.path
    if disk.holders:
        raise StorageError(
            f"{path} is part of {', '.join(disk.holders)}: give storage_device that one's name, not that of what lies "
            "below"
        )
    if disk.partitions:
        raise StorageError(f"{path} has partitions ({', '.join(disk.partitions)}): give storage_device the name of one")
    if elsewhere := sorted(set(disk.mounted) - {wanted.mount_point}):
        raise StorageError(
            f"{path} is mounted at {', '.join(elsewhere)}, and storage_mount_point is {wanted.mount_point}: unmount it "
            "there"
        )


def _judge_signature(disk: Disk, found: Signature, wanted: Wanted) -> str:
    path = disk.path
    if found.usage != "filesystem" or not is_mark(found.uuid):
        raise StorageError(f"{path} holds something that Mailroom did not make: {found}. {FREE}")
    if not owns(wanted.owner, found.uuid):
        raise StorageError(
            f"{path} belongs to another platform: {found}. storage_owner is {wanted.owner} here. Is it the wrong disk, "
            "or was the platform renamed? It is left as it is"
        )
    if found.label == UNFINISHED_LABEL:
        if disk.mounted:
            raise StorageError(f"{path} is not finished, and yet mounted at {', '.join(disk.mounted)}: unmount it")
        return UNFINISHED
    if found.type != wanted.filesystem:
        raise StorageError(
            f"{path} has {found.type}, and storage_filesystem is {wanted.filesystem}: a file system is never made anew "
            "over data. docs/storage.md says how to move to another disk"
        )
    return OURS


def make_command(filesystem: str, identity: str, options: Sequence[str], device: str, again: bool) -> list[str]:
    """Return the command that makes a file system that is not yet finished; `again` over one such."""
    if filesystem == "xfs":
        command = ["mkfs.xfs", "-q", "-m", f"uuid={identity}", "-L", UNFINISHED_LABEL]
        return [*command, *(["-f"] if again else []), *options, device]
    command = ["mkfs.ext4", "-q", "-U", identity, "-L", UNFINISHED_LABEL]
    return [*command, *(["-F"] if again else []), *options, device]


def name_command(filesystem: str, owner: str, device: str) -> list[str]:
    """Return the command that gives a file system its name: with that it is finished."""
    program = "xfs_admin" if filesystem == "xfs" else "tune2fs"
    return [program, "-L", label_of(owner), device]


def _size(size: int) -> str:
    text = format_size(size)
    return f"{text} bytes" if text.isdigit() else text
