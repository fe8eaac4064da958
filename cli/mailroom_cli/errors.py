# SPDX-License-Identifier: GPL-3.0-or-later
"""How a command ends: exit codes, and failures that are told to the user without a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mailroom.findings import Finding

# Programs that call this one depend on these: docs/command.md lists them.
OK = 0
FAILED = 1
PENDING = 2
REFUSED = 3
INVALID = 4
UNKNOWN = 5
EXISTS = 6
# EX_USAGE of sysexits.h. argparse would take 2, which is a plan with changes here.
USAGE = 64

EXIT_CODES = """\
exit codes:
  0   done, or nothing to do
  1   failed: a host or file cannot be reached, a program ended with an error
  2   plan: there are changes to apply
  3   refused by a gate, or the plan is not the one that was named
  4   the account files, or those that would result, have errors; nothing was written
  5   no such account, group, alias or domain
  6   it exists already, with other data
  64  the command line is wrong
"""


class Failure(Exception):
    """A command that cannot go on: what is wrong, what to do, the exit code, and findings if there are any.

    `details` are further facts for programs, shown with --json only.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        code: int = FAILED,
        findings: Sequence[Finding | str] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.findings = tuple(findings)
        self.details = dict(details or {})

    def __str__(self) -> str:
        return self.message + (f"; {self.hint}" if self.hint else "")
