# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the programs of a mail pair on a managed host: each answer in time, or the word that there was none."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.mailroom import pair

TLS_PORTS = (465, 993, 995)


def ask(command: list[str], seconds: float) -> tuple[int, str, str]:
    """Run a program that only tells something; code 127 if it is not there, 124 if it takes too long."""
    environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603 - programs of the platform, by name
            command, capture_output=True, timeout=seconds, env=environment, stdin=subprocess.DEVNULL, check=False
        )
    except FileNotFoundError:
        return 127, "", f"{command[0]} is not installed"
    except subprocess.TimeoutExpired:
        return 124, "", f"{command[0]} did not answer within {seconds:g} s"
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def together(jobs: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Any]:
    """Do jobs at the same time; those that do not end in time, or at all, are not in the result."""
    found: dict[str, Any] = {}

    def do(name: str, job: Callable[[], Any]) -> None:
        found[name] = job()

    threads = [threading.Thread(target=do, args=item, daemon=True) for item in jobs.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(found)


def cluster(seconds: float) -> dict[str, Any]:
    command = ["crm_mon", "--one-shot", "--inactive", "--include=bans", "--fence-history=2", "--output-as=xml"]
    code, out, err = ask(command, seconds)
    try:
        return pair.cluster(out) if out.strip() else {"problem": err.strip() or f"crm_mon ended with {code}"}
    except pair.Unreadable as error:
        return {"problem": str(error)}


def greeting(address: str, protocol: str, port: int, seconds: float) -> str:
    """What is wrong with a service; "" if it greets as one at work does."""
    try:
        with socket.create_connection((address, port), seconds) as plain:
            plain.settimeout(seconds)
            if port not in TLS_PORTS:
                return judged(protocol, plain)
            # Who answers is not the question here, only whether; names are what clients check.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(plain) as secure:
                return judged(protocol, secure)
    except OSError as error:
        return str(error) or type(error).__name__


def judged(protocol: str, connection: socket.socket) -> str:
    line = connection.recv(512).decode("latin-1").partition("\r\n")[0]
    return "" if pair.greets(protocol, line) else f"it greets with {line!r}"


def mounts() -> dict[str, list[str]]:
    """What is mounted: mount point to device, mount point, type and options."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return {fields[1]: fields[:4] for line in file if len(fields := line.split()) > 3}
