# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what is in the account files: `account show`, `account list`, `domain show`, `domain list`, `group show`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from mailroom.account_set import Accounts
from mailroom.model import ABSENT, ACTIVE, DISABLED, QUARANTINED, Domain, Mailbox

from . import arguments, complete, project, reading, shapes
from .context import Context
from .errors import OK
from .workspace import Workspace, domain_name


def declare(group: arguments.Commands) -> None:
    """Declare `account show` and `account list`."""
    parser = arguments.command(
        group, "show", "show a mailbox, with what its domain gives it", show, "mailroom account show ann@widget.example"
    )
    complete.by(complete.addresses, parser.add_argument("address", metavar="ADDRESS"))
    parser = arguments.command(
        group,
        "list",
        "list mailboxes",
        show_all,
        """mailroom account list widget.example
        mailroom account list --state disabled --json""",
    )
    complete.by(complete.domains, parser.add_argument("domain", metavar="DOMAIN", nargs="?"))
    parser.add_argument("--state", choices=(ACTIVE, DISABLED, QUARANTINED, ABSENT), help="only these")


def domain_of(context: Context, name: str) -> tuple[Accounts, Domain]:
    """Read one domain alone, which is fast; addresses in other domains are not looked at. Raises Failure."""
    workspace = Workspace(context.accounts)
    workspace.domain(name)
    paths = workspace.paths()[name]
    accounts = reading.read(paths[0] if len(paths) == 1 else paths[0].parent)
    return accounts, accounts.domains.get(name) or Domain(name)


def show(context: Context, options: argparse.Namespace) -> int:
    """mailroom account show"""
    _domain, file, path = Workspace(context.accounts).find(options.address, "mailboxes", "shared")
    accounts, domain = domain_of(context, _domain.name)
    box = next((box for box in domain.mailboxes if box.path == path), None)
    data = shapes.mailbox(box) if box else {}
    place = accounts.place(box) if box else project.shown(file.path)
    context.print(as_text(data) + f"in: {place}")
    context.data({"ok": True, **data, "place": place})
    return OK


def show_all(context: Context, options: argparse.Namespace) -> int:
    """mailroom account list"""
    if options.domain:
        domains = [domain_of(context, domain_name(options.domain))[1]]
    else:
        domains = list(reading.read(context.accounts).domains.values())
    found = [shapes.mailbox(box) for box in _boxes(domains, options.state)]
    rows = [[data["address"], data["state"], data["quota"], data["kind"], data["name"]] for data in found]
    context.print(table(rows))
    context.data(found)
    return OK


def _boxes(domains: list[Domain], state: str | None) -> Iterator[Mailbox]:
    for domain in domains:
        yield from (box for box in domain.mailboxes if state in (None, box.state))


def as_text(data: dict[str, Any]) -> str:
    """Flat data, a line for each field that says something."""
    lines = []
    for name, value in data.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} ({inner})" for key, inner in value.items())
        elif isinstance(value, list):
            value = ", ".join(value)
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        if value not in ("", None):
            lines.append(f"{name.replace('_', ' ')}: {value}\n")
    return "".join(lines)


def table(rows: list[list[str]]) -> str:
    """Rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)
