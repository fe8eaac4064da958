# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a YAML file where it is meant and nowhere else: comments, order and style of all else stay."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from mailroom.findings import Path, field_name

from . import yaml_text
from .yaml_text import Value


class EditError(Exception):
    """An edit that cannot be done in this file, with the reason."""


class Editor:
    """Collects edits of one text. All paths are those of the text as it was; `result` does the edits.

    The result is parsed and compared with what the edits mean, so an unusual construct ends in an EditError and never
    in a file that says something else.
    """

    def __init__(self, text: str) -> None:
        self._mark = "\ufeff" if text.startswith("\ufeff") else ""
        self._text = text.removeprefix("\ufeff")
        self._newline = "\r\n" if "\r\n" in self._text else "\n"
        try:
            self._root = yaml_text.compose(self._text)
            self._goal = yaml_text.plain_tree(self._root)
        except (yaml.YAMLError, RecursionError) as error:
            raise EditError(f"broken YAML: {str(error).splitlines()[0]}") from None
        self._edits: list[tuple[int, int, str]] = []

    def node(self, path: Path) -> yaml.Node | None:
        """Return the node at a path, or None."""
        node = self._root
        for part in path:
            node = yaml_text.child(node, part)
        return node

    def keys(self, path: Path) -> list[str]:
        """Return the keys of the mapping at a path, in their order."""
        node = self.node(path)
        return [str(key.value) for key, _value in node.value] if isinstance(node, yaml.MappingNode) else []

    def fields(self, path: Path) -> dict[str, Any]:
        """Return the content of the mapping at a path, as yaml_text.plain_tree has it."""
        found: dict[str, Any] = yaml_text.plain_tree(self._mapping(path))
        return found

    def values(self, path: Path) -> list[str]:
        """Return the texts in the list at a path."""
        node = self.node(path)
        return [str(item.value) for item in node.value] if isinstance(node, yaml.SequenceNode) else []

    def update(self, path: Path, changes: Mapping[str, Value | None]) -> None:
        """Set the fields of the mapping at a path; None removes one. What becomes empty goes with its key."""
        mapping = self._mapping(path)
        gone = [key for key, value in changes.items() if value is None and key in self.keys(path)]
        come = {key: value for key, value in changes.items() if value is not None}
        if path and not come and len(gone) == len(mapping.value):
            self.remove(path)
            return
        new = {key: value for key, value in come.items() if key not in self.keys(path)}
        for key, value in come.items():
            if key not in new:
                self._replace((*path, key), value)
        if yaml_text.is_flow(mapping):
            self._change_flow(mapping, gone, [f"{yaml_text.scalar(key)}: {yaml_text.flow(new[key])}" for key in new])
        else:
            for key in gone:
                self._cut_lines(mapping, key)
            self._add_lines(mapping, new, after=self._last_kept(mapping, gone))
        goal = _at(self._goal, path)
        for key in gone:
            del goal[key]
        goal.update({key: yaml_text.value_tree(value) for key, value in come.items()})

    def insert(self, path: Path, new: Mapping[str, Mapping[str, Value] | Sequence[Value]]) -> None:
        """Add entries to the mapping at a path (made at the end of the file if it is missing).

        They are placed in order among those that are in order, and at the end otherwise, in the style of the others.
        """
        mapping = self.node(path)
        if mapping is None or not isinstance(mapping, yaml.MappingNode) or not mapping.value:
            self._new_section(path, new)
        elif yaml_text.is_flow(mapping):
            self._change_flow(
                mapping, [], [f"{yaml_text.scalar(key)}: {yaml_text.flow(value)}" for key, value in new.items()]
            )
        else:
            key = next(key for key, value in self._mapping(path[:-1]).value if value is mapping)
            self._insert_lines(mapping, new, int(key.end_mark.index))
        goal = _at(self._goal, path[:-1])
        section = goal[path[-1]] if isinstance(goal.get(path[-1]), dict) else {}
        section.update({key: yaml_text.value_tree(value) for key, value in new.items()})
        goal[path[-1]] = section

    def append(self, path: Path, values: Sequence[str]) -> None:
        """Add texts to the list at a path."""
        node = self.node(path)
        if not isinstance(node, yaml.SequenceNode):
            raise EditError(f"{field_name(path)} is not a list")
        if yaml_text.is_flow(node):
            self._change_flow(node, [], [yaml_text.flow(value) for value in values])
        else:
            pad = " " * node.start_mark.column
            lines = [f"{pad}- {yaml_text.scalar(value, in_flow=False)}" for value in values]
            self._add_text(self._line_end(yaml_text.end(node, self._text)), lines)
        _at(self._goal, path).extend(values)

    def take(self, path: Path, values: Sequence[str]) -> None:
        """Take texts out of the list at a path; a list that becomes empty goes with its key."""
        node = self.node(path)
        found = [position for position, item in enumerate(self.values(path)) if item in values]
        if node is None or not found:
            return
        if len(found) == len(node.value):
            self.remove(path)
            return
        if yaml_text.is_flow(node):
            self._change_flow(node, found, [])
        else:
            for position in found:
                self._cut_lines(node, position)
        goal = _at(self._goal, path)
        goal[:] = [item for position, item in enumerate(goal) if position not in found]

    def replace(self, path: Path, value: Value) -> None:
        """Write another value where one stands, in a mapping or in a list."""
        self._replace(path, value)
        _at(self._goal, path[:-1])[path[-1]] = yaml_text.value_tree(value)

    def remove(self, path: Path) -> None:
        """Remove what is at a path, with its key, and what becomes empty by that."""
        mapping = self._mapping(path[:-1])
        if len(mapping.value) == 1 and len(path) > 1:
            self.remove(path[:-1])
            return
        if yaml_text.is_flow(mapping):
            self._change_flow(mapping, [path[-1]], [])
        else:
            self._cut_lines(mapping, path[-1])
        del _at(self._goal, path[:-1])[path[-1]]

    def rename(self, path: Path, name: str) -> None:
        """Give the last key of a path another name; it stays where it is."""
        mapping = self._mapping(path[:-1])
        key = next((key for key, _value in mapping.value if key.value == path[-1]), None)
        if key is None:
            raise EditError(f"{field_name(path)} is not there")
        in_flow = yaml_text.is_flow(mapping)
        self._edits.append(
            (key.start_mark.index, key.end_mark.index, yaml_text.scalar(name, in_flow=in_flow, style=key.style))
        )
        goal = _at(self._goal, path[:-1])
        renamed = {name if old == path[-1] else old: value for old, value in goal.items()}
        goal.clear()
        goal.update(renamed)

    def result(self) -> str:
        """Return the text with all edits done. Raises EditError if that is not what the edits mean."""
        text, place = [], 0
        for begin, stop, new in sorted(self._edits, key=lambda edit: (edit[0], edit[1])):
            if begin < place:
                raise EditError(_UNUSUAL)
            text += [self._text[place:begin], new]
            place = stop
        result = "".join([*text, self._text[place:]])
        try:
            reached = yaml_text.plain_tree(yaml_text.compose(result))
        except yaml.YAMLError:
            reached = None
        if reached != self._goal:
            raise EditError(_UNUSUAL)
        return self._mark + result

    def _mapping(self, path: Path) -> yaml.MappingNode:
        node = self.node(path)
        if not isinstance(node, yaml.MappingNode):
            raise EditError(f"{field_name(path) or 'the file'} is not a mapping")
        return node

    def _replace(self, path: Path, value: Value) -> None:
        """Write another value where one stands."""
        node = self.node(path)
        if node is None:
            raise EditError(f"{field_name(path)} is not there")
        style = getattr(node, "style", None)
        if yaml_text.plain_tree(node) == yaml_text.value_tree(value):
            return
        if isinstance(value, (str, bool, int)) and isinstance(node, yaml.ScalarNode):
            new = yaml_text.scalar(value, in_flow=self._in_flow(path), style=style)
        else:
            new = yaml_text.flow(value)
        begin, stop = yaml_text.start(node), yaml_text.end(node, self._text)
        if isinstance(node, yaml.CollectionNode) and not yaml_text.is_flow(node):
            begin = self._before(begin)
        if begin == stop or (begin and self._text[begin - 1] == ":"):
            new = f" {new}"
        self._edits.append((begin, stop, new))

    def _before(self, place: int) -> int:
        """The end of what comes before a place: a block collection is replaced by something on its key's line."""
        return len(self._text[:place].rstrip())

    def _in_flow(self, path: Path) -> bool:
        nodes = (self.node(path[:depth]) for depth in range(len(path)))
        return any(node is not None and yaml_text.is_flow(node) for node in nodes)

    def _change_flow(self, node: yaml.Node, gone: Sequence[str | int], come: Sequence[str]) -> None:
        """Take items out of a flow mapping or list and add others at its end."""
        if not gone and not come:
            return
        spans = list(yaml_text.items(node, self._text))
        self._own(node, spans)
        kept = [span for span in spans if span[0] not in gone]
        for name, begin, stop in spans:
            if name not in gone:
                continue
            following = [span[1] for span in kept if span[1] > begin]
            if following:
                self._edits.append((begin, min(span[1] for span in spans if span[1] > begin), ""))
            elif kept:
                self._edits.append((max(span[2] for span in spans if span[2] <= begin), stop, ""))
            else:
                self._edits.append((begin, stop, ""))
        if come:
            place = max((span[2] for span in kept), default=yaml_text.start(node) + 1)
            self._edits.append((place, place, (", " if kept else "") + ", ".join(come)))

    def _own(self, node: yaml.Node, spans: Sequence[tuple[str | int, int, int]]) -> None:
        """Refuse what stands elsewhere in the file: YAML's anchors and references."""
        inside = (yaml_text.start(node), int(node.end_mark.index))
        for _name, begin, stop in spans:
            if begin < inside[0] or stop > inside[1]:
                raise EditError(_UNUSUAL)

    def _cut_lines(self, node: yaml.Node, name: str | int) -> None:
        """Take the lines of an item of a block mapping or list out, with what is written behind it."""
        for found, begin, stop in yaml_text.items(node, self._text):
            if found == name:
                begin = self._text.rfind("\n", 0, begin) + 1
                stop = self._line_end(stop)
                self._edits.append((begin, min(stop + len(self._newline), len(self._text)), ""))

    def _last_kept(self, mapping: yaml.MappingNode, gone: Sequence[str]) -> int:
        """The end of the line after which new fields of a block mapping are written."""
        kept = [stop for name, _begin, stop in yaml_text.items(mapping, self._text) if name not in gone]
        return self._line_end(kept[-1]) if kept else self._line_end(yaml_text.end(mapping, self._text))

    def _add_lines(self, mapping: yaml.MappingNode, new: Mapping[str, Value], after: int) -> None:
        lines: list[str] = []
        for key, value in new.items():
            lines += yaml_text.entry(key, value, mapping.start_mark.column)
        self._add_text(after, lines)

    def _insert_lines(self, mapping: yaml.MappingNode, new: Mapping[str, Any], heading: int) -> None:
        spans = list(yaml_text.items(mapping, self._text))
        names = [str(name) for name, _begin, _stop in spans]
        ordered = _ordered_part(names)
        mappings = [value for _key, value in mapping.value if isinstance(value, yaml.MappingNode)]
        in_block = sum(not yaml_text.is_flow(value) for value in mappings) * 2 > len(mappings)
        for name in sorted(new) if ordered else new:
            lines = yaml_text.entry(name, new[name], mapping.start_mark.column, in_block=in_block)
            place = len(names)
            if ordered:
                place = bisect_left(names, name, *ordered)
            if place:
                self._add_text(self._line_end(spans[place - 1][2]), lines)
            else:
                # Comments above the first are about it, so the new one comes between them and the heading.
                self._add_text(self._line_end(heading), lines)

    def _new_section(self, path: Path, new: Mapping[str, Any]) -> None:
        """Write a section that is missing or empty."""
        if len(path) != 1:
            raise EditError(f"{field_name(path)} is not there")
        lines: list[str] = []
        for key, value in new.items():
            lines += yaml_text.entry(key, value, 2)
        node = self.node(path)
        if node is None:
            self._add_text(self._line_end(yaml_text.end(self._mapping(()), self._text)), [f"{path[0]}:", *lines])
            return
        # `aliases:` or `aliases: {}`: what stands behind the colon gives way to lines below.
        begin, stop = yaml_text.start(node), yaml_text.end(node, self._text)
        begin = len(self._text[:begin].rstrip(" "))
        self._edits.append((begin, stop, ""))
        self._add_text(self._line_end(stop), lines)

    def _add_text(self, place: int, lines: Sequence[str]) -> None:
        if lines:
            self._edits.append((place, place, "".join(f"{self._newline}{line}" for line in lines)))

    def _line_end(self, place: int) -> int:
        """The end of the line that a place is on, before its line break."""
        found = self._text.find("\n", place)
        if found < 0:
            return len(self._text)
        return found - 1 if self._text[found - 1 : found] == "\r" else found


_UNUSUAL = "this part of the file is written in a way that cannot be edited safely (anchors?): edit it by hand"


def _at(tree: Any, path: Path) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _ordered_part(names: Sequence[str]) -> tuple[int, int] | None:
    """Where the longest run of names that are in order begins and ends, if that is most of them."""
    best, begin = (0, 0), 0
    for at in range(1, len(names) + 1):
        if at == len(names) or names[at - 1] >= names[at]:
            best = max(best, (begin, at), key=lambda run: run[1] - run[0])
            begin = at
    return best if len(names) > 1 and (best[1] - best[0]) * 2 >= len(names) else None
