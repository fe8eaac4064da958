# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies that receivers report on: DMARC (RFC 7489) and TLS reports (RFC 8460)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .names import absolute, below

# What another domain publishes under DOMAIN._report._dmarc if it takes reports on DOMAIN (RFC 7489, 7.1).
ACCEPTS = "v=DMARC1"


def dmarc(settings: Mapping[str, Any]) -> str:
    """Return the text of a DMARC record for settings as in the schema. Raises ValueError with a reason."""
    if "policy" not in settings:
        raise ValueError("policy is missing: none, quarantine or reject")
    tags = [("p", settings["policy"])]
    if "subdomains" in settings:
        tags.append(("sp", settings["subdomains"]))
    if settings.get("strict"):
        tags += [("adkim", "s"), ("aspf", "s")]
    if settings.get("reports"):
        tags.append(("rua", _addresses(settings["reports"])))
    if settings.get("failure_reports"):
        # fo=1: also where only one of SPF and DKIM fails.
        tags += [("ruf", _addresses(settings["failure_reports"])), ("fo", "1")]
    return "; ".join(("v=DMARC1", *(f"{name}={value}" for name, value in tags)))


def tls_reports(addresses: Sequence[str]) -> str:
    """Return the text of a record that asks for reports on TLS (RFC 8460, 3)."""
    return f"v=TLSRPTv1; rua={_addresses(addresses)}"


def report_domains(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the domains (absolute, sorted) to which DMARC reports go. Raises ValueError with a reason."""
    addresses = [*settings.get("reports", ()), *settings.get("failure_reports", ())]
    return tuple(sorted({absolute(address.rpartition("@")[2]) for address in addresses}))


def must_accept(domain: str, reporter: str) -> bool:
    """Whether a domain that gets reports on another (both absolute) must say that it takes them.

    One that is above or below is taken for the same organisation.
    """
    return not (below(domain, reporter) or below(reporter, domain))


def _addresses(addresses: Sequence[str]) -> str:
    """Addresses as URIs; , ; and ! would end one (RFC 7489, 6.2)."""
    return ",".join(f"mailto:{quote(address, safe='@+=')}" for address in addresses)
