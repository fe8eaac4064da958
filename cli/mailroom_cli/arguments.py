# SPDX-License-Identifier: GPL-3.0-or-later
"""How a command declares itself: one call that gives it help with examples, and the options that all have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from .context import Context
from .errors import EXIT_CODES, USAGE

Run = Callable[[Context, argparse.Namespace], int]
Commands = Any  # what argparse calls its sub-parsers has no public name


class Parser(argparse.ArgumentParser):
    """A parser whose errors have an exit code of their own."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"mailroom: {message}; see {self.prog} --help\n")


def common() -> argparse.ArgumentParser:
    """The options that may stand before and behind each command."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("everywhere")
    group.add_argument("--accounts", metavar="DIR", help="folder of account files (default: the inventory's)")
    group.add_argument("--inventory", "-i", metavar="FILE", help="inventory (default: that of ansible.cfg)")
    group.add_argument("--json", action="store_true", help="write the result as JSON, for programs")
    group.add_argument("--quiet", "-q", action="store_true", help="write results and errors only")
    return parser


def command(commands: Commands, name: str, summary: str, run: Run, examples: str = "") -> argparse.ArgumentParser:
    """Add a command that does something; the caller adds its own arguments to what is returned."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[:1].upper() + summary[1:] + ".",
        epilog=_examples(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common()],
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def group(commands: Commands, name: str, summary: str) -> Commands:
    """Add a command that only has commands below it."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[:1].upper() + summary[1:] + ".",
        parents=[common()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser.add_subparsers(dest=f"{name}_command", metavar="COMMAND", required=True, parser_class=Parser)


def writing(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that change account files."""
    options = parser.add_argument_group("writing")
    options.add_argument("--dry-run", "-n", action="store_true", help="show the change, write nothing")
    options.add_argument("--apply", action="store_true", help="apply the account files right after, all of them")


def _examples(text: str) -> str:
    lines = [f"  {line.strip()}" for line in text.strip().splitlines()]
    return "\n".join([*(["examples:", *lines, ""] if lines else []), EXIT_CODES])
