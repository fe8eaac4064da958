# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as people write them."""

from __future__ import annotations

import re

UNLIMITED = "unlimited"
_SIZE = re.compile(r"([1-9][0-9]*)([KMGT])")
_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def parse_size(text: str) -> int | None:
    """Return bytes (units are powers of 1024), or None for `unlimited`. Raises ValueError with a reason."""
    if text == UNLIMITED:
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 500M, 2G or 1T, or unlimited")
    return int(match[1]) * _UNITS[match[2]]


def format_size(size: int | None) -> str:
    """Return bytes in the largest unit that divides them (plain bytes where none does)."""
    if size is None:
        return UNLIMITED
    for unit, factor in reversed(_UNITS.items()):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
