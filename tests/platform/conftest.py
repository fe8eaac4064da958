# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests that speak to the real daemons of the running lab."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import testinfra
from pairtools import MailHost, serving

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab"

# Runs that tests start are as a person starts them, also where Molecule has set colours and settings of its own.
for _name in [name for name in os.environ if name.startswith(("ANSIBLE_", "MOLECULE_"))]:
    del os.environ[_name]
os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
os.environ["ANSIBLE_NOCOLOR"] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests marked `thorough` to `make platform-all`; pytest counts them as deselected."""
    if os.environ.get("MAILROOM_TESTS") != "all":
        left = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session")
def info() -> dict[str, Any]:
    """Addresses, services and accounts of the lab: what `make -s lab-info` prints."""
    subprocess.run(["ansible-playbook", "lab/info.yml"], cwd=ROOT, check=True, capture_output=True)
    return json.loads((STATE / "info.json").read_text())


@pytest.fixture(scope="session")
def hosts(info: dict[str, Any]) -> Callable[[str], Any]:
    """`hosts("mail1")` is a testinfra host: root by SSH on that container."""
    made: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in made:
            # The network that Ansible comes in by, too: only its addresses are among the known hosts.
            networks = info["hosts"][name]
            address = networks.get("lan") or next(iter(networks.values()))
            made[name] = testinfra.get_host(
                f"ssh://root@{address}?controlpersist=120",
                ssh_identity_file=str(STATE / "ssh/id_ed25519"),
                ssh_extra_args=f"-o UserKnownHostsFile={STATE}/ssh/known_hosts -o IdentitiesOnly=yes",
            )
        return made[name]

    return get


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., Any]:
    """`wait_for(check, what, seconds=30)`: the one place that waits.

    Calls `check` until it returns something true, which is the result. AssertionError and OSError count as
    "not yet"; after `seconds` the test fails with `what` and the last error or value.
    """

    def wait(check: Callable[[], Any], what: str, seconds: float = 30, pause: float = 0.1) -> Any:
        end = time.monotonic() + seconds
        while True:
            try:
                last = check()
                if last:
                    return last
            except (AssertionError, OSError) as error:
                last = error
            if time.monotonic() >= end:
                pytest.fail(f"{what}: not after {seconds} s; last seen: {last!r}")
            time.sleep(pause)

    return wait


@pytest.fixture(scope="module")
def mail_host(hosts: Callable[[str], Any], info: dict[str, Any], wait_for: Callable[..., Any]) -> MailHost:
    """The testinfra host that has the mail; `root` is its mail store, `queue` Postfix's queue."""
    name = wait_for(lambda: serving(hosts, info), "a host has the mail", 60)
    return MailHost(name, hosts(name))


@pytest.fixture(scope="session")
def tls(info: dict[str, Any]) -> ssl.SSLContext:
    """A client's TLS settings that trust the lab's CA and nothing else."""
    return ssl.create_default_context(cafile=str(ROOT / info["ca"]))


@pytest.fixture(scope="session")
def password(info: dict[str, Any]) -> Callable[[str], str]:
    """`password("alice.liddell@widget.example")` of a mailbox of the lab."""
    known = {account["address"]: account["password"] for account in info["accounts"]}
    return lambda address: known[address]


@dataclass
class PlaybookRun:
    """What a playbook run printed, and its recap as {host: {"ok": 3, "changed": 0, ...}}."""

    returncode: int
    output: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        lines = self.output.rpartition("PLAY RECAP")[2].splitlines()
        rows = (re.match(r"(\S+)\s+: (ok=.*)", line) for line in lines)
        return {row[1]: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", row[2])} for row in rows if row}

    @property
    def changed(self) -> int:
        return sum(row["changed"] for row in self.recap.values())


@pytest.fixture(scope="session")
def playbook() -> Callable[..., PlaybookRun]:
    """`playbook("playbooks/accounts.yml", "--check", ok=True, env={...})` runs it; `ok=None` accepts any result."""

    def run(name: str, *arguments: str, ok: bool | None = True, env: dict[str, str] | None = None) -> PlaybookRun:
        done = subprocess.run(
            ["ansible-playbook", name, *arguments],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        result = PlaybookRun(done.returncode, done.stdout)
        if ok is not None:
            assert (done.returncode == 0) == ok, done.stdout
        return result

    return run
