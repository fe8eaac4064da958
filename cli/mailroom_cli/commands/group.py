# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom group: distribution lists."""

from __future__ import annotations

import argparse

from mailroom.findings import Path
from mailroom.model import ANYONE, INTERNAL, MEMBERS

from .. import arguments, complete, edits, fields, listing, shapes
from ..context import Context
from ..errors import EXISTS, OK, USAGE, Failure
from ..workspace import DomainFiles, Workspace, split_address
from ..yaml_text import Value, plain_tree, value_tree

_WORDS = (ANYONE, INTERNAL, MEMBERS)


def add(commands: arguments.Commands) -> None:
    """Declare the commands."""
    group = arguments.group(commands, "group", "distribution lists and their members")
    parser = _command(
        group,
        "add",
        "add a group",
        create,
        'mailroom group add team@widget.example --name "The Team" --member ann --member partner@elsewhere.example',
    )
    parser.add_argument("--name", metavar="TEXT", required=True, help="full name")
    parser.add_argument("--member", metavar="ADDRESS", action="append", required=True, help="may be given often")
    parser.add_argument(
        "--posters", metavar="WHO", action="append", default=[], help=f"{', '.join(_WORDS)}, or an address"
    )
    _command(group, "remove", "remove a group", remove, "mailroom group remove team@widget.example")
    example = "mailroom group {}-member team@widget.example ben carla@gadget.example"
    for verb, run, summary in (
        ("add", add_member, "add members to a group"),
        ("remove", remove_member, "take members out of a group"),
    ):
        parser = _command(group, f"{verb}-member", summary, run, example.format(verb))
        complete.by(complete.addresses, parser.add_argument("member", metavar="MEMBER", nargs="+"))
    parser = arguments.command(group, "show", "show a group", show, "mailroom group show team@widget.example")
    complete.by(complete.addresses, parser.add_argument("address", metavar="GROUP"))


def _command(
    group: arguments.Commands, name: str, summary: str, run: arguments.Run, example: str
) -> argparse.ArgumentParser:
    parser = arguments.command(group, name, summary, run, example)
    complete.by(complete.addresses, parser.add_argument("address", metavar="GROUP"))
    arguments.writing(parser)
    return parser


def create(context: Context, options: argparse.Namespace) -> int:
    """mailroom group add"""
    workspace = Workspace(context.accounts)
    local, name = split_address(options.address)
    domain = workspace.domain(name)
    new: dict[str, Value] = {"name": options.name, "members": fields.references(options.member, domain)}
    if options.posters:
        new["posters"] = _posters(options.posters, domain)
    target = f"{local}@{domain.shown}"
    there = domain.where(local)
    if there is None:
        domain.home("groups").editor.insert(("groups",), {local: new})
    elif there[1][0] != "groups" or plain_tree(there[0].editor.node(there[1])) != value_tree(new):
        raise Failure(f"{target} exists with other data", "see `mailroom explain`", code=EXISTS)
    return edits.finish(context, options, workspace, "group add", target)


def _posters(given: list[str], domain: DomainFiles) -> Value:
    words = [word for word in given if word in _WORDS]
    if words and len(given) > 1:
        raise Failure(f"--posters {words[0]} stands alone", "or name addresses only", code=USAGE)
    return words[0] if words else fields.references(given, domain)


def remove(context: Context, options: argparse.Namespace) -> int:
    """mailroom group remove"""
    workspace = Workspace(context.accounts)
    domain, file, path = workspace.find(options.address, "groups")
    file.editor.remove(path)
    return edits.finish(context, options, workspace, "group remove", f"{path[-1]}@{domain.shown}")


def add_member(context: Context, options: argparse.Namespace) -> int:
    """mailroom group add-member"""
    workspace = Workspace(context.accounts)
    domain, file, path = workspace.find(options.address, "groups")
    members: Path = (*path, "members")
    held = file.editor.values(members)
    new = [member for member in fields.references(options.member, domain) if member not in held]
    if new:
        file.editor.append(members, new)
    return edits.finish(context, options, workspace, "group add-member", f"{path[-1]}@{domain.shown}")


def remove_member(context: Context, options: argparse.Namespace) -> int:
    """mailroom group remove-member"""
    workspace = Workspace(context.accounts)
    domain, file, path = workspace.find(options.address, "groups")
    members: Path = (*path, "members")
    gone = fields.references(options.member, domain)
    target = f"{path[-1]}@{domain.shown}"
    if not set(file.editor.values(members)) - set(gone):
        raise Failure(f"{target} would have no members", "remove the group instead", code=USAGE)
    file.editor.take(members, gone)
    return edits.finish(context, options, workspace, "group remove-member", target)


def show(context: Context, options: argparse.Namespace) -> int:
    """mailroom group show"""
    files, _file, path = Workspace(context.accounts).find(options.address, "groups")
    accounts, domain = listing.domain_of(context, files.name)
    group = next(group for group in domain.groups if group.path == path)
    data = shapes.group(group)
    context.print(listing.as_text(data) + f"in: {accounts.place(group)}")
    context.data({"ok": True, **data, "place": accounts.place(group)})
    return OK
