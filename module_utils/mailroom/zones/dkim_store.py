# SPDX-License-Identifier: GPL-3.0-or-later
"""DKIM keys on the controller: facts and public halves in DOMAIN.yml, private halves in DOMAIN/SELECTOR.key.

DNS needs the first and signers the second, so whoever runs DNS needs no right to read a private key. Selectors are
never used again, so those of removed keys stay in the file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from .dkim import Key, keys_of
from .dkim_steps import PUBLISH, REMOVE, Pace, Step, advance, due, new_selector
from .names import absolute

# Makes a key: private half (PEM, encrypted where that is asked for) and public half (base64 of its DER).
Make = Callable[[], tuple[bytes, str]]

_HEAD = """# SPDX-License-Identifier: GPL-3.0-or-later
# DKIM keys, made by Mailroom (docs/dns.md). Selectors in `used` are never used again.
"""


class StoreError(ValueError):
    """A file that cannot be used; the message names it."""


@dataclass(frozen=True)
class DomainKeys:
    """What is known of a domain's keys."""

    keys: tuple[Key, ...] = ()
    used: tuple[str, ...] = ()


class Store:
    """A folder of keys."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def read(self, domain: str) -> DomainKeys:
        """Return what is known of a domain's keys. Raises StoreError."""
        path = self._file(domain)
        try:
            # The safe loader, in C where it is built.
            data = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}  # noqa: S506
            return DomainKeys(keys_of(data.get("keys", ())), tuple(map(str, data.get("used", ()))))
        except FileNotFoundError:
            return DomainKeys()
        except (AttributeError, TypeError, ValueError, yaml.YAMLError) as error:
            raise StoreError(f"{path}: {' '.join(str(error).split())}") from None

    def all(self, domains: Iterable[str]) -> dict[str, tuple[Key, ...]]:
        """Return the keys of domains that have any. Raises StoreError."""
        found = {domain: self.read(domain).keys for domain in domains}
        return {domain: keys for domain, keys in found.items() if keys}

    def private(self, domain: str, selector: str) -> Path:
        """Return the file of a private key."""
        return self.folder / _name(domain) / f"{selector}.key"

    def take(self, domain: str, step: Step, today: date, make: Make) -> None:
        """Do one step. A private key is on disk before anybody is told of its public half."""
        there = self.read(domain)
        new, used = None, there.used
        if step.action == PUBLISH:
            selector = new_selector(today, {*used, *(key.selector for key in there.keys)})
            secret, public = make()
            place(self.private(domain, selector), secret, 0o600)
            new, used = Key(selector, public), (*used, selector)
        keys = advance(there.keys, step, today, new)
        place(self._file(domain), _text(DomainKeys(keys, used)).encode(), 0o644)
        if step.action == REMOVE:
            self.private(domain, step.selector).unlink(missing_ok=True)

    def _file(self, domain: str) -> Path:
        return self.folder / f"{_name(domain)}.yml"


def due_steps(
    store: Store, domains: Iterable[str], today: date, pace: Pace, now: Collection[str] = ()
) -> list[tuple[str, Step]]:
    """Return the steps that are due for domains; those in `now` begin a roll-over at once. Raises StoreError."""
    early = {absolute(name) for name in now}
    found = []
    for domain in sorted(domains):
        step = due(store.read(domain).keys, today, pace, now=absolute(domain) in early)
        if step:
            found.append((domain, step))
    return found


def told(domain: str, step: Step) -> str:
    """Return a step in words."""
    return f"{_name(domain)}: {step.action} {step.selector or 'a new key'}"


def _name(domain: str) -> str:
    return absolute(domain).removesuffix(".")


def _text(keys: DomainKeys) -> str:
    rows: Sequence[dict[str, Any]] = [
        {"selector": key.selector, "state": key.state, "since": key.since.isoformat(), "public": key.public}
        for key in keys.keys
    ]
    data = {"keys": rows, "used": list(keys.used)}
    return _HEAD + yaml.safe_dump(data, sort_keys=False, width=10_000)


def place(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole, with its rights from the first moment on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
        os.fchmod(stream.fileno(), mode)
    os.replace(temporary, path)
