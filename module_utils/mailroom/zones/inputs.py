# SPDX-License-Identifier: GPL-3.0-or-later
"""From files and inventory data on the controller to what zones are made of. Only here are they read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ..cache import Cache
from ..findings import ERROR, Finding, errors, warnings
from ..loader import Decrypt
from ..read import read_accounts
from .build import Built, Sources, build_zones
from .dkim_store import Store, StoreError
from .domains import mail_domains
from .mail import MailDomain
from .platform import read_platform
from .zone_files import load_zone_files, read_zone_files


@dataclass(frozen=True)
class Where:
    """Where data is: zone files, account files and DKIM keys ("" for none), and the folder of schemas."""

    zones: str
    accounts: str
    schemas: str
    dkim: str = ""


@dataclass
class Inputs:
    """What was read. `sources` is None if something is wrong, which `findings` then say."""

    sources: Sources | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        return [str(finding) for finding in errors(self.findings)]

    @property
    def warnings(self) -> list[str]:
        return [str(finding) for finding in warnings(self.findings)]

    def build(self) -> Built:
        """Return all zones; what is wrong with them is among the findings too. Only without errors."""
        if self.sources is None:
            raise ValueError("there is nothing to build zones of")
        built = build_zones(self.sources)
        self.findings += built.findings
        return built


def read_inputs(
    where: Where,
    platform: Mapping[str, Any],
    certificates: Mapping[str, Sequence[str]],
    today: date,
    decrypt: Decrypt | None = None,
    kept: Cache | None = None,
) -> Inputs:
    """Read everything. Nothing is raised for what files contain."""
    schema = json.loads(Path(where.schemas, "zone.schema.json").read_text(encoding="utf-8"))
    found = Inputs()
    read, problems = read_platform(platform, schema)
    documents, unreadable = load_zone_files(where.zones)
    files, wrong = read_zone_files(documents, schema)
    found.findings += [*problems, *unreadable, *wrong]
    domains = _domains(where, today, decrypt, kept, found)
    keys = {}
    try:
        if where.dkim:
            keys = Store(where.dkim).all(domain.name for domain in domains)
    except StoreError as error:
        found.findings.append(Finding("dkim", 1, "", str(error)))
    if read is not None and not any(finding.severity == ERROR for finding in found.findings):
        found.sources = Sources(read, files, domains, keys, certificates)
        missing = [domain.name.removesuffix(".") for domain in domains if where.dkim and domain.name not in keys]
        if missing:
            told = f"{len(missing)} mail domains have no DKIM key yet ({', '.join(missing[:3])})"
            found.findings.append(Finding("dkim", 1, "", told, "a run of playbooks/dns.yml makes them", "warning"))
    return found


def _domains(
    where: Where, today: date, decrypt: Decrypt | None, kept: Cache | None, found: Inputs
) -> Sequence[MailDomain]:
    if not where.accounts:
        return ()
    accounts = read_accounts(where.accounts, str(Path(where.schemas, "domain.schema.json")), decrypt, today, kept)
    if problems := errors(accounts.findings):
        found.findings += problems
        return ()
    return tuple(mail_domains(accounts))
