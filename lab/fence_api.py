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
from collections.abc import Collection, Iterator
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
    """Podman's command line, for the containers that there are."""

    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            ["podman", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr.strip()

    def states(self, containers: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return the state of those containers that exist, by name."""
        code, out, _err = self.run("container", "inspect", *sorted(containers))
        if code and len(containers) > 1:
            # One is missing: ask for each, so that the others are seen.
            return {name: state for one in sorted(containers) for name, state in self.states([one]).items()}
        return {item["Name"].lstrip("/"): item["State"] for item in json.loads(out or "[]")} if not code else {}

    def kill(self, container: str) -> tuple[int, str]:
        """Kill a container; return when all its processes are gone, as then nothing of it writes any more."""
        state = self.states([container]).get(container)
        if state is None:
            return 404, f"{container} does not exist"
        if not state["Running"]:
            return 409, f"{container} is not running"
        with contextlib.suppress(ProcessLookupError), _process(state["Pid"]) as first:
            code, _out, err = self.run("kill", "--signal", "KILL", container)
            if code and self.states([container]).get(container, {}).get("Running"):
                return 500, err
            if not _ended(first, PATIENCE):
                return 500, f"{container} was killed and is still there"
        return (204, "") if self._until(container, running=False) else (500, f"{container} still runs")

    def start(self, container: str) -> tuple[int, str]:
        code, _out, err = self.run("start", container)
        return (500, err) if code else (204, "")

    def _until(self, container: str, running: bool) -> bool:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.states([container]).get(container, {}).get("Running") == running:
                return True
            time.sleep(0.02)
        return False


@contextlib.contextmanager
def _process(number: int) -> Iterator[int]:
    handle = os.pidfd_open(number)
    try:
        yield handle
    finally:
        os.close(handle)


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

    def __init__(self, options: argparse.Namespace, engine: Engine) -> None:
        self.options, self.engine = options, engine
        # Podman takes the network's address away while none of its containers runs, and later it is back.
        super().__init__((options.address, options.port), Handler, bind_and_activate=False)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        self.server_bind()
        self.server_activate()
        # Two agents may switch the same container at a time.
        self._switch = threading.Lock()

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
            with self._switch:
                do = self.engine.kill if wanted.action == "kill" else self.engine.start
                code, why = do(wanted.container)
            return code, {"message": why} if why else None
        states = self.engine.states([wanted.container] if wanted.container else self.options.containers)
        shown = [describe(name, state) for name, state in sorted(states.items())]
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
            elif self.engine.states(self.options.containers):
                looked = time.monotonic()
                continue
            else:
                why = "its containers are gone"
                self.options.pid_file.unlink(missing_ok=True)
            self.log(f"ends: {why}")
            self.shutdown()
            return


def describe(name: str, state: dict[str, Any]) -> dict[str, Any]:
    """Return a container as fence_docker reads it: names in lists begin with a slash, and `Exit...` means off."""
    running = bool(state["Running"])
    return {
        "Id": name,
        "Name": f"/{name}",
        "Names": [f"/{name}"],
        "Status": "Up" if running else "Exited",
        "State": {"Status": state["Status"], "Running": running},
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
    with contextlib.suppress(ProcessLookupError), _process(found[0]) as process:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        if not _ended(process, 5):
            signal.pidfd_send_signal(process, signal.SIGKILL)
            _ended(process, 5)
    return True


def begin(options: argparse.Namespace, arguments: list[str]) -> int:
    """Start one in the background, unless one with the same arguments runs; return when it listens."""
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    found = running(options.pid_file)
    if found and found[1][1:] == command[1:]:
        print("runs")
        return 0
    # One with other settings makes room.
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
    server = Server(options, Engine())
    options.pid_file.write_text(f"{os.getpid()}\n")
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.log(f"listens on {options.address}:{options.port} for {', '.join(options.containers)}")
    threading.Thread(target=server.watch, daemon=True).start()
    server.serve_forever(poll_interval=0.5)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
