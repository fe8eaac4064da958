# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as Pacemaker writes them: durations, scores, names."""

from __future__ import annotations

import re

INFINITY = 1_000_000
# Ids are XML names; Pacemaker uses them in file names and keys as well, so no colons.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_DURATION = re.compile(r"(\d+) *(ms|msec|us|usec|s|sec|m|min|h|hr|)")
_UNITS = {"us": 0.001, "usec": 0.001, "ms": 1, "msec": 1, "": 1000, "s": 1000, "sec": 1000}
_UNITS |= {"m": 60_000, "min": 60_000, "h": 3_600_000, "hr": 3_600_000}


def is_name(text: object) -> bool:
    """Whether something can be the id of an object of the CIB."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def milliseconds(text: object) -> float | None:
    """A duration such as 10, 10s, 500ms or 2min in milliseconds; None if it is none. A bare number is seconds."""
    match = _DURATION.fullmatch(str(text).strip())
    return int(match[1]) * _UNITS[match[2]] if match and not isinstance(text, bool) else None


def score(text: object) -> int | None:
    """A score as a number, +-INFINITY as +-1000000; None if it is none."""
    match = re.fullmatch(r"([+-]?)(\d+|INFINITY)", str(text).strip())
    if not match or isinstance(text, bool):
        return None
    value = INFINITY if match[2] == "INFINITY" else min(int(match[2]), INFINITY)
    return -value if match[1] == "-" else value


def shown(value: object) -> str:
    """A value of YAML as text of the CIB."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
