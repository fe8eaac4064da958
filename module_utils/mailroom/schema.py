# SPDX-License-Identifier: GPL-3.0-or-later
"""Check data against a JSON Schema, with messages for people, at the speed that 50,000 mailboxes need.

Knows the keywords that schemas/ uses, and refuses to compile a schema that uses others. Values of fields with
`writeOnly` (passwords) may be vaulted and are never shown.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from . import passwords
from .findings import Path
from .loader import Secret


class Violation(NamedTuple):
    """One breach: where, what, and what to do."""

    path: Path
    message: str
    hint: str = ""


Check = Callable[[Any, Path], Iterator[Violation]]

_ANNOTATIONS = {
    "$schema",
    "$id",
    "$defs",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "writeOnly",
}
_TYPES: dict[str, tuple[type, str]] = {
    "object": (dict, "a mapping"),
    "array": (list, "a list"),
    "string": (str, "text"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
}


def compile_schema(schema: Mapping[str, Any]) -> Callable[[Any], list[Violation]]:
    """Return a function from data to its violations. Raises ValueError for keywords unknown here."""
    check = _Compiler(schema).compile(schema)
    return lambda data: list(check(data, ()))


class _Compiler:
    """Turns schema nodes into check functions; each named definition once."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._named: dict[str, Check] = {}

    def compile(self, schema: Mapping[str, Any]) -> Check:
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        if "oneOf" in schema:
            return self._one_of(schema)
        kind = schema.get("type")
        maker = _MAKERS.get(str(kind))
        if maker is None:
            raise ValueError(f"schema: type {kind!r} is not supported")
        known, make = maker
        if unknown := set(schema) - _ANNOTATIONS - {"type"} - known:
            raise ValueError(f"schema: unsupported keywords {sorted(unknown)}")
        return make(self, schema)

    def _reference(self, name: str) -> Check:
        if name not in self._named:
            self._named[name] = self.compile(self._resolve({"$ref": name}))
        return self._named[name]

    def _resolve(self, schema: Mapping[str, Any]) -> Any:
        """The schema itself, or the definition that it refers to."""
        if "$ref" not in schema:
            return schema
        node: Any = self._root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        return node

    def _one_of(self, schema: Mapping[str, Any]) -> Check:
        """Branches must differ in type, so that the messages are those of the branch that was meant."""
        branches = [(_TYPES[self._resolve(branch)["type"]], self.compile(branch)) for branch in schema["oneOf"]]
        names = " or ".join(name for (_type, name), _check in branches)

        def check(value: Any, path: Path) -> Iterator[Violation]:
            for (expected, _name), branch in branches:
                if isinstance(value, expected):
                    yield from branch(value, path)
                    return
            yield Violation(path, f"must be {names}, not {_shown(value)}", schema.get("description", ""))

        return check

    def text(self, schema: Mapping[str, Any]) -> Check:
        what = schema.get("description", "text")
        pattern = _pattern(schema["pattern"]) if "pattern" in schema else None
        choices = schema.get("enum")
        secret = schema.get("writeOnly", False)
        low, high = schema.get("minLength", 0), schema.get("maxLength")

        def check(value: Any, path: Path) -> Iterator[Violation]:
            if isinstance(value, Secret):
                if not secret:
                    yield Violation(path, "a vaulted value is not possible here", f"expected {what}")
            elif not isinstance(value, str):
                shown = "this" if secret else _shown(value)
                hint = "" if isinstance(value, dict | list) or value is None else "write it in quotes"
                yield Violation(path, f"must be text, not {shown}", hint)
            elif choices is not None and value not in choices:
                yield Violation(path, f"{value!r} is not one of {', '.join(choices)}")
            elif pattern is not None and not pattern.search(value):
                yield _bad_password(path, value) if secret else Violation(path, f"{value!r} is not {what}")
            elif len(value) < low:
                yield Violation(path, "must not be empty")
            elif high is not None and len(value) > high:
                yield Violation(path, f"has {len(value)} characters, at most {high} are possible")

        return check

    def boolean(self, schema: Mapping[str, Any]) -> Check:
        def check(value: Any, path: Path) -> Iterator[Violation]:
            if not isinstance(value, bool):
                yield Violation(path, f"must be true or false, not {_shown(value)}")

        return check

    def integer(self, schema: Mapping[str, Any]) -> Check:
        low = schema.get("minimum")

        def check(value: Any, path: Path) -> Iterator[Violation]:
            if not isinstance(value, int) or isinstance(value, bool):
                yield Violation(path, f"must be a whole number, not {_shown(value)}")
            elif low is not None and value < low:
                yield Violation(path, f"must be at least {low}, not {value}")

        return check

    def array(self, schema: Mapping[str, Any]) -> Check:
        each = self.compile(schema["items"])
        low = schema.get("minItems", 0)
        unique = schema.get("uniqueItems", False)

        def check(value: Any, path: Path) -> Iterator[Violation]:
            if not isinstance(value, list):
                yield Violation(path, f"must be a list, not {_shown(value)}", "write it in [ ]")
                return
            if len(value) < low:
                yield Violation(path, "must not be empty")
            seen = set()
            for position, item in enumerate(value):
                yield from each(item, (*path, position))
                if unique and isinstance(item, str):
                    if item in seen:
                        yield Violation((*path, position), f"{_shown(item)} is listed twice")
                    seen.add(item)

        return check

    def object(self, schema: Mapping[str, Any]) -> Check:
        fields = {name: self.compile(field) for name, field in schema.get("properties", {}).items()}
        further = schema.get("additionalProperties", False)
        others = self.compile(further) if isinstance(further, dict) else None
        keys = self.compile(schema["propertyNames"]) if "propertyNames" in schema else None
        required = schema.get("required", [])

        def check(value: Any, path: Path) -> Iterator[Violation]:
            if not isinstance(value, dict):
                yield Violation(path, f"must be a mapping, not {_shown(value)}")
                return
            for name in required:
                if name not in value:
                    yield Violation(path, f"{name} is missing")
            for name, item in value.items():
                here = (*path, name)
                if keys is not None:
                    yield from keys(name, here)
                if name in fields:
                    yield from fields[name](item, here)
                elif others is not None:
                    yield from others(item, here)
                else:
                    yield Violation(here, "unknown field", _suggestion(name, fields))

        return check


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern of JSON Schema (ECMA 262), whose $ is the very end; Python's is also before a last line break."""
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", text))


def _suggestion(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(sorted(known))}"


def _bad_password(path: Path, value: str) -> Violation:
    return Violation(path, passwords.problem(value) or passwords.WEAK, passwords.HINT)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    for expected, name in ((bool, repr(value).lower()), (dict, "a mapping"), (list, "a list")):
        if isinstance(value, expected):
            return name
    return repr(value)


_Maker = Callable[[_Compiler, Mapping[str, Any]], Check]
_MAKERS: dict[str, tuple[set[str], _Maker]] = {
    "string": ({"enum", "pattern", "minLength", "maxLength"}, _Compiler.text),
    "boolean": (set(), _Compiler.boolean),
    "integer": ({"minimum"}, _Compiler.integer),
    "array": ({"items", "minItems", "uniqueItems"}, _Compiler.array),
    "object": ({"properties", "additionalProperties", "propertyNames", "required"}, _Compiler.object),
}
