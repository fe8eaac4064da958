# SPDX-License-Identifier: GPL-3.0-or-later
"""SPF (RFC 7208): who may send mail of a domain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from .names import absolute

FAIL, SOFTFAIL, NEUTRAL = "fail", "softfail", "neutral"
# Of a domain that sends no mail.
NOBODY = "v=spf1 -all"

_OTHERS = {FAIL: "-all", SOFTFAIL: "~all", NEUTRAL: "?all"}
# RFC 7208, 4.6.4: receivers give up after so many questions.
_MOST_LOOKUPS = 10
_MECHANISM = re.compile(r"([+?~-]?)([a-z0-9]+)(?::([^/\s]*))?((?://?\d{1,3}){0,2})", re.I)
_ASKS = frozenset({"include", "a", "mx", "exists"})


def spf(senders: Sequence[str], others: str = FAIL) -> str:
    """Return the text of an SPF record; `senders` are mechanisms in order. Raises ValueError with a reason."""
    checked = [_mechanism(text) for text in senders]
    # _mechanism() has refused what does not match.
    lookups = sum(_MECHANISM.match(text)[2] in _ASKS for text in checked)  # type: ignore[index]
    if lookups > _MOST_LOOKUPS:
        raise ValueError(f"{lookups} mechanisms that ask DNS, at most {_MOST_LOOKUPS} are possible (RFC 7208, 4.6.4)")
    return " ".join(("v=spf1", *checked, _OTHERS[others]))


def _mechanism(text: str) -> str:
    if text.lower().startswith(("ip4:", "ip6:")):
        return _network(text)
    found = _MECHANISM.fullmatch(text)
    name = found[2].lower() if found else ""
    if name == "all":
        raise ValueError(f"{text!r}: `others` says what all others get")
    if name == "ptr":
        raise ValueError("'ptr' is slow and unreliable, and must not be used (RFC 7208, 5.5)")
    if not found or name not in _ASKS or (found[3] is None and name in ("include", "exists")):
        raise ValueError(f"{text!r} is not a mechanism such as mx, a:host, ip4:network, ip6:network or include:domain")
    if found[3] is not None and "%" not in found[3]:
        absolute(found[3])
    return text[: found.start(2)] + name + text[found.end(2) :]


def _network(text: str) -> str:
    kind, _colon, value = text.partition(":")
    try:
        network: IPv4Network | IPv6Network = IPv4Network(value) if kind.lower() == "ip4" else IPv6Network(value)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    alone = network.prefixlen == network.max_prefixlen
    return f"{kind.lower()}:{network.network_address if alone else network}"
