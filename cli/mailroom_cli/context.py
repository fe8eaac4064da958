# SPDX-License-Identifier: GPL-3.0-or-later
"""What each command gets: the folders that it works on, and the one way to write to the terminal."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from mailroom.findings import Finding

from . import project, rendering
from .errors import Failure


class Context:
    """The common options of one call. Folders are looked for when they are needed first."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self.json: bool = getattr(options, "json", False)
        self.quiet: bool = getattr(options, "quiet", False)

    @property
    def accounts_named(self) -> bool:
        """Whether the folder was named in the call, so that the play has to be told."""
        return bool(getattr(self._options, "accounts", None) or os.environ.get("MAILROOM_ACCOUNTS"))

    @cached_property
    def inventory(self) -> Path:
        return project.inventory(getattr(self._options, "inventory", None))

    @cached_property
    def accounts(self) -> Path:
        given = getattr(self._options, "accounts", None)
        return project.accounts(given, Path() if given else self.inventory)

    def print(self, text: str) -> None:
        """Write a result for people: not with --json, which has one of its own."""
        if not self.json:
            sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")

    def note(self, text: str) -> None:
        """Write a remark for people: not with --quiet or --json."""
        if not self.quiet:
            self.print(text)

    def data(self, result: Any) -> None:
        """Write a result for programs, if that is asked for."""
        if self.json:
            print(rendering.indented(result))

    def fail(self, failure: Failure) -> int:
        """Tell why a command could not go on, on standard error; with --json, on standard output too."""
        findings = [str(finding) for finding in failure.findings]
        print("\n".join([f"mailroom: {failure}", *findings]), file=sys.stderr)
        details = [asdict(finding) if isinstance(finding, Finding) else finding for finding in failure.findings]
        told = {"ok": False, "exit": failure.code, "error": failure.message, "hint": failure.hint, "findings": details}
        self.data({**told, **failure.details})
        return failure.code
