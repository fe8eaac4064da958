# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: timed commands here, and commands on lab hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".lab"


def timed(*command: str, cwd: Path = ROOT, **environment: str) -> tuple[float, str]:
    """Run a command; return its wall time in seconds and its output. A failure ends the benchmark."""
    # What make was given for this run is not meant for the make that it starts.
    outer = {name: value for name, value in os.environ.items() if name not in ("FLAGS", "MAKEFLAGS", "MAKEOVERRIDES")}
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**outer, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    took = time.monotonic() - started
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")
    return took, done.stdout


def lab_info() -> dict[str, Any]:
    """Addresses, services and accounts of the lab."""
    timed("ansible-playbook", "lab/info.yml")
    return json.loads((STATE / "info.json").read_text())  # type: ignore[no-any-return]


class Host:
    """A lab host, as root over SSH."""

    def __init__(self, info: dict[str, Any], name: str) -> None:
        self.name = name
        options = (f"UserKnownHostsFile={STATE}/ssh/known_hosts", "IdentitiesOnly=yes", "ConnectTimeout=10")
        self._ssh = ["ssh", "-i", f"{STATE}/ssh/id_ed25519", *(f"-o{option}" for option in options)]
        networks = info["hosts"][name]
        # The lab knows a host's key by its address in the LAN, where it has one.
        self._ssh.append(f"root@{networks.get('lan') or next(iter(networks.values()))}")

    def run(self, command: str, text: str = "", seconds: int = 1800) -> str:
        """Run a shell command with text as its standard input; return what it prints. A failure ends the benchmark."""
        done = subprocess.run([*self._ssh, command], input=text, text=True, capture_output=True, timeout=seconds)
        if done.returncode:
            sys.exit(f"{self.name}: {command[:300]} failed:\n{done.stderr[-2000:]}")
        return done.stdout


def mail_host(info: dict[str, Any]) -> Host:
    """The host that has the mail."""
    for host in (Host(info, name) for name in info["pair"] or ["mail1"]):
        if host.run("mailroom-store active || true"):
            return host
    sys.exit("no host has the mail at present: `make status` shows the pair")
