# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory as the local root of its host sees it."""

from __future__ import annotations

import hashlib
import shlex
from typing import Any

SUFFIX = "dc=mailroom,dc=example"
ROOT_BIND = "-Q -Y EXTERNAL -H ldapi:///"


def sh(host: Any, command: str, text: str = "") -> Any:
    """Run a shell command with text as standard input."""
    return host.run(f"printf %s {shlex.quote(text)} | {command}" if text else command)


def root(host: Any, tool: str, text: str = "") -> Any:
    return sh(host, f"{tool.split()[0]} {ROOT_BIND} {' '.join(tool.split()[1:])}", text)


def content(host: Any) -> str:
    """A hash of all entries and attributes that are replicated, sorted."""
    # Failed log-ins are counted where they happen; contextCSN stands for itself.
    text = root(host, f"ldapsearch -LLL -o ldif-wrap=no -b {SUFFIX} '*' '+'").stdout
    local = ("pwdFailureTime", "pwdAccountLockedTime", "contextCSN")
    entries = []
    for block in text.split("\n\n"):
        lines = sorted(line for line in block.splitlines() if line and not line.startswith(local))
        # Each server keeps contextCSN in the topmost entry by itself, which may count as a change of it.
        if f"dn: {SUFFIX}" in lines:
            lines = [line for line in lines if not line.startswith(("entryCSN", "modif"))]
        entries.append("\n".join(lines))
    assert len(entries) > 5
    return hashlib.sha256("\n\n".join(sorted(entries)).encode()).hexdigest()
