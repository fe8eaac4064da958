# SPDX-License-Identifier: GPL-3.0-or-later
"""MTA-STS (RFC 8461): a policy on HTTPS that tells senders to insist on TLS, and the record that says it is there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

ENFORCE, TESTING, NONE = "enforce", "testing", "none"
# Where the policy lies on https://mta-sts.DOMAIN, and the label of that host.
PATH = "/.well-known/mta-sts.txt"
LABEL = "mta-sts"
# RFC 8461, 3.2: about a year.
_LONGEST = 31557600


def policy(mode: str, mx: Sequence[str], max_age: int) -> str:
    """Return the text of a policy; `mx` are absolute names of hosts. Raises ValueError with a reason."""
    if max_age > _LONGEST:
        raise ValueError(f"max_age is {max_age}, at most {_LONGEST} is possible (RFC 8461, 3.2)")
    if not mx and mode != NONE:
        raise ValueError(f"mode {mode} needs mx: the policy names the hosts that take mail")
    hosts = [f"mx: {name.removesuffix('.')}" for name in mx]
    return "".join(f"{line}\r\n" for line in ("version: STSv1", f"mode: {mode}", *hosts, f"max_age: {max_age}"))


def record(text: str) -> str:
    """Return the text of the record for a policy. Its id changes if, and only if, the policy does."""
    return f"v=STSv1; id={hashlib.sha256(text.encode()).hexdigest()[:32]}"
