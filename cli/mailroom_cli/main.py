# SPDX-License-Identifier: GPL-3.0-or-later
# PYTHON_ARGCOMPLETE_OK
"""Takes a call of bin/mailroom apart and hands it to the command that it names."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import argcomplete

from .arguments import Parser, common
from .commands import COMMANDS
from .context import Context
from .errors import EXIT_CODES, FAILED, INVALID, USAGE, Failure
from .yaml_edit import EditError


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = Parser(
        prog="mailroom",
        description="Check, edit and apply the account files of the mail platform, and look at its DNS.",
        epilog=f"Each command has its own --help with examples.\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common()],
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for add in COMMANDS:
        add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    top = parser()
    argcomplete.autocomplete(top, always_complete_options=False)
    words = list(sys.argv[1:] if arguments is None else arguments)
    rest = words[words.index("--") + 1 :] if "--" in words else []
    options = top.parse_args(words[: words.index("--")] if "--" in words else words)
    options.rest = rest
    context = Context(options)
    try:
        if rest and options.command not in ("plan", "apply", "dns"):
            raise Failure("only plan, apply and dns pass on what follows --", code=USAGE)
        return int(options.run(context, options))
    except Failure as failure:
        return context.fail(failure)
    except EditError as error:
        return context.fail(Failure(f"cannot be edited: {error}", "see mailroom validate", code=INVALID))
    except BrokenPipeError:
        # Who reads the output has seen enough; the interpreter must not complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return context.fail(Failure(f"{error.filename or 'input or output'}: {error.strerror or error}"))
    except KeyboardInterrupt:
        print("mailroom: interrupted", file=sys.stderr)
        return 130
