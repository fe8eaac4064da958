# SPDX-License-Identifier: GPL-3.0-or-later
"""DS records (RFC 4034, 5; RFC 4509) from the key files that named keeps: what a registrar is to be told."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NamedTuple

# Flags of a key that signs keys (RFC 4034, 2.1.1; the revoked ones have one bit more).
_KSK = 257
_SHA256 = 2
_KEY = re.compile(r"^(\S+)\s+(?:\d+\s+)?IN\s+DNSKEY\s+(\d+)\s+(\d+)\s+(\d+)\s+([A-Za-z0-9+/=\s]+)$", re.M)


class Ds(NamedTuple):
    """A DS record: the zone (absolute), and the value."""

    zone: str
    tag: int
    algorithm: int
    digest: str

    def __str__(self) -> str:
        return f"{self.zone} IN DS {self.tag} {self.algorithm} {_SHA256} {self.digest}"


def ds_of(text: str, state: str = "") -> Ds | None:
    """Return the DS record of a key file (K*.key), None if the parent zone must not have it.

    `state` is the text of the K*.state file beside it: a key on its way out says so in there.
    """
    found = _KEY.search("\n".join(line for line in text.splitlines() if not line.startswith(";")))
    if found is None or int(found[2]) != _KSK or re.search(r"^GoalState:\s*hidden", state, re.M):
        return None
    name, algorithm = found[1].lower(), int(found[4])
    data = bytes([_KSK >> 8, _KSK & 255, int(found[3]), algorithm]) + base64.b64decode("".join(found[5].split()))
    return Ds(name, _tag(data), algorithm, hashlib.sha256(_wire(name) + data).hexdigest().upper())


def _wire(name: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _tag(data: bytes) -> int:
    """RFC 4034, appendix B."""
    total = sum(byte << 8 if position % 2 == 0 else byte for position, byte in enumerate(data))
    return (total + (total >> 16)) & 0xFFFF
