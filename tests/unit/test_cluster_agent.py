# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource agent against a systemctl of the test's own and a daemon that greets, or does not."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

AGENT = Path(__file__).resolve().parents[2] / "roles/cluster/files/usr/lib/ocf/resource.d/mailroom/service"

# A systemctl that keeps the state of its one unit in a file and notes how it was called.
SYSTEMCTL = """#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >>calls
case $1 in
  show) cat state;;
  start)
    ! grep -q not-found state || exit 5
    ! grep -q start-limit-hit state || exit 1
    [ ! -e broken ] || exit 1
    sed -i 's/^ActiveState=.*/ActiveState=active/' state
    [ ! -e dies ] || cp dies state;;
  stop) [ ! -e hangs ] || sleep 60; sed -i 's/^ActiveState=.*/ActiveState=inactive/' state;;
  reset-failed) sed -i 's/^ActiveState=.*/ActiveState=inactive/; s/^Result=.*/Result=success/' state;;
esac
"""
JOURNALCTL = "#!/bin/sh\necho 'fatal: the queue is somewhere else'\n"


class Daemon:
    """Listens and says one thing to each client."""

    def __init__(self, says: bytes | None, path: str = "") -> None:
        self.says, self.heard = says, b""
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.bind(path or ("127.0.0.1", 0))
        self.socket.listen()
        self.port = 0 if path else self.socket.getsockname()[1]
        self.kept: list[socket.socket] = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            if self.says is None:
                self.kept.append(connection)
                continue
            with connection:
                if not self.says:
                    continue
                connection.sendall(self.says)
                connection.settimeout(2)
                try:
                    self.heard += connection.recv(100)
                except OSError:
                    continue


class Bench:
    """A host for the agent: a unit with a state, and commands that stand for systemd's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)):
            file = folder / name
            file.write_text(text)
            file.chmod(file.stat().st_mode | stat.S_IXUSR)
        self.set("inactive")

    def set(self, active: str, load: str = "loaded", assertion: str = "yes", result: str = "exit-code") -> None:
        (self.folder / "state").write_text(
            f"LoadState={load}\nActiveState={active}\nSubState=x\nResult={result}\nAssertResult={assertion}\n"
        )

    @property
    def state(self) -> str:
        return (self.folder / "state").read_text().split("ActiveState=")[1].split("\n")[0]

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return [line for line in file.read_text().splitlines() if not line.startswith("show")] if file.exists() else []

    def run(self, action: str, **settings: object) -> tuple[int, str]:
        meta = {"timeout": settings.pop("meta_timeout", 5000), "interval": settings.pop("interval", 10000)}
        environment = {f"OCF_RESKEY_CRM_meta_{name}": str(value) for name, value in meta.items()}
        environment |= {f"OCF_RESKEY_{name}": str(value) for name, value in {"unit": "mailroom-x", **settings}.items()}
        done = subprocess.run(
            [sys.executable, "-IS", str(AGENT), action],
            env={"PATH": f"{self.folder}:{os.environ['PATH']}", **environment},
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def smtp() -> Iterator[Daemon]:
    daemon = Daemon(b"220 mail.example ESMTP\r\n")
    yield daemon
    daemon.socket.close()


def test_metadata(bench):
    code, output = bench.run("meta-data")
    root = ET.fromstring(output[output.index("<resource-agent") :])  # noqa: S314
    assert code == 0
    names = [item.get("name") for item in root.iterfind("parameters/parameter")]
    assert names == ["unit", "check", "address", "port", "timeout", "writable"]
    assert {item.get("name") for item in root.iterfind("actions/action")} == {
        "start", "stop", "monitor", "validate-all", "meta-data",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unit": ""}, "the parameter unit is missing"),
        ({"check": "gopher"}, "check is 'gopher': one of smtp, lmtp, imap, pop3, sieve, none"),
        ({"port": "smtp"}, "port is 'smtp': a whole number"),
        ({"timeout": "1.5"}, "timeout is '1.5': a whole number"),
        ({"writable": "queue"}, "writable: 'queue' is no absolute path"),
    ],
)
def test_settings_that_cannot_be(bench, settings, message):
    assert bench.run("validate-all", **settings) == (6, f"ocf-exit-reason:{message}\n")


def test_validate_and_unknown_actions(bench):
    assert bench.run("validate-all") == (0, "")
    assert bench.run("promote")[0] == 3
    done = subprocess.run([sys.executable, "-IS", str(AGENT)], capture_output=True, text=True)
    assert done.returncode == 2


@pytest.mark.parametrize("state", ["inactive", "failed"])
def test_what_does_not_run_is_not_running_also_after_a_failure(bench, state):
    bench.set(state)
    assert bench.run("monitor", check="smtp") == (7, "")
    assert bench.run("monitor", check="smtp", interval=0) == (7, "")


def test_a_unit_that_is_not_there(bench):
    bench.set("inactive", load="not-found")
    assert bench.run("monitor", interval=0) == (7, "")
    assert bench.run("monitor") == (5, "ocf-exit-reason:there is no unit mailroom-x.service\n")
    assert bench.run("start") == (5, "ocf-exit-reason:there is no unit mailroom-x.service\n")
    assert bench.run("stop") == (0, "")


def test_a_daemon_that_greets_runs_and_is_left_politely(bench, smtp):
    bench.set("active")
    assert bench.run("monitor", check="smtp", port=smtp.port) == (0, "")
    assert smtp.heard == b"QUIT\r\n"
    assert bench.run("monitor") == (0, ""), "without a check the unit's state counts"


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        (b"554 go away\r\n", "'554 go away'"),
        (b"", "'closed'"),
        (None, "no greeting in 1.0 s"),
    ],
)
def test_a_daemon_that_does_not_greet_has_failed(bench, says, reason):
    bench.set("active")
    daemon = Daemon(says)
    code, output = bench.run("monitor", check="smtp", port=daemon.port, timeout=1)
    assert code == 1
    assert output == (
        f"ocf-exit-reason:mailroom-x.service runs and does not answer: 127.0.0.1 port {daemon.port}: {reason}\n"
    )


def test_a_unix_socket(bench, tmp_path):
    bench.set("active")
    path = str(tmp_path / "lmtp")
    assert "No such file" in bench.run("monitor", check="lmtp", address=path)[1]
    Daemon(b"220 x\r\n", path)
    assert bench.run("monitor", check="lmtp", address=path) == (0, "")


def test_nobody_listens(bench, smtp):
    bench.set("active")
    smtp.socket.close()
    code, output = bench.run("monitor", check="smtp", port=1)
    assert code == 1
    assert "127.0.0.1 port 1: Connection refused" in output


def test_a_unit_that_never_settles(bench):
    bench.set("activating")
    assert bench.run("monitor", timeout=1) == (
        1,
        "ocf-exit-reason:mailroom-x.service has been activating for 1 s\n",
    )


def test_writes_are_tried(bench, tmp_path, smtp):
    bench.set("active")
    assert bench.run("monitor", writable=tmp_path) == (0, "")
    assert not (tmp_path / ".mailroom-check").exists()
    code, output = bench.run("monitor", writable=tmp_path / "gone")
    assert (code, output) == (1, f"ocf-exit-reason:{tmp_path}/gone takes no writes: No such file or directory\n")
    assert bench.run("start", writable=tmp_path / "gone")[0] == 1
    assert bench.run("monitor", writable="/dev/full/x")[0] == 1


def test_start_waits_for_the_greeting(bench, smtp):
    assert bench.run("start", check="smtp", port=smtp.port) == (0, "")
    assert bench.calls == ["start mailroom-x.service"]
    assert bench.run("start", check="smtp", port=smtp.port) == (0, ""), "again: systemd has nothing to do"
    assert bench.state == "active"


def test_start_after_a_failure(bench):
    bench.set("failed")
    assert bench.run("start") == (0, "")
    assert bench.calls == ["start mailroom-x.service"]


def test_start_where_systemd_has_counted_enough_starts(bench):
    bench.set("failed", result="start-limit-hit")
    assert bench.run("start") == (0, "")
    start = "start mailroom-x.service"
    assert bench.calls == [start, "reset-failed mailroom-x.service", start]


def test_start_says_why_not(bench):
    (bench.folder / "broken").touch()
    code, output = bench.run("start")
    assert (code, output) == (
        1,
        "ocf-exit-reason:mailroom-x.service did not start: fatal: the queue is somewhere else\n",
    )
    bench.set("inactive", assertion="no")
    assert "an assertion of the unit does not hold; is its file system mounted?" in bench.run("start")[1]


def test_a_daemon_that_ends_while_starting(bench):
    (bench.folder / "dies").write_text("LoadState=loaded\nActiveState=failed\nResult=exit-code\n")
    code, output = bench.run("start", check="smtp", port=1)
    assert code == 1
    assert "mailroom-x.service ended while starting: fatal: the queue is somewhere else" in output


def test_start_gives_up_before_pacemaker_does(bench):
    code, output = bench.run("start", check="smtp", port=1, meta_timeout=2000)
    assert code == 1
    assert "mailroom-x.service started and does not answer: 127.0.0.1 port 1: Connection refused" in output


def test_stop(bench):
    bench.set("active")
    assert bench.run("stop") == (0, "")
    assert bench.state == "inactive"
    assert bench.calls == ["stop --job-mode=ignore-dependencies mailroom-x.service"]
    assert bench.run("stop") == (0, ""), "again: nothing to do"
    assert len(bench.calls) == 1


def test_stop_does_not_hang_with_systemd(bench):
    bench.set("active")
    (bench.folder / "hangs").touch()
    code, output = bench.run("stop", meta_timeout=2500)
    assert (code, output) == (0, "mailroom-x.service: systemctl stop took longer than 1 s\n")


def test_systemd_does_not_answer(bench):
    (bench.folder / "state").unlink()
    code, output = bench.run("monitor")
    assert code == 1
    assert "systemd does not answer about mailroom-x.service" in output
