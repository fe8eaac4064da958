# SPDX-License-Identifier: GPL-3.0-or-later
"""TLSA records (RFC 6698, 7671, 7672): mail servers of others check our certificate by what DNS says of its key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from .claims import Claim, Source
from .der import public_key
from .model import VIEWS
from .names import absolute

# SMTP between servers; DANE for mail programs is not in use.
PORT = 25


def digest(certificate: str) -> str:
    """Return the value `3 1 1 sha256` of a certificate or public key (PEM). Raises ValueError with a reason.

    It names the key and not the certificate, so a renewal that keeps the key changes nothing.
    """
    return f"3 1 1 {hashlib.sha256(public_key(certificate)).hexdigest()}"


def tlsa_claims(host: str, certificates: Iterable[str], ttl: int | None = None, port: int = PORT) -> Iterator[Claim]:
    """Yield the records of a mail host, for both views: of the key in use and of the one that comes next.

    A new key is published before it is used, and the old one stays until caches have forgotten that it was the only
    one (RFC 7671, 8.1). Raises ValueError with a reason.
    """
    name = absolute(host)
    values = tuple(sorted({digest(certificate) for certificate in certificates}))
    for view in VIEWS:
        if values:
            yield Claim(view, f"_{port}._tcp.{name}", "TLSA", values, Source(f"certificates of {host}"), ttl)
