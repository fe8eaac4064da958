# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom alias: addresses without a mailbox."""

from __future__ import annotations

import argparse

from .. import arguments, complete, edits, fields
from ..context import Context
from ..errors import EXISTS, Failure
from ..workspace import Workspace, split_address


def add(commands: arguments.Commands) -> None:
    """Declare the commands."""
    group = arguments.group(commands, "alias", "addresses without a mailbox, and where their mail goes")
    for name, run, summary, some, example in (
        (
            "add",
            create,
            "add an alias, or targets to one",
            "+",
            "sales@widget.example ann.lee partner@elsewhere.example",
        ),
        ("remove", remove, "remove an alias, or targets of one", "*", "sales@widget.example partner@elsewhere.example"),
    ):
        parser = arguments.command(group, name, summary, run, f"mailroom alias {name} {example}")
        complete.by(complete.addresses, parser.add_argument("address", metavar="ALIAS"))
        complete.by(complete.addresses, parser.add_argument("target", metavar="TARGET", nargs=some))
        arguments.writing(parser)


def create(context: Context, options: argparse.Namespace) -> int:
    """mailroom alias add"""
    workspace = Workspace(context.accounts)
    local, name = split_address(options.address)
    domain = workspace.domain(name)
    targets = fields.references(options.target, domain)
    shown = f"{local}@{domain.shown}"
    there = domain.where(local)
    if there is None:
        domain.home("aliases").editor.insert(("aliases",), {local: targets})
    elif there[1][0] != "aliases":
        raise Failure(f"{shown} exists, and is no alias", "see `mailroom explain`", code=EXISTS)
    else:
        file, path = there
        new = [target for target in targets if target not in file.editor.values(path)]
        if new:
            file.editor.append(path, new)
    return edits.finish(context, options, workspace, "alias add", shown)


def remove(context: Context, options: argparse.Namespace) -> int:
    """mailroom alias remove"""
    workspace = Workspace(context.accounts)
    domain, file, path = workspace.find(options.address, "aliases")
    if options.target:
        file.editor.take(path, fields.references(options.target, domain))
    else:
        file.editor.remove(path)
    return edits.finish(context, options, workspace, "alias remove", f"{path[-1]}@{domain.shown}")
