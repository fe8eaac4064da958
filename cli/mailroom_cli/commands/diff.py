# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom diff: what lies between two git revisions of the account files, as a plan and not as text."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

from mailroom import directory
from mailroom.accounts import plan_accounts
from mailroom.findings import errors
from mailroom.model import Domain
from mailroom.plan import Plan

from .. import arguments, reading, revisions
from ..context import Context
from ..errors import INVALID, OK, Failure

_BASE = "ou=domains,dc=mailroom,dc=example"


def add(commands: arguments.Commands) -> None:
    """Declare the command."""
    parser = arguments.command(
        commands,
        "diff",
        "compare the accounts of two git revisions, offline",
        run,
        """mailroom diff HEAD~1
        mailroom diff origin/main HEAD --format markdown""",
    )
    parser.add_argument("old", metavar="REV1", help="revision before")
    parser.add_argument("new", metavar="REV2", nargs="?", help="revision after (default: the files as they are)")
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="default: text")


def run(context: Context, options: argparse.Namespace) -> int:
    """mailroom diff"""
    plan = compare(context.accounts, options.old, options.new)
    style = "json" if context.json else options.format
    print({"text": plan.text, "markdown": plan.markdown, "json": plan.json}[style]().rstrip("\n"))
    return OK


def compare(folder: Path, old: str, new: str | None) -> Plan:
    """The plan from one revision of the account files to another, or to the files as they are. Raises Failure."""
    before = domains_at(folder, old)
    after = _domains(folder, "") if new is None else domains_at(folder, new)
    return plan_accounts(
        directory.entries(after, _BASE),
        directory.entries(before, _BASE),
        _BASE,
        today=date.today(),
        renames=directory.renames(after, _BASE),
    )


def domains_at(folder: Path, revision: str) -> list[Domain]:
    """The domains in the account files at a revision. Raises Failure."""
    with tempfile.TemporaryDirectory(prefix="mailroom-") as scratch:
        top = Path(scratch) / (folder.name if folder.is_dir() else "accounts")
        revisions.extract(folder if folder.is_dir() else folder.parent, revision, top)
        return _domains(top, revision)


def _domains(folder: Path, revision: str) -> list[Domain]:
    accounts = reading.read(folder)
    if bad := errors(accounts.findings):
        shown = [
            replace(finding, file=f"{revision}:{Path(finding.file).name}") if revision else finding for finding in bad
        ]
        where = f" at {revision}" if revision else ""
        raise Failure(f"the account files{where} have errors", "see mailroom validate", code=INVALID, findings=shown)
    return list(accounts.domains.values())
