# SPDX-License-Identifier: GPL-3.0-or-later
"""DS records (RFC 4034, 5; RFC 4509) from the key files that named keeps: what a registrar is to be told."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

# Flags of a key that signs keys (RFC 4034, 2.1.1; the revoked ones have one bit more).
_KSK = 257
_SHA256 = 2
_KEY = re.compile(r"^(\S+)\s+(?:\d+\s+)?IN\s+DNSKEY\s+(\d+)\s+(\d+)\s+(\d+)\s+([A-Za-z0-9+/=\s]+)$", re.M)


class Ds(NamedTuple):
    """A DS record: the zone (absolute), the value, and when the parent zone is to have it, "" for at any time."""

    zone: str
    tag: int
    algorithm: int
    digest: str
    when: str = ""

    def __str__(self) -> str:
        told = f" ; {self.when}" if self.when else ""
        return f"{self.zone} IN DS {self.tag} {self.algorithm} {_SHA256} {self.digest}{told}"


class _Key(NamedTuple):
    """A key that signs keys, and what named has planned for it."""

    ds: Ds
    goes: bool
    successor: int | None
    predecessor: int | None
    # From when on the parent may have its DS: everybody has the key itself by then.
    due: datetime | None

    def waits(self, now: datetime) -> str:
        """The moment that its DS has to wait for, "" if that is over."""
        return f"{self.due:%Y-%m-%d %H:%M} UTC" if self.due and self.due > now else ""


def ds_records(files: Iterable[tuple[str, str]], now: datetime) -> list[Ds]:
    """Return the DS records that parent zones must have, now and next. `now` has a time zone.

    `files` are texts of pairs of key file (K*.key) and state file (K*.state). Of two keys that take turns both are
    returned until the new one's time has come: a parent that drops the old one before that makes the zone bogus for
    everybody who has not seen the new one (RFC 6781, 4.1.2).
    """
    keys = [key for text, state in files if (key := _key(text, state))]
    by_tag = {(key.ds.zone, key.ds.tag): key for key in keys}
    found = []
    for key in keys:
        if key.goes:
            successor = by_tag.get((key.ds.zone, key.successor)) if key.successor is not None else None
            if successor and (due := successor.waits(now)):
                found.append(key.ds._replace(when=f"until {due}, then {successor.ds.tag} in its place"))
        elif due := key.waits(now):
            place = f", in place of {key.predecessor}" if (key.ds.zone, key.predecessor) in by_tag else ""
            found.append(key.ds._replace(when=f"not before {due}{place}"))
        else:
            found.append(key.ds)
    return found


def _key(text: str, state: str) -> _Key | None:
    found = _KEY.search("\n".join(line for line in text.splitlines() if not line.startswith(";")))
    if found is None or int(found[2]) != _KSK:
        return None
    name, algorithm = found[1].lower(), int(found[4])
    data = bytes([_KSK >> 8, _KSK & 255, int(found[3]), algorithm]) + base64.b64decode("".join(found[5].split()))
    ds = Ds(name, _tag(data), algorithm, hashlib.sha256(_wire(name) + data).hexdigest().upper())
    noted = dict(re.findall(r"^(\w+): (\w+)", state, re.M))
    due = noted.get("PublishCDS")
    return _Key(
        ds,
        noted.get("GoalState") == "hidden",
        int(noted["Successor"]) if "Successor" in noted else None,
        int(noted["Predecessor"]) if "Predecessor" in noted else None,
        datetime.strptime(due, "%Y%m%d%H%M%S").replace(tzinfo=UTC) if due else None,
    )


def _wire(name: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _tag(data: bytes) -> int:
    """RFC 4034, appendix B."""
    total = sum(byte << 8 if position % 2 == 0 else byte for position, byte in enumerate(data))
    return (total + (total >> 16)) & 0xFFFF
