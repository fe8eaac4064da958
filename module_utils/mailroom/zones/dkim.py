# SPDX-License-Identifier: GPL-3.0-or-later
"""DKIM keys in DNS (RFC 6376, 3.6; RFC 8463 for Ed25519)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from .claims import Claim, Source
from .der import ED25519, RSA, kind_and_size, public_key, raw_ed25519
from .model import VIEWS
from .names import absolute, shown
from .strings import split

# The life of a key: in DNS and not used yet; in use; in DNS for the sake of mail that is under way.
PUBLISHED, ACTIVE, RETIRED = "published", "active", "retired"
STATES = (PUBLISHED, ACTIVE, RETIRED)

# RFC 8301, 3.2: shorter keys prove nothing.
_FEWEST_BITS = 1024
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")


@dataclass(frozen=True)
class Key:
    """A key of a domain: its selector, public half (PEM, or base64), state, and the day on which that began."""

    selector: str
    public: str
    state: str = ACTIVE
    since: date = date.min


def keys_of(data: Iterable[Mapping[str, Any]]) -> tuple[Key, ...]:
    """Return keys given as data (`selector`, `public`, `state`, `since` as YYYY-MM-DD). Raises ValueError."""
    found = []
    for item in data:
        if unknown := sorted(set(item) - {"selector", "public", "state", "since"}):
            raise ValueError(f"unknown fields: {', '.join(unknown)}")
        selector, state = str(item.get("selector", "")), item.get("state", ACTIVE)
        if not _SELECTOR.fullmatch(selector):
            raise ValueError(f"{selector!r} is not a selector: lower-case letters, digits and -")
        if state not in STATES:
            raise ValueError(f"{selector}: {state!r} is not one of {', '.join(STATES)}")
        try:
            since = date.fromisoformat(str(item.get("since", date.min)))
        except ValueError:
            raise ValueError(f"{selector}: {item['since']!r} is not a date (YYYY-MM-DD)") from None
        found.append(Key(selector, str(item.get("public", "")), state, since))
    selectors = [key.selector for key in found]
    if twice := sorted({selector for selector in selectors if selectors.count(selector) > 1}):
        raise ValueError(f"selector {twice[0]} is there twice")
    return tuple(found)


def record(key: Key) -> str:
    """Return the text of a key's TXT record. Raises ValueError with a reason."""
    try:
        content = public_key(key.public)
    except ValueError as error:
        raise ValueError(f"selector {key.selector}: {error}") from None
    kind, bits = kind_and_size(content)
    if kind not in (RSA, ED25519):
        raise ValueError(f"selector {key.selector}: DKIM knows RSA and Ed25519 keys")
    if kind == RSA and bits < _FEWEST_BITS:
        raise ValueError(f"selector {key.selector}: an RSA key of {bits} bits, at least {_FEWEST_BITS} are needed")
    bare = raw_ed25519(content) if kind == ED25519 else content
    return f"v=DKIM1; k={kind}; p={base64.b64encode(bare).decode()}"


def dkim_claims(domain: str, keys: Iterable[Key], ttl: int | None = None) -> Iterator[Claim]:
    """Yield the records of a domain's keys, whatever their state, for both views. Raises ValueError."""
    name = absolute(domain)
    for key in keys:
        value = split(record(key))
        source = Source(f"DKIM keys of {shown(name)}")
        for view in VIEWS:
            yield Claim(view, f"{key.selector}._domainkey.{name}", "TXT", (value,), source, ttl)
