# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things stand in the text of a YAML file, and how values are written into it.

Files are edited as text, by the positions that the C parser gives. A round trip through a YAML library takes twenty
times as long, and writes parts of the file anew that nobody asked to change (`---`, comments before it, line breaks).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What may be written: text, truth, numbers, and lists and mappings of these.
Value = str | bool | int | Sequence["Value"] | Mapping[str, "Value"]

# Longer ones are written over several lines.
WIDTH = 110

_RESOLVER: Any = yaml.SafeLoader("")
_STRING = "tag:yaml.org,2002:str"
_UNSAFE_START = re.compile(r"[\s\-?:,\[\]{}#&*!|>'\"%@`=~]|$")
_UNSAFE = re.compile(r": |:$| #|\s$")
_UNSAFE_IN_FLOW = re.compile(r"[,\[\]{}]|:(?=[,\[\]{}])")


def compose(text: str) -> yaml.Node | None:
    """Return the nodes of a document. Raises yaml.YAMLError."""
    node: yaml.Node | None = yaml.compose(text, Loader=Loader)
    return node


def is_flow(node: yaml.Node) -> bool:
    """Whether a mapping or list is written in braces or brackets."""
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def start(node: yaml.Node) -> int:
    """Where the text of a node begins."""
    return int(node.start_mark.index)


def end(node: yaml.Node, text: str) -> int:
    """Where the text of a node ends. The parser's own mark of block styles is beyond comments that follow."""
    if isinstance(node, yaml.ScalarNode):
        if node.style in ("|", ">"):
            return start(node) + len(text[start(node) : node.end_mark.index].rstrip())
        return int(node.end_mark.index)
    if is_flow(node) or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return end(last[1] if isinstance(node, yaml.MappingNode) else last, text)


def items(node: yaml.Node, text: str) -> Iterator[tuple[str | int, int, int]]:
    """Yield (key or position, beginning, end) of what is in a mapping or list. Positions are without the dash."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), start(key), end(value, text)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            yield position, start(value), end(value, text)


def child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    """Return the value at a key or position, or None."""
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None


def plain_tree(node: yaml.Node | None) -> Any:
    """Return the content of a node as text, lists and dicts, with tags where they say more than the text.

    Raises yaml.YAMLError for keys that are no text.
    """
    if isinstance(node, yaml.MappingNode):
        if not all(isinstance(key, yaml.ScalarNode) for key, _value in node.value):
            raise yaml.YAMLError("a key must be text")
        return {key.value: plain_tree(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain_tree(value) for value in node.value]
    if node is None:
        return None
    return node.value if node.tag == _STRING else (node.tag, node.value)


def value_tree(value: Value) -> Any:
    """Return a value in the form of `plain_tree`."""
    if isinstance(value, bool):
        return ("tag:yaml.org,2002:bool", scalar(value))
    if isinstance(value, int):
        return ("tag:yaml.org,2002:int", str(value))
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {key: value_tree(inner) for key, inner in value.items()}
    return [value_tree(inner) for inner in value]


def scalar(value: str | bool | int, *, in_flow: bool = True, style: str | None = None) -> str:
    """Return a single value as YAML: plain where every YAML parser reads the same text, else quoted.

    `style` is the quote ('"' or "'") to keep.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or not _is_plain(value, in_flow):
        return '"' + "".join(map(_quoted, value)) + '"'
    return value


def flow(value: Value) -> str:
    """Return a value in flow style, on one line."""
    if isinstance(value, (str, bool, int)):
        return scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    return "[" + ", ".join(flow(inner) for inner in value) + "]"


def entry(key: str, value: Value, indent: int, *, in_block: bool = False) -> list[str]:
    """Return the lines of `key: value` at an indentation, mappings in block style if asked for or too long."""
    pad = " " * indent
    name = scalar(key, in_flow=False)
    if isinstance(value, (str, bool, int)):
        return [f"{pad}{name}: {scalar(value, in_flow=False)}"]
    line = f"{pad}{name}: {flow(value)}"
    if not value or (len(line) <= WIDTH and not (in_block and isinstance(value, Mapping))):
        return [line]
    lines = [f"{pad}{name}:"]
    if isinstance(value, Mapping):
        for inner_key, inner in value.items():
            lines += entry(inner_key, inner, indent + 2)
    else:
        lines += [f"{pad}  - {flow(inner)}" for inner in value]
    return lines


def _quoted(char: str) -> str:
    """A character between double quotes."""
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _is_plain(text: str, in_flow: bool) -> bool:
    if not text.isprintable() or _UNSAFE_START.match(text) or _UNSAFE.search(text):
        return False
    if in_flow and _UNSAFE_IN_FLOW.search(text):
        return False
    # Dates and numbers, also those that only YAML 1.2 knows, are text here: quotes keep them that.
    if _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)) != _STRING:
        return False
    try:
        float(text)
    except ValueError:
        return not text.lower().startswith(("0x", "0o", "0b"))
    return False
