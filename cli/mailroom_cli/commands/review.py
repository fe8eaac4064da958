# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom review: may this administrator merge that change? See docs/delegation.md."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from mailroom import report
from mailroom.account_set import Accounts
from mailroom.delegation import Administrator, read_delegation
from mailroom.findings import Finding, errors
from mailroom.loader import parse
from mailroom.read import read_accounts
from mailroom.review import review

from .. import arguments, project, reading, revisions
from ..context import Context
from ..errors import INVALID, OK, REFUSED, USAGE, Failure


def add(commands: arguments.Commands) -> None:
    """Declare the command."""
    parser = arguments.command(
        commands,
        "review",
        "judge a change of account files by who made it",
        run,
        """mailroom review main HEAD --as widget.desk
        mailroom review origin/main HEAD --as "$AUTHOR" --format github""",
    )
    parser.add_argument("old", metavar="REV1", help="the branch that it goes to; its delegation file counts")
    parser.add_argument("new", metavar="REV2", help="the change")
    parser.add_argument("--as", dest="who", metavar="NAME", required=True, help="administrator whose change it is")
    parser.add_argument("--delegation", metavar="FILE", help="rules (default: delegation.yml beside the accounts)")
    parser.add_argument("--format", choices=sorted(report.FORMS), default="text", help="default: text")


def run(context: Context, options: argparse.Namespace) -> int:
    """mailroom review"""
    folder = context.accounts
    rules = Path(options.delegation) if options.delegation else folder.parent / "delegation.yml"
    administrator = _administrator(rules, options.old, options.who)
    refused = judge(administrator, folder, options.old, options.new)
    style = "json" if context.json else options.format
    print(report.FORMS[style](refused), end="")
    if style == "text":
        who = administrator.name
        context.note(
            f"Refused: {len(refused)} of the changes are not {who}'s to make."
            if refused
            else f"Passed: all changes are {who}'s to make."
        )
    return REFUSED if refused else OK


def judge(administrator: Administrator, folder: Path, old: str, new: str) -> list[Finding]:
    """Return why merging `new` into `old` is not this administrator's to do. Raises Failure."""
    merged = revisions.merged(folder, old, new)
    with tempfile.TemporaryDirectory(prefix="mailroom-") as scratch:
        before = _read(folder, old, old, Path(scratch) / "before")
        after = _read(folder, merged, new, Path(scratch) / "after")
        found = review(administrator, before, after)
        if not administrator.manages_everything:
            found += _beside(administrator, folder, revisions.changed_files(folder, old, merged))
        return sorted(found)


def _beside(administrator: Administrator, folder: Path, files: Sequence[revisions.ChangedFile]) -> list[Finding]:
    """Changes of what is no account file: programs, rules, links to elsewhere."""
    base = folder.resolve()
    message = f"{administrator.name}: may change account files only"
    return [
        Finding(project.shown(file.path), 1, "", message)
        for file in files
        if not (file.ordinary and file.path.is_relative_to(base) and file.path.suffix in (".yml", ".yaml"))
    ]


def _administrator(rules: Path, revision: str, who: str) -> Administrator:
    content = revisions.file_at(rules, revision)
    if content is None:
        raise Failure(f"{project.shown(rules)} is not in {revision}", "name the rules with --delegation", code=USAGE)
    document, problems = parse(project.shown(rules), content)
    found: dict[str, Administrator] = {}
    if document is not None:
        found, wrong = read_delegation(document, str(project.DELEGATION_SCHEMA))
        problems = [*problems, *wrong]
    if problems:
        raise Failure("the delegation file has errors", code=INVALID, findings=problems)
    if who not in found:
        raise Failure(
            f"{who} is not in {project.shown(rules)} at {revision}",
            "who is not named there may change nothing",
            code=REFUSED,
        )
    return found[who]


def _read(folder: Path, tree: str, revision: str, scratch: Path) -> Accounts:
    """The accounts in a tree under the names of the real files, with nothing decrypted. Raises Failure."""
    top = scratch / folder.name
    revisions.extract(folder, tree, top)
    accounts = read_accounts(str(top), str(project.SCHEMA), _envelope, date.today(), reading.kept())
    real = {project.shown(top / name): project.shown(folder / name) for name in _names(top)}
    for document in accounts.documents:
        document.file = real[document.file]
    bad = [replace(finding, file=real.get(finding.file, finding.file)) for finding in errors(accounts.findings)]
    if bad:
        hint = "see mailroom validate"
        raise Failure(f"the account files have errors once {revision} is in", hint, code=INVALID, findings=bad)
    return accounts


def _names(top: Path) -> list[Path]:
    return [path.relative_to(top) for path in top.rglob("*") if path.is_file()]


def _envelope(envelope: bytes) -> bytes:
    """In place of a vaulted value its hash: enough to see whether it changed, and nobody needs the key."""
    return hashlib.sha256(envelope).hexdigest().encode()
