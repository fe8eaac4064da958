# SPDX-License-Identifier: GPL-3.0-or-later
"""What git knows of the account files: their content at a revision, and what a change would make of them."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

from .errors import USAGE, Failure

_ORDINARY = ("100644", "100755", "000000")


class ChangedFile(NamedTuple):
    """A file that differs between two trees. Not `ordinary` is a symbolic link or a submodule."""

    path: Path
    ordinary: bool


def tree(folder: Path, revision: str) -> str:
    """The id of the tree of a revision. Raises Failure."""
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}", may_fail=True)
    if not found:
        raise Failure(f"{revision}: no such revision of {folder}", code=USAGE)
    return found.decode().strip()


def merged(folder: Path, old: str, new: str) -> str:
    """The id of the tree that `old` has once `new` is merged into it. Raises Failure if they do not merge."""
    commits = [
        _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", may_fail=True)
        for name in (old, new)
    ]
    for name, commit in zip((old, new), commits, strict=True):
        if not commit:
            raise Failure(f"{name}: no such revision of {folder}", code=USAGE)
    ids = [commit.decode().strip() for commit in commits]
    found = _git(folder, "merge-tree", "--write-tree", *ids, may_fail=True)
    if not found:
        raise Failure(f"{new} does not merge into {old}", "merge or rebase it by hand first")
    return found.decode().split()[0]


def extract(folder: Path, revision: str, top: Path) -> None:
    """Write the files below `folder` as they are in a revision or tree below `top`. Raises Failure."""
    prefix = _git(folder, "rev-parse", "--show-prefix").decode().strip()
    archive = _git(_top(folder), "archive", "--format=tar", f"{tree(folder, revision)}:{prefix}", may_fail=True)
    if not archive:
        raise Failure(f"{revision}: there is no {prefix} in it", code=USAGE)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            if stream is not None and ".." not in Path(member.name).parts:
                path = top / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(stream.read())


def file_at(file: Path, revision: str) -> bytes | None:
    """The content of one file in a revision, None if it is not there."""
    folder = file.resolve().parent
    prefix = _git(folder, "rev-parse", "--show-prefix").decode().strip()
    content = _git(folder, "ls-tree", "--full-tree", tree(folder, revision), f"{prefix}{file.name}")
    return _git(folder, "cat-file", "blob", content.split()[2].decode()) if content else None


def changed_files(folder: Path, old: str, new: str) -> list[ChangedFile]:
    """Every file of the repository that differs between two revisions or trees; a renamed one counts as two."""
    top = _top(folder)
    words = _git(top, "diff-tree", "-r", "-z", "--raw", "--no-renames", tree(folder, old), tree(folder, new)).split(
        b"\0"
    )
    found = []
    for head, name in zip(words[0::2], words[1::2], strict=False):
        modes = head.decode().lstrip(":").split()[:2]
        found.append(ChangedFile(top / name.decode("utf-8", "surrogateescape"), set(modes) <= set(_ORDINARY)))
    return found


def _top(folder: Path) -> Path:
    return Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())


def _git(folder: Path, *arguments: str, may_fail: bool = False) -> bytes:
    """What git says; b"" if it fails and may. Raises Failure where it must not."""
    done = subprocess.run(["git", *arguments], cwd=folder, check=False, capture_output=True)
    if done.returncode and not may_fail:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Failure(f"git {arguments[0]} in {folder}: {reason[-1] if reason else 'failed'}")
    return b"" if done.returncode else done.stdout
