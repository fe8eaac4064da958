# SPDX-License-Identifier: GPL-3.0-or-later
"""Finish what was begun, also when whoever began it goes away."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ansible.module_utils.mailroom_ldap import DirectoryError


def detached(work: Callable[[], Any]) -> Any:
    """Do the work in a process of its own, and return its result (as JSON has it) or raise its DirectoryError.

    slapd (2.6.10 at least) may crash when a client goes away in the middle of a transaction: one kill in twenty did
    that. A lost connection to the controller, or an interrupted play, ends the module but not this process, and a
    lock that it inherits is held until it is done.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run(work, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        text = stream.read()
    os.waitpid(child, 0)
    if not text:
        raise DirectoryError("the process that works was ended; run again")
    answer = json.loads(text)
    if "error" in answer:
        raise DirectoryError(answer["error"])
    return answer["result"]


def _run(work: Callable[[], Any], writing: int) -> None:
    """The child: it never returns, and runs nobody's exit handlers."""
    try:
        os.setsid()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        try:
            answer: dict[str, Any] = {"result": work()}
        except Exception as error:
            answer = {"error": str(error) if isinstance(error, DirectoryError) else f"{type(error).__name__}: {error}"}
        with suppress(OSError), os.fdopen(writing, "w", encoding="utf-8") as stream:
            json.dump(answer, stream)
    finally:
        os._exit(0)
