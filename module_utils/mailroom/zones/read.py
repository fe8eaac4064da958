# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a zone back: the text of a zone file, or what a transfer (`dig AXFR`) prints, as data to compare with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .model import RRset, Zone, ZoneKey, rrset, zone
from .names import ROOT
from .rdata import SIGNING, Token, known, normal, seconds
from .render import DIGEST, MARK, line_table

# Name, type, TTL, value.
Record = tuple[str, str, int, str]

_PIECE = re.compile(
    r"(?P<space>[ \t\r]+)|(?P<comment>;[^\n]*)|(?P<end>\n)|(?P<bracket>[()])"
    r'|"(?P<string>(?:[^"\\\n]|\\.)*)"|(?P<word>(?:[^\s"();\\]|\\.)+)|(?P<broken>.)'
)
_CLASS = re.compile(r"IN|CH|HS", re.I)
_TTL = re.compile(r"(?:\d+[smhdw]?)+", re.I)
_SERIAL = re.compile(r"^\S+ +\d+ IN SOA +\S+ \S+ (\d+) ", re.M)
_TYPE = re.compile(r"TYPE\d+|[A-Z][A-Z0-9-]*", re.I)


class Live(NamedTuple):
    """A zone as it is served.

    `ours` says that the project made its file, `by_hand` that its records are not those that the file says it was
    made with.
    """

    zone: Zone
    serial: int
    ours: bool = True
    by_hand: bool = False


class ZoneTextError(ValueError):
    """A zone cannot be read: says the line and what is wrong."""


def is_ours(text: str) -> bool:
    """Whether a zone file was made by the project."""
    return text.startswith(MARK)


def serial_of(text: str) -> int | None:
    """Return the serial in a zone file of ours without reading the rest; None if it is not there."""
    found = _SERIAL.search(text)
    return int(found[1]) if found else None


def read_zone(text: str, key: ZoneKey, *, ours: bool | None = None, expected: Zone | None = None) -> Live:
    """Return a zone from its text. Raises ZoneTextError.

    What named adds when it signs is left out. Types that are not known here are kept as they are. `ours` says whether
    the project made the zone, where the text cannot: a transfer has no comments. Lines that stand in the file of the
    `expected` zone too need no parsing: a change to thousands of zones is about few lines of each.
    """
    reader = _Reader(text, key.name)
    serial = serial_of(text) if expected and _one_record_a_line(text, key.name) else None
    sets = reader.sets({} if expected is None or serial is None else line_table(expected, serial))
    if reader.serial is None:
        raise ZoneTextError(f"{key}: there is no SOA record")
    found = zone(key.name, key.view, reader.ttl or 0, sets)
    noted = re.search(f"^{re.escape(DIGEST)}([0-9a-f]+)", text, re.M)
    by_hand = noted is not None and noted[1] != found.digest
    return Live(found, reader.serial, is_ours(text) if ours is None else ours, by_hand)


def _one_record_a_line(text: str, origin: str) -> bool:
    """Whether a text is as render() writes it, so that each line means the same wherever it stands."""
    directives = re.findall(r"^\$.*", text, re.M)
    return directives[:1] == [f"$ORIGIN {origin}"] and len(directives) == 2 and not re.search(r"\(|^[ \t]", text, re.M)


class _Line(NamedTuple):
    """One entry of a zone file: its tokens, its line, and whether it begins with the owner's name."""

    number: int
    named: bool
    tokens: list[Token]


class _Reader:
    def __init__(self, text: str, origin: str) -> None:
        self._text = text
        self._origin = origin
        self._zone = origin
        self._last: tuple[str, int] | None = None
        self.ttl: int | None = None
        self.serial: int | None = None

    def sets(self, table: Mapping[str, Record]) -> list[RRset]:
        """All record sets; the serial and the usual TTL are known afterwards. `table` has records by their lines."""
        found: dict[tuple[str, str], tuple[int, dict[str, None]]] = {}
        for name, kind, ttl, value in self._by_line(table) if table else self._parsed(self._text):
            # The smallest TTL counts where they differ (RFC 2181, 5.2).
            so_far, values = found.get((name, kind), (ttl, {}))
            values[value] = None
            found[name, kind] = (min(ttl, so_far), values)
        return [rrset(name, kind, ttl, values) for (name, kind), (ttl, values) in found.items()]

    def _by_line(self, table: Mapping[str, Record]) -> Iterator[Record]:
        self.serial = serial_of(self._text)
        for number, line in enumerate(self._text.split("\n"), 1):
            if record := table.get(line):
                yield record
            elif line and line[0] != ";":
                yield from self._parsed(line, number)

    def _parsed(self, text: str, number: int = 1) -> Iterator[Record]:
        for line in self._lines(text if text.endswith("\n") else f"{text}\n", number):
            try:
                record = self._entry(line)
            except ValueError as error:
                raise ZoneTextError(f"{self._zone} line {line.number}: {error}") from None
            if record:
                yield record

    def _lines(self, text: str, number: int) -> Iterator[_Line]:
        """The entries of a text that begins at a line."""
        depth = 0
        first, named, tokens = number, True, list[Token]()
        fresh = True
        for piece in _PIECE.finditer(text):
            what = piece.lastgroup
            if what == "end":
                number += 1
                if depth == 0:
                    if tokens:
                        yield _Line(first, named, tokens)
                    first, named, tokens, fresh = number, True, [], True
                continue
            if what == "space" and fresh and not tokens:
                named = False
            elif what == "bracket":
                depth += 1 if piece[0] == "(" else -1
            elif what == "word":
                tokens.append((piece[0], False))
            elif what == "string":
                tokens.append((piece["string"], True))
            if what == "broken" or depth not in (0, 1):
                raise ZoneTextError(f"{self._zone} line {number}: {piece[0]!r} does not belong here")
            fresh = False
        if depth:
            raise ZoneTextError(f"{self._zone} line {first}: a bracket is not closed")

    def _entry(self, line: _Line) -> Record | None:
        given = line.tokens
        if given[0][0].startswith("$") and line.named:
            self._directive(given)
            return None
        if line.named:
            name, rest = self._absolute(given[0][0]), given[1:]
        elif self._last:
            name, rest = self._last[0], given
        else:
            raise ValueError("the first record has no name")
        ttl: int | None = None
        while rest and not rest[0][1] and (_CLASS.fullmatch(rest[0][0]) or _TTL.fullmatch(rest[0][0])):
            text, rest = rest[0][0], rest[1:]
            if _CLASS.fullmatch(text):
                if text.upper() != "IN":
                    raise ValueError(f"class {text}: only IN is known")
            else:
                ttl = seconds(text)
        if not rest or rest[0][1] or not _TYPE.fullmatch(rest[0][0]):
            raise ValueError("a record needs a type")
        kind, values = rest[0][0].upper(), rest[1:]
        if ttl is None:
            ttl = self.ttl if self.ttl is not None else self._last[1] if self._last else 0
        self._last = (name, ttl)
        if kind in SIGNING:
            return None
        return name, kind, ttl, self._value(kind, values)

    def _value(self, kind: str, values: list[Token]) -> str:
        if not known(kind) and kind != "SOA":
            return " ".join(f'"{text}"' if quoted else text for text, quoted in values)
        value = normal(kind, values, self._absolute)
        if kind == "SOA":
            primary, contact, serial, times = value.split(" ", 3)
            self.serial = int(serial)
            return f"{primary} {contact} {times}"
        return value

    def _directive(self, given: list[Token]) -> None:
        what, values = given[0][0].upper(), given[1:]
        if what == "$ORIGIN" and len(values) == 1:
            self._origin = self._absolute(values[0][0])
        elif what == "$TTL" and len(values) == 1:
            self.ttl = seconds(values[0][0])
        else:
            raise ValueError(f"{given[0][0]} is not read here")

    def _absolute(self, text: str) -> str:
        """A name as zone files mean it: without a last dot it is below the origin."""
        lower = text.lower()
        if lower == "@":
            return self._origin
        if lower.endswith(".") and not lower.endswith("\\."):
            return lower
        return f"{lower}." if self._origin == ROOT else f"{lower}.{self._origin}"
