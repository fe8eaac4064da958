# SPDX-License-Identifier: GPL-3.0-or-later
"""Read account files as they are, or as they would be after a change that is not written yet."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from mailroom.account_set import Accounts
from mailroom.cache import Cache, default_folder
from mailroom.findings import Finding
from mailroom.loader import find_files
from mailroom.read import read_accounts

from . import project, vault

# New content by path; None is a file that goes.
Changes = Mapping[Path, bytes | None]


def read(folder: Path) -> Accounts:
    """The accounts in a folder, or in one file of it, with all findings."""
    return read_accounts(str(folder), str(project.SCHEMA), vault.decrypter(), date.today(), kept())


def kept() -> Cache:
    """What was parsed before, by the command line and by runs of the play alike."""
    return Cache(default_folder())


def findings_after(folder: Path, changes: Changes) -> list[Finding]:
    """All findings as they would be after the changes, in the names of the real files."""
    with tempfile.TemporaryDirectory(prefix="mailroom-") as scratch:
        top = Path(scratch) / "accounts"
        _shadow(folder, changes, top)
        single = not folder.is_dir()
        accounts = read(top / folder.name if single else top)
        return [_renamed(finding, top, folder.parent if single else folder) for finding in accounts.findings]


def _shadow(folder: Path, changes: Changes, top: Path) -> None:
    """A folder of links to the account files, with changed files in place of those that change."""
    base = folder if folder.is_dir() else folder.parent
    contents = {path.resolve(): content for path, content in changes.items()}
    files = {Path(name).resolve(): Path(name) for name in find_files(str(folder))[0]}
    for real, path in {**files, **{path.resolve(): path for path in changes}}.items():
        content = contents.get(real)
        if real in contents and content is None:
            continue
        copy = top / os.path.relpath(path, base)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            copy.symlink_to(real)
        else:
            copy.write_bytes(content)


def _renamed(finding: Finding, top: Path, folder: Path) -> Finding:
    scratch, real = project.shown(top), project.shown(folder)
    prefix = "" if real == "." else f"{real}/"
    file, message = (text.replace(f"{scratch}/", prefix) for text in (finding.file, finding.message))
    return replace(finding, file=file, message=message)
