# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of mailroom-store share: a removed mailbox, its folder, its archive."""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import replace
from datetime import UTC, date, datetime

from mailroom_store import archive
from mailroom_store.entry import Entry
from mailroom_store.settings import Settings

TODAY = date(2026, 12, 21)
NOW = datetime(2026, 12, 21, 3, 30, tzinfo=UTC)
GONE = Entry(
    dn="uid=ann,ou=widget.example",
    uuid="7f1c",
    address="ann@widget.example",
    name="Ann Lee",
    store="widget.example/ann",
    state="quarantined",
    removed="2026-11-21",
    purge="2026-12-21",
    mark="accounts",
)
BACK = replace(GONE, state="active", removed="", purge="")


def settings_in(folder):
    """Settings of a mail host whose store and archives are in a folder."""
    return Settings(
        mail_root=folder / "mail",
        owner=pwd.getpwuid(os.geteuid()).pw_name,
        base="ou=domains,dc=mailroom,dc=example",
        folders=("Drafts", "Sent"),
        archive_dir=folder / "archive",
        archive_key="",
        archive_days=365,
    )


def mailbox(root, *files):
    """A mailbox with these files below Maildir, and INBOX."""
    for name in ("cur", "new", "tmp"):
        (root / "Maildir" / name).mkdir(parents=True, exist_ok=True)
    for name in files:
        path = root / "Maildir" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def made(store, entry=GONE, when=NOW, **manifest):
    """An archive as far as its name and manifest go."""
    path = store.archive_dir / archive.name(entry, when, "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    facts = {"address": entry.address, "uuid": entry.uuid, "archived": f"{when:%Y-%m-%dT%H:%M:%SZ}"} | manifest
    archive.manifest_path(path).write_text(json.dumps(facts))
    return archive.Archive(path, facts)
