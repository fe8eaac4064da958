# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role tells the program, and the one kind of error that it reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FILE = Path("/etc/mailroom/store.json")


class StoreError(Exception):
    """Something cannot be done; the text says what and what to do."""


class NotActive(StoreError):
    """This host does not have the mail store: another one of the cluster does."""


@dataclass(frozen=True)
class Settings:
    """`folders` are the special folders of every mailbox; `archive_key` is an age recipient or "" (not encrypted);
    `archive_days` 0 keeps archives for ever. In a cluster the store lies below `mount_point`, and `lock_hostname` is
    the name of all nodes in Dovecot's locks; both are "" on a single host."""

    mail_root: Path
    owner: str
    base: str
    folders: tuple[str, ...]
    archive_dir: Path
    archive_key: str
    archive_days: int
    mount_point: str = ""
    lock_hostname: str = ""


def load(file: Path = FILE) -> Settings:
    """Read the settings. Raises StoreError with the field that is wrong."""
    try:
        data = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise StoreError(f"{file}: {error}; the role dovecot writes it") from error
    try:
        settings = Settings(
            mail_root=Path(data["mail_root"]),
            owner=str(data["owner"]),
            base=str(data["base"]),
            folders=tuple(map(str, data["folders"])),
            archive_dir=Path(data["archive_dir"]),
            archive_key=str(data["archive_key"]),
            archive_days=int(data["archive_days"]),
            mount_point=str(data.get("mount_point", "")),
            lock_hostname=str(data.get("lock_hostname", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{file}: field missing or of the wrong kind: {error}") from error
    for name in ("mail_root", "archive_dir"):
        path: Path = getattr(settings, name)
        if not path.is_absolute() or len(path.parts) < 2:
            raise StoreError(f"{file}: {name}: {path} must be an absolute path below /")
    if settings.archive_days < 0:
        raise StoreError(f"{file}: archive_days: {settings.archive_days} must be 0 (for ever) or more")
    if any(c.isspace() for c in settings.archive_key.removeprefix("ssh-ed25519 ").removeprefix("ssh-rsa ")):
        raise StoreError(f"{file}: archive_key: one age recipient or SSH public key without its comment")
    return settings
