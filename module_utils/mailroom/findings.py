# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with account files: where, what, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ERROR, WARNING = "error", "warning"

# The way from the top of a file to a value: keys of mappings and positions in lists.
Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Finding:
    """One remark on one place. `line` counts from 1, `field` is dotted (mailboxes.alice.quota)."""

    file: str
    line: int
    field: str
    message: str
    hint: str = ""
    severity: str = ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: {self.field}: " if self.field else f"{self.file}:{self.line}: "
        return place + self.message + (f"; {self.hint}" if self.hint else "")


def field_name(path: Path) -> str:
    """Return a path as people write it: mailboxes.alice.aliases[0]."""
    text = ""
    for part in path:
        if isinstance(part, str) and not part.isprintable():
            part = ascii(part)[1:-1]
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that stop a run, sorted by place and without repetition."""
    return sorted({finding for finding in findings if finding.severity == ERROR})


def warnings(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that do not stop a run, sorted by place and without repetition."""
    return sorted({finding for finding in findings if finding.severity == WARNING})
