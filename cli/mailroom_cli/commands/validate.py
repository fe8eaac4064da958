# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom validate: check the account files, offline."""

from __future__ import annotations

import argparse

from mailroom import report
from mailroom.findings import errors, warnings

from .. import arguments, reading
from ..context import Context
from ..errors import INVALID, OK


def add(commands: arguments.Commands) -> None:
    """Declare the command."""
    parser = arguments.command(
        commands,
        "validate",
        "check the account files, without the server",
        run,
        """mailroom validate
        mailroom validate --format github
        mailroom validate --format gitlab >gl-code-quality-report.json""",
    )
    parser.add_argument("--format", choices=sorted(report.FORMS), default="text", help="default: text")


def run(context: Context, options: argparse.Namespace) -> int:
    """mailroom validate"""
    findings = reading.read(context.accounts).findings
    bad, remarks = errors(findings), warnings(findings)
    style = "json" if context.json else options.format
    print(report.FORMS[style]([*bad, *remarks]), end="")
    if style == "text":
        context.note(f"{len(bad)} errors, {len(remarks)} warnings")
    return INVALID if bad else OK
