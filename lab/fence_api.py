# SPDX-License-Identifier: GPL-3.0-or-later
"""The power switch of the lab's cluster: what a fence agent may do to its containers, and nothing else.

Speaks as much of Docker's HTTP API as the agent `fence_docker` uses: list, look at, kill and start, only for the
containers that are named, only for those who ask from the addresses that are named; all else is answered 403. Podman's
own API would let a lab host do anything to this machine.

`--ensure` starts it in the background (lab/create.yml), unless it runs already. It ends when its process number leaves
the file `--pid-file` (lab/destroy.yml), or when all its containers are gone. While the file `--broken` is there, kill
and start are answered 503: a power switch that does not work.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

# Longer than any of podman's commands takes on a busy machine; agents give up after 20 s by themselves.
PATIENCE = 20
# Linux' number; Python does not name it.
IP_FREEBIND = 15
POWER = {"kill", "start"}


@dataclass(frozen=True)
class Wanted:
    """What a request that is allowed asks for: `list`, or `inspect`, `kill`, `start` with a container."""

    action: str
    container: str = ""


@dataclass(frozen=True)
class Refused:
    """Why a request is not allowed."""

    why: str


def judge(method: str, target: str, peer: str, containers: Collection[str], peers: Collection[str]) -> Wanted | Refused:
    """Say what a request wants, or why it is refused. Looks at nothing but its arguments."""
    if peer not in peers:
        return Refused(f"{peer} is not one of the cluster's hosts")
    path, _, asked = target.partition("?")
    found = re.fullmatch(r"/v\d+\.\d+/containers/(?:([A-Za-z0-9_.-]+)/)?(json|kill|start)", path)
    if not found:
        return Refused("no such thing can be asked here")
    container, verb = found[1] or "", found[2]
    query = parse_qs(asked, keep_blank_values=True)
    if method == "GET" and verb == "json" and not container:
        return Wanted("list") if set(query) <= {"all"} else Refused("only `all` can be asked of the list")
    if not container or method != ("GET" if verb == "json" else "POST"):
        return Refused(f"{method} is not the way to ask for this")
    if container not in containers:
        return Refused(f"{container} is not a container of the cluster")
    # A softer signal would leave the container running, and the agent would believe that it is off.
    hard = verb == "kill" and set(query) == {"signal"} and set(query["signal"]) <= {"KILL", "SIGKILL", "9"}
    if query and not hard:
        return Refused("no arguments can be given")
    return Wanted("inspect" if verb == "json" else verb, container)


class Engine:
    """The containers, by podman's command line, and by the first process of each, which is quicker."""

    def __init__(self, address: str, firmware: float, log: Callable[[str], None]) -> None:
        self._address, self._firmware, self._log = address, firmware, log
        self._first: dict[str, tuple[int, int]] = {}
        self._starting: set[str] = set()
        # Agents of both hosts may ask and switch at a time.
        self._lock = threading.Condition()

    def run(self, *arguments: str, program: str = "podman") -> tuple[int, str, str]:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr.strip()

    def running(self, containers: Collection[str]) -> dict[str, bool]:
        """Say of each container that exists whether it runs. One that is being started does: its power is on."""
        with self._lock:
            known = {name: True for name in containers if name in self._starting or self._lives(name)}
            return {**known, **self._look(sorted(set(containers) - set(known)))}

    def _look(self, names: Sequence[str]) -> dict[str, bool]:
        if not names:
            return {}
        code, out, _err = self.run("container", "inspect", *names)
        if code and len(names) > 1:
            # One is missing: ask for each, so that the others are seen.
            return {name: runs for one in names for name, runs in self._look([one]).items()}
        states = {item["Name"].lstrip("/"): item["State"] for item in json.loads(out or "[]")} if not code else {}
        return {name: bool(state["Running"]) and self._met(name, state["Pid"]) for name, state in states.items()}

    def _lives(self, name: str) -> bool:
        return name in self._first and not _ended(self._first[name][1], 0)

    def _met(self, name: str, number: int) -> bool:
        """Remember the first process of a container; say whether it is there. Podman sees its end only later."""
        if name in self._first:
            if number == self._first[name][0]:
                return self._lives(name)
            os.close(self._first.pop(name)[1])
        try:
            handle = os.pidfd_open(number)
            status = Path(f"/proc/{number}/status").read_text()
        except OSError:
            return False
        # It may have ended since podman looked, and another process have its number.
        if re.search(r"^NSpid:.*\t1$", status, re.MULTILINE):
            self._first[name] = number, handle
            return True
        os.close(handle)
        return False

    def kill(self, container: str) -> tuple[int, str]:
        """Kill a container; return when all its processes are gone, as then nothing of it writes any more."""
        with self._lock:
            self._lock.wait_for(lambda: container not in self._starting, PATIENCE)
            runs = self.running([container])
            if not runs.get(container):
                return (409, f"{container} is not running") if runs else (404, f"{container} does not exist")
            handle = self._first[container][1]
            # The kernel takes all processes of the container with its first one, and ends that one last.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            return (204, "") if _ended(handle, PATIENCE) else (500, f"{container} was killed and is still there")

    def start(self, container: str) -> tuple[int, str]:
        """Begin to start a container. As with a host's power button, whoever presses it does not wait."""
        with self._lock:
            runs = self.running([container])
            if runs.get(container, True):
                return (304, "") if runs else (404, f"{container} does not exist")
            self._starting.add(container)
        threading.Thread(target=self._start, args=[container]).start()
        return 204, ""

    def keep_address(self, address: str) -> None:
        """Fix the hardware address of this machine's bridge, which else follows its ports (lab/tasks/bridges.yml)."""
        mac = "02:4d:" + ":".join(f"{int(byte):02x}" for byte in address.split("."))
        code, out, _err = self.run("-json", "address", "show", "type", "bridge", program="ip")
        for row in json.loads(out or "[]") if not code else []:
            here = address in [found.get("local") for found in row.get("addr_info", [])]
            if here and row["address"] != mac:
                self.run("link", "set", "dev", row["ifname"], "address", mac, program="ip")

    def _start(self, container: str) -> None:
        # The power is on, and the host's firmware looks at its memory.
        time.sleep(self._firmware)
        started = time.monotonic()
        try:
            # Podman may not have cleaned up yet what was just killed. Then it would start with the network and memory
            # of before, as no host does: with service addresses that are another's by now.
            self.run("container", "cleanup", container)
            code, _out, err = self.run("start", container)
            # If none of its containers ran, podman has made the bridge anew.
            self.keep_address(self._address)
        except (OSError, subprocess.SubprocessError) as error:
            code, err = 1, str(error)
        with self._lock:
            self._starting.discard(container)
            self._lock.notify_all()
        self._log(f"{container} {'did not start: ' + err if code else 'started'} {time.monotonic() - started:.3f} s")


def _ended(process: int, seconds: float) -> bool:
    return bool(select.select([process], [], [], seconds)[0])


class Handler(BaseHTTPRequestHandler):
    """One request, with a line in the log."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def handle_request(self) -> None:
        started = time.monotonic()
        code, body = self.server.answer(self.command, self.path, self.client_address[0])
        text = json.dumps(body).encode() if body is not None else b""
        self.send_response_only(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)
        self.close_connection = True
        why = body["message"] if isinstance(body, dict) and "message" in body else ""
        took = f"{time.monotonic() - started:.3f} s"
        self.server.log(f"{self.client_address[0]} {self.command} {self.path} {code} {took} {why}".rstrip())

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = handle_request

    def log_message(self, *_arguments: Any) -> None:
        """Keep the base class's own lines out of the log."""


class Server(ThreadingHTTPServer):
    """Answers until there is nothing left to switch."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.engine = options, Engine(options.address, options.firmware, self.log)
        # Podman takes the network's address away while none of its containers runs, and later it is back.
        super().__init__((options.address, options.port), Handler, bind_and_activate=False)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        self.server_bind()
        self.server_activate()

    def server_bind(self) -> None:
        # The base class would look its own name up.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def log(self, text: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        print(f"{now} {text}", flush=True)

    def answer(self, method: str, target: str, peer: str) -> tuple[int, Any]:
        """Return the status and what goes with it."""
        wanted = judge(method, target, peer, self.options.containers, self.options.peers)
        if isinstance(wanted, Refused):
            return 403, {"message": f"refused: {wanted.why}"}
        try:
            return self._do(wanted)
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            return 500, {"message": str(error)}

    def _do(self, wanted: Wanted) -> tuple[int, Any]:
        if wanted.action in POWER:
            if self.options.broken.exists():
                return 503, {"message": f"broken, as {self.options.broken.name} says"}
            do = self.engine.kill if wanted.action == "kill" else self.engine.start
            code, why = do(wanted.container)
            return code, {"message": why} if why else None
        states = self.engine.running([wanted.container] if wanted.container else self.options.containers)
        shown = [describe(name, runs) for name, runs in sorted(states.items())]
        if wanted.action == "list":
            return 200, shown
        return (200, shown[0]) if shown else (404, {"message": f"{wanted.container} does not exist"})

    def watch(self) -> None:
        """End when the process number is no longer in its file, or when there is nothing left to switch."""
        looked = time.monotonic()
        while True:
            time.sleep(0.5)
            if not owns(self.options.pid_file, os.getpid()):
                why = "asked to"
            elif time.monotonic() - looked < self.options.look_every:
                continue
            elif self.engine.running(self.options.containers):
                looked = time.monotonic()
                continue
            else:
                why = "its containers are gone"
                self.options.pid_file.unlink(missing_ok=True)
            self.log(f"ends: {why}")
            self.shutdown()
            return


def describe(name: str, runs: bool) -> dict[str, Any]:
    """Return a container as fence_docker reads it: names in lists begin with a slash, and `Exit...` means off."""
    return {
        "Id": name,
        "Name": f"/{name}",
        "Names": [f"/{name}"],
        "Status": "Up" if runs else "Exited",
        "State": {"Status": "running" if runs else "exited", "Running": runs},
    }


def owns(pid_file: Path, number: int) -> bool:
    try:
        return pid_file.read_text().strip() == str(number)
    except OSError:
        return False


def running(pid_file: Path) -> tuple[int, list[str]] | None:
    """Return number and arguments of the one that runs, by the file; never those of a stranger with its number."""
    try:
        number = int(pid_file.read_text())
        arguments = Path(f"/proc/{number}/cmdline").read_bytes().decode().split("\0")[:-1]
    except (OSError, ValueError):
        return None
    return (number, arguments) if Path(__file__).name in {Path(word).name for word in arguments} else None


def end(pid_file: Path) -> bool:
    """End the one that runs; return whether there was one."""
    found = running(pid_file)
    pid_file.unlink(missing_ok=True)
    if not found:
        return False
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(found[0])
        signal.pidfd_send_signal(process, signal.SIGTERM)
        if not _ended(process, 5):
            signal.pidfd_send_signal(process, signal.SIGKILL)
            _ended(process, 5)
        os.close(process)
    return True


def begin(options: argparse.Namespace, arguments: list[str]) -> int:
    """Start one in the background, unless one with the same arguments runs; return when it listens."""
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    found = running(options.pid_file)
    newer = found and Path(__file__).stat().st_mtime > options.pid_file.stat().st_mtime
    if found and found[1][1:] == command[1:] and not newer:
        print("runs")
        return 0
    # An older one, or one with other settings, makes room.
    end(options.pid_file)
    with options.log.open("a") as log:
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )
    while not owns(options.pid_file, started.pid):
        if started.poll() is not None:
            print(f"it ended at once, see {options.log}", file=sys.stderr)
            return 1
        time.sleep(0.02)
    print("started")
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--ensure", action="store_true", help="start in the background unless it runs; says what it did"
    )
    parser.add_argument("--end", action="store_true", help="end the one that runs; says whether there was one")
    parser.add_argument("--address", help="where to listen")
    parser.add_argument("--port", type=int, default=2375)
    parser.add_argument("--container", dest="containers", action="append", default=[], help="what may be switched")
    parser.add_argument("--peer", dest="peers", action="append", default=[], help="address that may ask")
    parser.add_argument("--pid-file", type=Path, required=True)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--broken", type=Path, help="while this file is there, nothing can be switched")
    parser.add_argument(
        "--firmware", type=float, default=0, help="seconds from when the power is on to when the host's system starts"
    )
    parser.add_argument(
        "--look-every", type=float, default=30, help="seconds between looks whether containers are left"
    )
    options = parser.parse_args(arguments)
    if not options.end and not (options.address and options.broken and options.containers and options.peers):
        parser.error("--address, --broken, --container and --peer are needed")
    if options.ensure and not options.log:
        parser.error("--ensure needs --log")
    return options


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    options = parse(arguments)
    if options.end:
        print("ended" if end(options.pid_file) else "none")
        return 0
    if options.ensure:
        return begin(options, [word for word in arguments if word != "--ensure"])
    server = Server(options)
    options.pid_file.write_text(f"{os.getpid()}\n")
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.log(f"listens on {options.address}:{options.port} for {', '.join(options.containers)}")
    threading.Thread(target=server.watch, daemon=True).start()
    server.serve_forever(poll_interval=0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
