# SPDX-License-Identifier: GPL-3.0-or-later
"""Where account files name an address: what has to follow when it gets another name, or goes."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from mailroom.addresses import domain_to_unicode, qualify
from mailroom.findings import Path

from .workspace import AccountFile, Workspace

# Fields that hold addresses; `*` is any key or position, KEYS the keys of a mapping.
_KEYS = "(keys)"
_FORWARDS = (("forwards", "*"), ("forwards", "to", "*"))
_FIELDS: tuple[Path, ...] = (
    ("administrators", "*"),
    ("catch_all", "*"),
    ("outgoing", "identity"),
    *(("mailboxes", "*", *end) for end in (*_FORWARDS, ("send_as", "*"), ("identity",), ("expires", "contact"))),
    *(("shared", "*", *end) for end in (*_FORWARDS, ("agents", _KEYS), ("identity",))),
    ("groups", "*", "members", "*"),
    ("groups", "*", "posters", "*"),
    ("aliases", "*", "*"),
)


def find(workspace: Workspace, address: str) -> Iterator[tuple[str, AccountFile, Path]]:
    """Yield each (domain, file, path) at which a canonical address is named."""
    local = address.partition("@")[0]
    for domain, file in workspace.every():
        if local.encode() not in file.content:
            continue
        for pattern in _FIELDS:
            for path, text in _values(file.editor.node(pattern[:1]), pattern[1:], pattern[:1]):
                if _is(text, domain, address):
                    yield domain, file, path


def rename(workspace: Workspace, old: str, new: str, but: tuple[AccountFile, Path] | None = None) -> int:
    """Write the new address wherever the old one is named, in the same form. Returns how often.

    What is below `but` stays as it is.
    """
    count = 0
    for domain, file, path in find(workspace, old):
        if but and file is but[0] and path[: len(but[1])] == but[1]:
            continue
        local, _at, host = new.rpartition("@")
        text = str(path[-1]) if _is_key(path) else str(getattr(file.editor.node(path), "value", ""))
        same = "@" in text and host == old.rpartition("@")[2]
        shown = text.rpartition("@")[2] if same else domain_to_unicode(host)
        written = local if "@" not in text and host == domain else f"{local}@{shown}"
        if _is_key(path):
            file.editor.rename(path, written)
        else:
            file.editor.replace(path, written)
        count += 1
    return count


def take_out(workspace: Workspace, address: str) -> int:
    """Take an address out of all lists (aliases, groups, forwards, agents, administrators). Returns how often.

    Single fields that name it stay: there is no telling what else they should say.
    """
    lists: dict[tuple[int, Path], tuple[AccountFile, list[str]]] = {}
    count = 0
    for _domain, file, path in find(workspace, address):
        if _is_key(path):
            file.editor.remove(path)
        elif isinstance(path[-1], int):
            found = lists.setdefault((id(file), path[:-1]), (file, []))
            found[1].append(file.editor.values(path[:-1])[path[-1]])
        else:
            continue
        count += 1
    for (_file, path), (file, values) in lists.items():
        file.editor.take(path, values)
    return count


def _values(node: yaml.Node | None, pattern: Path, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the path and text of each single value that a pattern leads to."""
    if not pattern:
        if isinstance(node, yaml.ScalarNode):
            yield path, str(node.value)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if pattern[0] == _KEYS:
                yield (*path, key.value), str(key.value)
            elif pattern[0] in ("*", key.value):
                yield from _values(value, pattern[1:], (*path, key.value))
    elif isinstance(node, yaml.SequenceNode) and pattern[0] == "*":
        for position, value in enumerate(node.value):
            yield from _values(value, pattern[1:], (*path, position))


def _is(text: str, domain: str, address: str) -> bool:
    try:
        return qualify(text, domain, {address.rpartition("@")[2]: address.rpartition("@")[2]}) == address
    except ValueError:
        return False


def _is_key(path: Path) -> bool:
    return len(path) == 4 and path[2] == "agents"
