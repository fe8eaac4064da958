# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom domain: start a domain's file, and look at domains."""

from __future__ import annotations

import argparse
import os

from mailroom.addresses import domain_to_unicode
from mailroom.model import ACTIVE, DISABLED

from .. import arguments, complete, edits, fields, listing, project, reading, shapes
from ..context import Context
from ..errors import EXISTS, OK, USAGE, Failure
from ..workspace import DomainFiles, Workspace, domain_name
from ..yaml_edit import Editor
from ..yaml_text import Value, entry, scalar


def add(commands: arguments.Commands) -> None:
    """Declare the commands."""
    group = arguments.group(commands, "domain", "add and show domains, switch them off and on")
    parser = arguments.command(
        group,
        "add",
        "start the file of a domain",
        create,
        """mailroom domain add gizmo.example --customer gizmo --quota 2G --mailbox info="Gizmo Info"
        mailroom domain add gizmo.example --postmaster alice.liddell@widget.example""",
    )
    parser.add_argument("domain", metavar="DOMAIN")
    parser.add_argument("--customer", metavar="NAME", help="whom it belongs to")
    parser.add_argument("--quota", metavar="SIZE", help="default of its mailboxes")
    parser.add_argument(
        "--mailbox", metavar="LOCAL=NAME", action="append", default=[], help="first mailboxes; the first is postmaster"
    )
    parser.add_argument("--postmaster", metavar="ADDRESS", help="who gets mail for postmaster and abuse")
    arguments.writing(parser)
    for name, run, summary in (
        ("disable", disable, "refuse mail for a whole domain"),
        ("enable", enable, "take mail for a domain again"),
    ):
        parser = arguments.command(group, name, summary, run, f"mailroom domain {name} widget.example")
        complete.by(complete.domains, parser.add_argument("domain", metavar="DOMAIN"))
        arguments.writing(parser)
    parser = arguments.command(group, "show", "show a domain", show, "mailroom domain show widget.example")
    complete.by(complete.domains, parser.add_argument("domain", metavar="DOMAIN"))
    arguments.command(group, "list", "list the domains", show_all, "mailroom domain list --json")


def create(context: Context, options: argparse.Namespace) -> int:
    """mailroom domain add"""
    workspace = Workspace(context.accounts)
    name = domain_name(options.domain)
    shown = domain_to_unicode(name)
    if name in workspace.paths():
        raise Failure(f"{shown} exists already", code=EXISTS)
    if not context.accounts.is_dir():
        raise Failure(f"{context.accounts} is one file: a new domain needs a folder of files", code=USAGE)
    boxes: dict[str, Value] = {}
    for text in options.mailbox:
        local, _is, full = text.partition("=")
        if not full:
            raise Failure(f"{text!r} is not LOCAL=NAME", code=USAGE)
        boxes[local.lower()] = {"name": full}
    domain = DomainFiles(name, [])
    target = edits.reference(options.postmaster, domain) if options.postmaster else next(iter(boxes), "")
    if not target:
        raise Failure(
            "a domain needs somebody who reads its postmaster's mail", "use --postmaster or --mailbox", code=USAGE
        )
    data: dict[str, Value] = {"domain": shown}
    if options.customer:
        data["customer"] = options.customer
    if options.quota:
        data["defaults"] = {"quota": fields.quota(options.quota)}
    aliases: dict[str, Value] = {local: [target] for local in ("postmaster", "abuse") if local not in boxes}
    schema = os.path.relpath(project.SCHEMA, context.accounts.resolve())
    workspace.create(context.accounts / f"{shown}.yml", _text(schema, data, {"mailboxes": boxes, "aliases": aliases}))
    return edits.finish(context, options, workspace, "domain add", shown)


def _text(schema: str, head: dict[str, Value], sections: dict[str, dict[str, Value]]) -> str:
    lines = ["---", f"# yaml-language-server: $schema={schema}"]
    for key, value in head.items():
        lines += entry(key, value, 0)
    for name, section in sections.items():
        lines += [f"{scalar(name)}:"] if section else []
        for key, value in section.items():
            lines += entry(key, value, 2)
    return "\n".join([*lines, ""])


def _set_state(context: Context, options: argparse.Namespace, action: str, state: str | None) -> int:
    workspace = Workspace(context.accounts)
    domain = workspace.domain(domain_name(options.domain))
    editor = domain.head().editor
    if (_state(editor) or ACTIVE) != (state or ACTIVE):
        editor.update((), {"state": state})
    return edits.finish(context, options, workspace, action, domain.shown)


def _state(editor: Editor) -> str:
    return str(getattr(editor.node(("state",)), "value", ""))


def disable(context: Context, options: argparse.Namespace) -> int:
    """mailroom domain disable"""
    return _set_state(context, options, "domain disable", DISABLED)


def enable(context: Context, options: argparse.Namespace) -> int:
    """mailroom domain enable"""
    return _set_state(context, options, "domain enable", None)


def show(context: Context, options: argparse.Namespace) -> int:
    """mailroom domain show"""
    _accounts, domain = listing.domain_of(context, domain_name(options.domain))
    data = shapes.domain(domain)
    files = [project.shown(path) for path in Workspace(context.accounts).paths()[domain.name]]
    context.print(listing.as_text({**data, "files": files}))
    context.data({"ok": True, **data, "files": files})
    return OK


def show_all(context: Context, options: argparse.Namespace) -> int:
    """mailroom domain list"""
    found = [shapes.domain(domain) for domain in reading.read(context.accounts).domains.values()]
    rows = [[data["domain"], data["state"], f"{data['mailboxes']} mailboxes", data["customer"]] for data in found]
    context.print(listing.table(rows))
    context.data(found)
    return OK
