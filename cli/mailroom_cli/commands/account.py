# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom account: add and change mailboxes in the account files. Looking at them is in listing.py."""

from __future__ import annotations

import argparse

from mailroom import model
from mailroom.addresses import domain_to_unicode
from mailroom.findings import Path

from .. import arguments, complete, edits, fields, listing, moving, password, references
from ..context import Context
from ..errors import EXISTS, USAGE, Failure
from ..workspace import AccountFile, DomainFiles, Workspace, split_address
from ..yaml_edit import Editor
from ..yaml_text import Value, value_tree

_BOXES = ("mailboxes", "shared")


def add(commands: arguments.Commands) -> None:
    """Declare the commands."""
    group = arguments.group(commands, "account", "add, change, show and remove mailboxes")
    _declare_add(group)
    _declare_change(group)
    for name, run, summary in (
        ("disable", disable, "no login any more; mail is still received"),
        ("enable", enable, "make a disabled, quarantined or removed mailbox active again"),
        ("quarantine", quarantine, "no login, and mail is refused; the stored mail is kept"),
    ):
        parser = arguments.command(group, name, summary, run, f"mailroom account {name} ann.lee@widget.example")
        _address(parser)
    _declare_rename(group)
    parser = arguments.command(
        group,
        "quota",
        "set the quota of a mailbox",
        set_quota,
        """mailroom account quota ann.lee@widget.example 5G
        mailroom account quota ann.lee@widget.example default""",
    )
    _address(parser)
    parser.add_argument("size", metavar="SIZE", help="500M, 2G, 1T, unlimited, or default: what the domain says")
    _declare_password(group)
    _declare_remove(group)
    listing.declare(group)


def _declare_add(group: arguments.Commands) -> None:
    parser = arguments.command(
        group,
        "add",
        "add a mailbox",
        create,
        """mailroom account add ann.lee@widget.example --name "Ann Lee"
        mailroom account add ann.lee@widget.example --name "Ann Lee" --quota 5G --alias ann --apply
        mailroom account add printer@widget.example --name Printer --kind send_only
        mailroom account add service@widget.example --name Service --shared --agent ann.lee=send""",
    )
    _address(parser, there=False)
    parser.add_argument("--kind", choices=(model.PERSON, model.SEND_ONLY, model.RECEIVE_ONLY), help="default: person")
    parser.add_argument("--shared", action="store_true", help="a mailbox of several people")
    parser.add_argument(
        "--agent", metavar="ADDRESS=read|edit|send", action="append", default=[], help="who works with a shared mailbox"
    )
    parser.add_argument("--alias", metavar="ADDRESS", action="append", default=[], help="further address")
    parser.add_argument("--password-stdin", action="store_true", help="first password: a line of standard input")
    parser.add_argument("--file", metavar="NAME", help="file of the domain's folder to write to")
    fields.add_options(parser, new=True)


def _declare_change(group: arguments.Commands) -> None:
    parser = arguments.command(
        group,
        "change",
        "change fields of a mailbox",
        change,
        """mailroom account change ann.lee@widget.example --title "Head of Sales" --add-alias ann
        mailroom account change ann.lee@widget.example --title ""
        mailroom account change ann.lee@widget.example --no-forward --service pop3=off""",
    )
    _address(parser)
    parser.add_argument("--add-alias", metavar="ADDRESS", action="append", default=[], help="further address")
    parser.add_argument("--remove-alias", metavar="ADDRESS", action="append", default=[], help="take one away")
    parser.add_argument("--no-forward", action="store_true", help="mail stays here")
    fields.add_options(parser, new=False)


def _declare_rename(group: arguments.Commands) -> None:
    parser = arguments.command(
        group,
        "rename",
        "give a mailbox another address; its mail and password move along",
        rename,
        """mailroom account rename ann.lee@widget.example ann.park
        mailroom account rename ann.lee@widget.example ann.lee@gadget.example
        mailroom account rename ann.lee@widget.example ann.park --keep-old-address""",
    )
    _address(parser)
    parser.add_argument("new", metavar="NEW", help="local part, or an address, in another domain too")
    parser.add_argument("--keep-old-address", action="store_true", help="the old address stays as an alias")


def _declare_password(group: arguments.Commands) -> None:
    parser = arguments.command(
        group,
        "password",
        "write the hash of a password into the file",
        set_password,
        """mailroom account password ann.lee@widget.example
        printf '%s\\n' "$secret" | mailroom account password ann.lee@widget.example --stdin""",
    )
    _address(parser)
    parser.add_argument("--stdin", action="store_true", help="read it as a line of standard input")


def _declare_remove(group: arguments.Commands) -> None:
    parser = arguments.command(
        group,
        "remove",
        "remove a mailbox: mail is refused, and kept until the quarantine ends",
        remove,
        """mailroom account remove ann.lee@widget.example
        mailroom account remove ann.lee@widget.example --take-out --apply""",
    )
    _address(parser)
    parser.add_argument("--take-out", action="store_true", help="take it out of all aliases, groups and lists as well")
    parser.add_argument("--forget", action="store_true", help="delete the lines instead of writing `state: absent`")


def _address(parser: argparse.ArgumentParser, *, there: bool = True) -> None:
    complete.by(complete.addresses if there else complete.domains, parser.add_argument("address", metavar="ADDRESS"))
    arguments.writing(parser)


def create(context: Context, options: argparse.Namespace) -> int:
    """mailroom account add"""
    workspace = Workspace(context.accounts)
    local, name = split_address(options.address)
    domain = workspace.domain(name)
    new = fields.from_options(options, domain)
    if options.alias:
        new["aliases"] = fields.references(options.alias, domain)
    if options.kind:
        new["kind"] = options.kind
    if options.agent:
        new["agents"] = _agents(options.agent, domain)
    if bool(options.agent) > options.shared:
        raise Failure("--agent is for --shared", code=USAGE)
    new = {key: value for key, value in fields.ordered(new).items() if value != ""}
    section = _BOXES[options.shared]
    target = f"{local}@{domain.shown}"
    there = domain.where(local)
    if there is None:
        if options.password_stdin:
            new["password"] = password.hashed(password.from_stdin())
        domain.home(section, options.file).editor.insert((section,), {local: new})
    elif not _says(*there, section, new):
        raise Failure(f"{target} exists with other data", "see `mailroom account show`", code=EXISTS)
    notes = ["a one-time password is made when this is applied"] if "password" not in new and not options.shared else []
    return edits.finish(context, options, workspace, "account add", target, notes)


def _says(file: AccountFile, path: Path, section: str, new: fields.Fields) -> bool:
    """Whether the fields are those in the file, so that a repeated call is no error."""
    held = file.editor.fields(path)
    return path[0] == section and all(held.get(key) == value_tree(value) for key, value in new.items())


def _agents(agents: list[str], domain: DomainFiles) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for agent in agents:
        address, _is, right = agent.rpartition("=")
        if right not in (model.READ, model.EDIT, model.SEND) or not address:
            raise Failure(f"{agent!r} is not ADDRESS=read, ADDRESS=edit or ADDRESS=send", code=USAGE)
        found[edits.reference(address, domain)] = right
    return found


def change(context: Context, options: argparse.Namespace) -> int:
    """mailroom account change"""
    workspace = Workspace(context.accounts)
    domain, file, path = workspace.find(options.address, *_BOXES)
    new = fields.from_options(options, domain)
    if options.no_forward:
        new["forwards"] = ""
    switches = new.pop("services", None)
    _update(file.editor, path, {key: None if value == "" else value for key, value in new.items()})
    if isinstance(switches, dict):
        _merge(file.editor, path, "services", switches)
    come, gone = (fields.references(given, domain) for given in (options.add_alias, options.remove_alias))
    held = file.editor.values((*path, "aliases"))
    come = [alias for alias in come if alias not in held]
    if come and held and not gone:
        file.editor.append((*path, "aliases"), come)
    elif come or set(gone) & set(held):
        kept = [alias for alias in held if alias not in gone] + come
        file.editor.update(path, {"aliases": kept or None})
    return edits.finish(context, options, workspace, "account change", _target(domain, path))


def _merge(editor: Editor, path: Path, name: str, new: dict[str, Value]) -> None:
    """Set some fields of an inner mapping."""
    if editor.node((*path, name)) is None:
        editor.update(path, {name: new})
    else:
        editor.update((*path, name), new)


def _update(editor: Editor, path: Path, new: dict[str, Value | None]) -> None:
    """Set the fields that are not already what they should be."""
    held = editor.fields(path)
    wanted = {key: value for key, value in new.items() if value is None or held.get(key) != value_tree(value)}
    if wanted:
        editor.update(path, wanted)


def _set(context: Context, options: argparse.Namespace, action: str, new: dict[str, Value | None]) -> int:
    workspace = Workspace(context.accounts)
    domain, file, path = workspace.find(options.address, *_BOXES)
    _update(file.editor, path, new)
    return edits.finish(context, options, workspace, action, _target(domain, path))


def disable(context: Context, options: argparse.Namespace) -> int:
    """mailroom account disable"""
    return _set(context, options, "account disable", {"state": model.DISABLED})


def enable(context: Context, options: argparse.Namespace) -> int:
    """mailroom account enable"""
    return _set(context, options, "account enable", {"state": None})


def quarantine(context: Context, options: argparse.Namespace) -> int:
    """mailroom account quarantine"""
    return _set(context, options, "account quarantine", {"state": model.QUARANTINED})


def set_quota(context: Context, options: argparse.Namespace) -> int:
    """mailroom account quota"""
    size = None if options.size == "default" else fields.quota(options.size)
    return _set(context, options, "account quota", {"quota": size})


def set_password(context: Context, options: argparse.Namespace) -> int:
    """mailroom account password"""
    workspace = Workspace(context.accounts)
    domain, file, path = workspace.find(options.address, "mailboxes")
    clear = password.from_stdin() if options.stdin else password.ask(_target(domain, path))
    _update(file.editor, path, {"password": password.hashed(clear)})
    target = _target(domain, path)
    note = f"a mailbox that exists keeps its password until: mailroom apply --reset-password {target}"
    return edits.finish(context, options, workspace, "account password", target, [note])


def rename(context: Context, options: argparse.Namespace) -> int:
    """mailroom account rename"""
    workspace = Workspace(context.accounts)
    try:
        domain, file, path = workspace.find(options.address, *_BOXES)
    except Failure:
        if not _is_renamed(workspace, options.address, options.new):
            raise
        return edits.finish(context, options, workspace, "account rename", f"{options.address} -> {options.new}")
    new, host = split_address(options.new) if "@" in options.new else (options.new.lower(), domain.name)
    old = str(path[-1])
    target = f"{old}@{domain.shown} -> {new}@{domain_to_unicode(host)}"
    if host != domain.name:
        notes = moving.move(workspace, (domain, file, path), new, host, keep=options.keep_old_address)
        return edits.finish(context, options, workspace, "account rename", target, notes)
    if new == old:
        return edits.finish(context, options, workspace, "account rename", target)
    if domain.where(new) is not None:
        raise Failure(f"{new}@{domain.shown} exists already", code=EXISTS)
    notes = _remember(file.editor, path, old, new, options.keep_old_address)
    follows = references.rename(workspace, f"{old}@{domain.name}", f"{new}@{domain.name}")
    if follows:
        notes.append(f"{follows} places that name it follow")
    file.editor.rename(path, new)
    return edits.finish(context, options, workspace, "account rename", target, notes)


def _is_renamed(workspace: Workspace, address: str, new: str) -> bool:
    """Whether the mailbox has its new name already, so that a repeated call is no error."""
    old, name = split_address(address)
    local, host = split_address(new) if "@" in new else (new.lower(), name)
    there = workspace.domain(host).where(local, *_BOXES) if host in workspace.paths() else None
    before = there and there[0].editor.node((*there[1], "renamed_from"))
    if not before:
        return False
    text = str(before.value)
    return (split_address(text) if "@" in text else (text.lower(), host)) == (old, name)


def _remember(editor: Editor, path: Path, old: str, new: str, keep: bool) -> list[str]:
    """Write down what the mailbox was called, and settle which aliases it has; returns notes."""
    before = editor.node((*path, "renamed_from"))
    aliases = editor.values((*path, "aliases"))
    wanted = [alias for alias in aliases if alias != new] + ([old] if keep else [])
    changes: dict[str, Value | None] = {"renamed_from": old}
    if wanted != aliases:
        changes["aliases"] = wanted or None
    editor.update(path, changes)
    if before is None:
        return []
    return [
        f"`renamed_from: {before.value}` gave way: if that rename is not applied yet, take this back and apply first"
    ]


def remove(context: Context, options: argparse.Namespace) -> int:
    """mailroom account remove"""
    workspace = Workspace(context.accounts)
    domain, file, path = workspace.find(options.address, *_BOXES)
    notes = []
    if options.take_out:
        count = references.take_out(workspace, f"{path[-1]}@{domain.name}")
        notes.append(f"taken out of {count} places")
    if options.forget:
        file.editor.remove(path)
    else:
        _update(file.editor, path, {"state": model.ABSENT})
    return edits.finish(context, options, workspace, "account remove", _target(domain, path), notes)


def _target(domain: DomainFiles, path: Path) -> str:
    return f"{path[-1]}@{domain.shown}"
