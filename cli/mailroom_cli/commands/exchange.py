# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom export and mailroom import: accounts as CSV or LDIF, out of and into the account files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mailroom import directory
from mailroom.findings import errors
from mailroom.model import OWN, Domain, Mailbox
from mailroom.passwords import PENDING

from .. import arguments, complete, csv_form, edits, ldif, listing, reading, shapes
from ..context import Context
from ..errors import INVALID, OK, Failure
from ..rows import Problem, Row, Writer, check
from ..workspace import Workspace, domain_name
from ..yaml_text import value_tree

_BASE = "ou=domains,dc=mailroom,dc=example"


def add(commands: arguments.Commands) -> None:
    """Declare the commands."""
    parser = arguments.command(
        commands,
        "export",
        "write accounts as CSV or LDIF",
        export,
        """mailroom export widget.example >widget.csv
        mailroom export --format ldif --output all.ldif""",
    )
    complete.by(complete.domains, parser.add_argument("domain", metavar="DOMAIN", nargs="*"))
    parser.add_argument("--format", choices=("csv", "ldif"), default="csv", help="default: csv")
    parser.add_argument("--output", "-o", metavar="FILE", help="write to a file (mode 0600)")
    parser.add_argument("--base", metavar="DN", default=_BASE, help=f"LDIF: entry above the domains (default: {_BASE})")
    parser.add_argument("--with-passwords", action="store_true", help="LDIF: with the hashes that the files have")
    parser = arguments.command(
        commands,
        "import",
        "add accounts from CSV or LDIF to the files of their domains",
        read,
        """mailroom import new.csv --dry-run
        mailroom import people.ldif --domain widget.example
        mailroom import changed.csv --update --apply""",
    )
    parser.add_argument("file", metavar="FILE", help="what to read; - for standard input")
    parser.add_argument("--format", choices=("csv", "ldif"), help="default: by the file's name, else csv")
    complete.by(complete.domains, parser.add_argument("--domain", metavar="DOMAIN", help="for addresses without @"))
    parser.add_argument("--update", action="store_true", help="change those that exist, by the columns that are there")
    parser.add_argument("--with-passwords", action="store_true", help="LDIF: take strong password hashes along")
    arguments.writing(parser)


def export(context: Context, options: argparse.Namespace) -> int:
    """mailroom export"""
    accounts = reading.read(context.accounts)
    if bad := errors(accounts.findings):
        raise Failure("the account files have errors", "correct them first", code=INVALID, findings=bad)
    names = [domain_name(name) for name in options.domain] or list(accounts.domains)
    for name in names:
        Workspace(context.accounts).domain(name)
    text = _ldif(accounts.domains, names, options) if options.format == "ldif" else _csv(accounts.domains, names)
    if options.output:
        _write(Path(options.output), text)
        context.note(f"{options.output} written")
    else:
        sys.stdout.write(text)
    return OK


def _csv(domains: dict[str, Domain], names: list[str]) -> str:
    return csv_form.write(_record(domains[name], box) for name in names for box in domains[name].mailboxes)


def _record(domain: Domain, box: Mailbox) -> dict[str, Any]:
    """A mailbox, with a word for no identity where its domain has one."""
    record = shapes.mailbox(box)
    if domain.identity and not box.identity and box.address != domain.identity:
        record["identity"] = OWN
    return record


def _ldif(domains: dict[str, Domain], names: list[str], options: argparse.Namespace) -> str:
    entries = directory.entries(domains.values(), options.base)
    above = tuple(directory.domain_dn(name, options.base) for name in names)
    chosen = {dn: entry for dn, entry in entries.items() if dn.endswith(above)}
    for entry in chosen.values():
        if not options.with_passwords or entry.get(directory.PASSWORD) == [PENDING]:
            entry.pop(directory.PASSWORD, None)
    return ldif.write(chosen)


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8", newline="")


def read(context: Context, options: argparse.Namespace) -> int:
    """mailroom import"""
    content = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    style = options.format or ("ldif" if options.file.endswith(".ldif") else "csv")
    if style == "ldif":
        rows, problems = ldif.read(content, with_passwords=options.with_passwords)
    else:
        rows, problems = csv_form.read(content)
    if options.domain:
        rows = [_whole(row, domain_name(options.domain)) for row in rows]
    workspace = Workspace(context.accounts)
    problems += _problems(workspace, rows, options.update)
    if problems:
        lines = [
            f"{options.file}:{problem.line}: " + (f"{problem.column}: " if problem.column else "") + problem.message
            for problem in sorted(problems)
        ]
        raise Failure(f"{len(lines)} problems in {options.file}, nothing was written", code=INVALID, findings=lines)
    _enter(context, workspace, rows)
    return edits.finish(context, options, workspace, "import", f"{len(rows)} accounts")


def _whole(row: Row, domain: str) -> Row:
    address = row.values.get("address", "")
    return row if "@" in address or not address else Row(row.line, {**row.values, "address": f"{address}@{domain}"})


def _problems(workspace: Workspace, rows: list[Row], update: bool) -> Iterator[Problem]:
    """All that is wrong with the rows, by themselves and with what is there."""
    lines: dict[tuple[str, str], int] = {}
    known = workspace.paths()
    for row in rows:
        yield from check(row)
        try:
            local, domain = row.address
        except ValueError:
            continue
        if first := lines.get((local, domain)):
            yield Problem(row.line, "address", f"is on line {first} already")
        lines.setdefault((local, domain), row.line)
        if domain not in known:
            yield Problem(row.line, "address", "no account file for this domain; add it with: mailroom domain add")
            continue
        there = workspace.domain(domain).where(local)
        if there is None:
            if not row.values.get("name"):
                yield Problem(row.line, "name", "is missing")
        elif not update:
            yield Problem(row.line, "address", "exists already; --update changes those that do")
        elif there[1][0] not in ("mailboxes", "shared"):
            yield Problem(row.line, "address", f"is no mailbox, but stands in {there[1][0]}")


def _enter(context: Context, workspace: Workspace, rows: list[Row]) -> None:
    """Write the rows into the files of the workspace."""
    by_domain: dict[str, list[Row]] = {}
    for row in rows:
        by_domain.setdefault(row.address[1], []).append(row)
    for name, some in by_domain.items():
        files = workspace.domain(name)
        writer = Writer(files, listing.domain_of(context, name)[1])
        new: dict[str, dict[str, dict[str, object]]] = {}
        for row in some:
            local = row.address[0]
            there = files.where(local)
            if there is None:
                new.setdefault(writer.section(row), {})[local] = dict(writer.new(row))
                continue
            file, path = there
            held = file.editor.fields(path)
            wanted = writer.fields(row)
            changes = {
                field: value
                for field, value in wanted.items()
                if (field in held if value is None else held.get(field) != value_tree(value))
            }
            if changes:
                file.editor.update(path, changes)
        for section, boxes in new.items():
            files.home(section).editor.insert((section,), boxes)  # type: ignore[arg-type]
