# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shell offers after TAB: domains and addresses out of the account files."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from mailroom.addresses import domain_to_unicode

from .context import Context
from .workspace import Workspace

# A key in a section, as nearly all files are written. Reading large files as YAML would be too slow between two keys.
_KEY = re.compile(r"^ {2}([^\s#:][^\s:]*):", re.MULTILINE)

Completer = Callable[..., list[str]]


def by(completer: Completer, action: argparse.Action) -> None:
    """Let the values of an argument be completed."""
    setattr(action, "completer", completer)  # noqa: B010  argcomplete looks for it, argparse has no such field


def domains(prefix: str, parsed_args: argparse.Namespace, **_others: Any) -> list[str]:
    """The domains, behind what stands before the @ if there is one."""
    local, at, _host = prefix.rpartition("@")
    return [f"{local}{at}{domain_to_unicode(name)}" for name in Workspace(Context(parsed_args).accounts).paths()]


def addresses(prefix: str, parsed_args: argparse.Namespace, **_others: Any) -> list[str]:
    """The addresses that begin like this: of mailboxes, groups and aliases."""
    local, _at, host = prefix.rpartition("@")
    found = []
    for name, paths in Workspace(Context(parsed_args).accounts).paths().items():
        shown = domain_to_unicode(name)
        if local and not shown.startswith(host):
            continue
        for path in paths:
            keys = _KEY.findall(path.read_text(encoding="utf-8", errors="replace"))
            found += [f"{key}@{shown}" for key in keys if key.startswith(local or prefix)]
    return found
