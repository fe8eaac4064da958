# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation of a drill, as one JSON line with two times: the machine's own that never jumps, and the wall's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class History:
    """Written by all clients at once; what was written is kept for the judge."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.events: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def add(self, op: str, **fields: Any) -> dict[str, Any]:
        """Write an event; its name is `op`."""
        with self._lock:
            event = {"op": op, "mono": round(time.monotonic(), 6), "wall": round(time.time(), 6), **fields}
            self.events.append(event)
            self._file.write(json.dumps(event) + "\n")
        return event

    def of(self, *ops: str) -> list[dict[str, Any]]:
        """The events of some names, in their order."""
        with self._lock:
            return [event for event in self.events if event["op"] in ops]

    def close(self) -> None:
        self._file.close()


def load(path: Path) -> list[dict[str, Any]]:
    """Events of a history file; a last line that was cut is left out."""
    return list(_whole(path.read_text(encoding="utf-8").splitlines()))


def _whole(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return
