# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands on the nodes, as root over SSH, and on the machine that runs the lab."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

from .errors import DrillError
from .target import STATE, Target


class Node:
    """A host over SSH; `place` is as SSH knows it."""

    def __init__(self, target: Target, name: str, place: str) -> None:
        self.name = name
        self._ssh = ["ssh", *target.ssh, place]

    def try_run(self, command: str, text: str = "", seconds: float = 60) -> tuple[int, str, str]:
        """Status, output and error of a shell command; 255 where the node is not reached in time."""
        try:
            done = subprocess.run(
                [*self._ssh, command], input=text, text=True, capture_output=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return 255, "", f"no answer after {seconds:.0f} s"
        return done.returncode, done.stdout, done.stderr

    def run(self, command: str, text: str = "", seconds: float = 60) -> str:
        """What a shell command prints. A failure ends the drill."""
        status, output, error = self.try_run(command, text, seconds)
        if status:
            raise DrillError(f"{self.name}: {command[:200]}: status {status}: {(error or output).strip()[-600:]}")
        return output


def _as_root(command: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    """Command and environment: podman's settings are those that the lab was made with."""
    words = list(command) if os.geteuid() == 0 else ["sudo", "--preserve-env=CONTAINERS_CONF", *command]
    return words, {**os.environ, "CONTAINERS_CONF": str(STATE / "containers.conf")}


def background(*command: str) -> subprocess.Popen[bytes]:
    """Start a command on this machine as root."""
    words, environment = _as_root(command)
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def local(*command: str, seconds: float = 120, check: bool = True) -> str:
    """A command on this machine, as root: what the lab's containers are made of."""
    words, environment = _as_root(command)
    done = subprocess.run(words, text=True, capture_output=True, timeout=seconds, check=False, env=environment)
    if check and done.returncode:
        raise DrillError(f"{' '.join(command)[:200]}: {done.stderr.strip()[-600:]}")
    return done.stdout


def wait_for(check: Callable[[], Any], what: str, seconds: float, pause: float = 0.2) -> Any:
    """The first true result of `check`; after so many seconds the drill ends with the last one."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() >= end:
            raise DrillError(f"{what}: not after {seconds:.0f} s")
        time.sleep(pause)
