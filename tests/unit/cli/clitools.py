# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the command line share: a copy of the lab's account files, and the program run on it."""

from __future__ import annotations

import difflib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from mailroom_cli.main import main

ROOT = Path(__file__).resolve().parents[3]
LAB = ROOT / "inventories/lab/accounts"


@dataclass
class Ended:
    """How a call ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class Copy:
    """A folder of account files, and what has changed in it."""

    def __init__(self, folder: Path, capsys) -> None:
        self.folder = folder
        self._capsys = capsys
        self._before = self._state()

    def run(self, *words: str) -> Ended:
        """Call the command line in this process."""
        self._capsys.readouterr()
        try:
            code = main(["--accounts", str(self.folder), *words])
        except SystemExit as end:  # argparse
            code = end.code
        out, err = self._capsys.readouterr()
        return Ended(code, *(text.replace(f"{self.folder}/", "") for text in (out, err)))

    def write(self, name: str, text: str | bytes) -> None:
        """Write a file, and count it as there before."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        self._before = self._state()

    def text(self, name: str = "widget.example.yml") -> str:
        return (self.folder / name).read_bytes().decode()

    def changed(self) -> list[str]:
        """The lines that differ from before in all files, signed."""
        now, lines = self._state(), []
        for name in sorted({*self._before, *now}):
            pair = (text.get(name, "").splitlines() for text in (self._before, now))
            found = [line for line in difflib.unified_diff(*pair, lineterm="", n=0) if not line.startswith("@@")]
            lines += found[2:]
        return lines

    def _state(self) -> dict[str, str]:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(self.folder)): path.read_bytes().decode(errors="backslashreplace") for path in files
        }


@pytest.fixture
def lab(tmp_path, capsys) -> Copy:
    """A copy of the lab's account files."""
    return Copy(shutil.copytree(LAB, tmp_path / "accounts"), capsys)


SMALL = """\
---
# SPDX line
domain: widget.example   # its name
defaults: {quota: 2G}
mailboxes:
  # about ann
  ann: {name: Ann Lee}
  anna: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist]}
  bob:
    name: "Bob Former"
    # left
    state: disabled
    forwards: [ann]
aliases:
  postmaster: [ann]
  abuse: [ann]
"""


@pytest.fixture
def small(tmp_path, capsys) -> Copy:
    """One small domain, widget.example."""
    folder = tmp_path / "accounts"
    folder.mkdir()
    (folder / "widget.example.yml").write_text(SMALL)
    return Copy(folder, capsys)


def program(*words: str, cwd: Path = ROOT, **options) -> subprocess.CompletedProcess[str]:
    """Run bin/mailroom as a user does."""
    command = [str(ROOT / "bin/mailroom"), *words]
    return subprocess.run(command, cwd=cwd, text=True, capture_output=True, check=False, timeout=60, **options)
