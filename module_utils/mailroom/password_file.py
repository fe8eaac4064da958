# SPDX-License-Identifier: GPL-3.0-or-later
"""The one-time passwords that the operator hands out: a JSON file {address: password}, mode 0600."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager


def add(file: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """Add passwords to the file, or start it. Returns those that were replaced.

    It is replaced whole, so it is never half written. Raises ValueError if the file is there but not such a file,
    OSError if it cannot be written.
    """
    with _alone(file):
        known = _read(file)
        _write(file, {**known, **passwords})
    return {address: known[address] for address in passwords if address in known}


def settle(file: str, made: Mapping[str, str], used: Collection[str], replaced: Mapping[str, str]) -> None:
    """Leave of passwords that were made only those that mailboxes were given: of two runs one may have lost.

    `replaced` is what add() returned. Raises like add().
    """
    with _alone(file):
        known = _read(file)
        wanted = dict(known)
        for address, password in made.items():
            if address in used:
                wanted[address] = password
            elif known.get(address) == password:
                del wanted[address]
                wanted.update({address: replaced[address]} if address in replaced else {})
        if wanted != known:
            _write(file, wanted)


@contextmanager
def _alone(file: str) -> Iterator[None]:
    """Keep other runs of this controller out of the file's folder."""
    folder = os.path.dirname(os.path.abspath(file))
    os.makedirs(folder, mode=0o700, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(file: str, passwords: Mapping[str, str]) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".passwords.", dir=os.path.dirname(os.path.abspath(file)))  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(passwords, stream, indent=2, sort_keys=True, ensure_ascii=False)
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
