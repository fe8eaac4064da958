# SPDX-License-Identifier: GPL-3.0-or-later
"""The one-time passwords that the operator hands out: a JSON file {address: password}, mode 0600."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping


def add(file: str, passwords: Mapping[str, str]) -> None:
    """Add passwords to the file, or start it. It is replaced whole, so it is never half written.

    Raises ValueError if the file is there but not such a file, OSError if it cannot be written.
    """
    known = _read(file)
    folder = os.path.dirname(os.path.abspath(file))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".passwords.", dir=folder)  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump({**known, **passwords}, stream, indent=2, sort_keys=True, ensure_ascii=False)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise


def _read(file: str) -> dict[str, str]:
    try:
        with open(file, encoding="utf-8") as stream:
            known = json.load(stream)
    except FileNotFoundError:
        return {}
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise ValueError(f"{file} is not a file of one-time passwords (JSON {{address: password}}): move it away")
    return known
