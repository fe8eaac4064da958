# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks that a drill runs: to change a profile of timings and back, and to see that nothing changes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from .errors import DrillError
from .target import ROOT


def play(name: str, *arguments: str, log: Path) -> int:
    """Run a playbook; return how many changes it made."""
    done = subprocess.run(
        ["ansible-playbook", name, *arguments],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    log.write_text(done.stdout)
    if done.returncode:
        raise DrillError(f"{name} failed; its output is in {log}")
    recap = done.stdout.rpartition("PLAY RECAP")[2]
    return sum(int(number) for number in re.findall(r"changed=(\d+)", recap))
