# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's garbage collector and large amounts of new data."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Do not look for circular garbage meanwhile.

    Where hundreds of thousands of objects are made that all stay, looking for some that do not takes most of the
    time: 50,000 mailboxes of YAML load in 1.2 s instead of 5.3 s.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
