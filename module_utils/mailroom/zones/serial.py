# SPDX-License-Identifier: GPL-3.0-or-later
"""Serials of zones: 32 bits on a circle (RFC 1982), of the form YYYYMMDDnn where that is possible (RFC 1912, 2.2)."""

from __future__ import annotations

from datetime import date

_SIZE = 2**32
_HALF = 2**31


def newer(one: int, other: int) -> bool:
    """Whether a secondary that has the serial `other` takes `one` for newer (RFC 1982, 3.2)."""
    return 0 < (one - other) % _SIZE < _HALF


def next_serial(live: int | None, today: date) -> int:
    """Return the serial of a changed zone: the day's first where that is newer than the live one, else one more.

    So it never goes backwards, whether there were a hundred changes in a day or the live one is far ahead. 0 is
    left out, as some programs take it for "none".
    """
    first = int(f"{today:%Y%m%d}00")
    if live is None or newer(first, live):
        return first
    return (live + 1) % _SIZE or 1
