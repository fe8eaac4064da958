# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a set of configuration files to a host as one change: stage, check, then replace.

The files of a daemon belong together: a checker that sees one new file beside old ones judges a state that
will never exist. So the whole set is written into a staging tree, the daemon's own checker reads that, and
only then are the files renamed into place. Plain Python; the module `staged_files` is its Ansible face.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["File", "Forbidden", "Plan", "StageError", "find_forbidden", "make_plan", "run_checks", "stage"]

MASK = "(not shown: holds a secret)\n"


class StageError(Exception):
    """The set must not be used; the message says why."""


@dataclass(frozen=True)
class File:
    path: str
    content: bytes
    mode: int
    secret: bool = False


@dataclass(frozen=True)
class Forbidden:
    """A pattern that no line may match, because the daemon takes it silently though it is wrong.

    `path` narrows it to files whose path matches.
    """

    pattern: str
    why: str
    path: str = ""


@dataclass
class Plan:
    """What is to be written and removed, in sorted order."""

    write: list[File] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)


def find_forbidden(files: list[File], rules: list[Forbidden]) -> list[str]:
    """Name file, line and reason of each line that matches a forbidden pattern; comments don't count."""
    found = []
    for file in files:
        for number, line in enumerate(file.content.decode(errors="replace").splitlines(), 1):
            if line.lstrip().startswith("#"):
                continue
            for rule in rules:
                if re.search(rule.path, file.path) and re.search(rule.pattern, line):
                    found.append(f"{file.path}:{number}: {rule.why}: {'(secret)' if file.secret else line.strip()}")
    return found


def _text(content: bytes, secret: bool) -> str:
    return MASK if secret and content else content.decode(errors="replace")


def make_plan(files: list[File], purge: list[str], derived: tuple[str, ...] = ()) -> Plan:
    """Compare with what is there. `purge` holds glob patterns: files that match and are not in the set go.

    A daemon's own product, such as a compiled script beside its source, has a suffix in `derived`: it stays
    as long as a file of the set has the same name without suffix.
    """
    plan = Plan()
    for file in sorted(files, key=lambda item: item.path):
        try:
            old = Path(file.path).read_bytes()
        except FileNotFoundError:
            old = b""
            missing = True
        else:
            missing = False
        if missing or old != file.content:
            plan.write.append(file)
            before, after = _text(old, file.secret), _text(file.content, file.secret)
            if file.secret and not missing:
                before = after.replace("not shown", "old value not shown")
            plan.diff.append({"before_header": file.path, "after_header": file.path, "before": before, "after": after})
    wanted = {os.path.normpath(file.path) for file in files}
    wanted |= {os.path.splitext(path)[0] + suffix for path in wanted for suffix in derived}
    there = {path for pattern in purge for path in glob.glob(pattern, include_hidden=True)}
    plan.remove = sorted(path for path in there if os.path.normpath(path) not in wanted and not os.path.isdir(path))
    for path in plan.remove:
        plan.diff.append({"before_header": path, "after_header": path, "before": "present\n", "after": "absent\n"})
    return plan


def stage(root: str, files: list[File], plan: Plan, copy: list[str]) -> None:
    """Write the state to be into `root`: live folders in `copy`, then the set, less what goes."""
    for folder in copy:
        if os.path.isdir(folder):
            shutil.copytree(folder, root + folder, symlinks=True, dirs_exist_ok=True)
    for path in plan.remove:
        if os.path.lexists(root + path):
            os.unlink(root + path)
    for file in files:
        target = Path(root + file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.content)


def run_checks(
    root: str,
    checks: list[list[str]],
    reject: str,
    run: Callable[[list[str]], tuple[int, str]],
) -> None:
    """Run the daemon's checkers on the staged tree; `{root}` in a command stands for it.

    A checker that only warns about a misspelt parameter has still found a fault: output that matches
    `reject` counts as failure.
    """
    for check in checks:
        command = [part.replace("{root}", root) for part in check]
        code, output = run(command)
        bad = [line for line in output.splitlines() if reject and re.search(reject, line)]
        if code or bad:
            shown = "\n".join(bad) if bad and not code else output.strip()
            raise StageError(
                f"{' '.join(check)} refuses the new configuration (nothing was changed): "
                + shown.replace(root + "/", "/")
            )
