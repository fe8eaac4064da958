# SPDX-License-Identifier: GPL-3.0-or-later
"""Move the lines of a mailbox to the file of another domain, so that they go on meaning the same."""

from __future__ import annotations

from typing import Any

from mailroom.findings import Path

from . import references
from .errors import EXISTS, Failure
from .workspace import AccountFile, DomainFiles, Workspace
from .yaml_text import Value

# Fields of a mailbox with addresses, of which a local part alone means one of its own domain.
_LISTS = ("aliases", "send_as", "forwards")
_SINGLE = ("identity", "renamed_from")


def move(
    workspace: Workspace, where: tuple[DomainFiles, AccountFile, Path], new: str, host: str, *, keep: bool
) -> list[str]:
    """Give a mailbox the address `new`@`host`; returns notes. Raises Failure.

    Its further addresses stay with it, and with `keep` its old one too.
    """
    domain, file, path = where
    target = workspace.domain(host)
    if target.where(new) is not None:
        raise Failure(f"{new}@{target.shown} exists already", code=EXISTS)
    old = f"{path[-1]}@{domain.shown}"
    notes = []
    fields = _qualified({key: _value(value, key) for key, value in file.editor.fields(path).items()}, domain.shown)
    if before := fields.pop("renamed_from", None):
        notes.append(f"`renamed_from: {before}` gave way: if it is not applied yet, take this back and apply first")
    aliases = [alias for alias in fields.pop("aliases", []) if alias != f"{new}@{target.shown}"]
    if aliases := aliases + ([old] if keep else []):
        fields["aliases"] = aliases
    fields["renamed_from"] = old
    if follows := references.rename(workspace, f"{path[-1]}@{domain.name}", f"{new}@{host}", but=(file, path)):
        notes.append(f"{follows} places that name it follow")
    section = str(path[0])
    target.home(section).editor.insert((section,), {new: fields})
    file.editor.remove(path)
    return [*notes, f"what it does not say itself comes from the defaults of {target.shown} now"]


def _value(tree: Any, field: str) -> Value:
    """A value as the editor writes it, out of what it has read. Raises Failure for what it could not write."""
    if isinstance(tree, dict):
        return {key: _value(value, field) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_value(value, field) for value in tree]
    if isinstance(tree, str):
        return tree
    tag, text = tree
    kind = str(tag).rpartition(":")[2]
    if kind == "bool":
        return str(text).lower() in ("true", "yes", "on")
    if kind == "int" and str(text).isdecimal():
        return int(text)
    raise Failure(
        f"{field} is a vaulted or unusual value, which is not moved",
        "move the lines by hand, and add `renamed_from: OLD-ADDRESS`",
    )


def _qualified(fields: dict[str, Any], domain: str) -> dict[str, Any]:
    """Fields of a mailbox with whole addresses in place of local parts."""

    def whole(text: str) -> str:
        return text if "@" in text else f"{text}@{domain}"

    found = dict(fields)
    for name in _LISTS:
        if isinstance(found.get(name), list):
            found[name] = [whole(text) for text in found[name]]
    for name in _SINGLE:
        if isinstance(found.get(name), str):
            found[name] = whole(found[name])
    forwards, expires, agents = (found.get(name) for name in ("forwards", "expires", "agents"))
    if isinstance(forwards, dict):
        found["forwards"] = {**forwards, "to": [whole(text) for text in forwards.get("to", [])]}
    if isinstance(expires, dict) and isinstance(expires.get("contact"), str):
        found["expires"] = {**expires, "contact": whole(expires["contact"])}
    if isinstance(agents, dict):
        found["agents"] = {whole(name): right for name, right in agents.items()}
    return found
