# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom completion: the lines that make a shell complete this command line (by argcomplete)."""

from __future__ import annotations

import argparse

from argcomplete.shell_integration import shellcode

from .. import arguments
from ..context import Context
from ..errors import OK


def add(commands: arguments.Commands) -> None:
    """Declare the command."""
    parser = arguments.command(
        commands,
        "completion",
        "print what a shell needs to complete commands, domains and addresses",
        run,
        """eval "$(bin/mailroom completion bash)"
        bin/mailroom completion fish >~/.config/fish/completions/mailroom.fish""",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(context: Context, options: argparse.Namespace) -> int:
    """mailroom completion"""
    context.print(shellcode(["mailroom"], shell=options.shell))
    return OK
