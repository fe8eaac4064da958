# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims: what one source wants a zone to hold. Several make a zone, and each knows where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ..findings import ERROR, Finding, Path, field_name

# The `file` of findings on data that is no file of its own.
INVENTORY = "inventory"


class Place(Protocol):
    """A parsed file that knows its lines: loader.Document, which name servers do not need."""

    file: str

    def finding(self, path: Path, message: str, hint: str = "", severity: str = ERROR) -> Finding: ...

    def line(self, path: Path) -> int: ...


@dataclass(frozen=True)
class Source:
    """Where a claim came from: a field of a file, or data of the inventory (`document` None).

    `what` is how a message calls it (host mail1); lines are looked up when somebody asks, as that is slow.
    """

    what: str
    document: Any = None
    path: Path = ()

    def __str__(self) -> str:
        if self.document is None:
            return self.what
        return f"{self.what} ({self.document.file}:{self.document.line(self.path)})"

    def finding(self, message: str, hint: str = "", severity: str = ERROR) -> Finding:
        """Return a finding on this place."""
        if self.document is None:
            return Finding(INVENTORY, 1, field_name(self.path) or self.what, message, hint, severity)
        place: Place = self.document
        return place.finding(self.path, message, hint, severity)


class Claim(NamedTuple):
    """Records that a source wants in a view.

    `zone` "" means the closest zone around the name. `ttl` None leaves the choice to others, then to the zone.
    `free` claims were written by hand; with `override` they replace what was derived.
    """

    view: str
    name: str
    kind: str
    values: tuple[str, ...]
    source: Source
    ttl: int | None = None
    zone: str = ""
    free: bool = False
    override: bool = False
