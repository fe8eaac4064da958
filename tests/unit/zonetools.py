# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of zones share: a small platform, its zone files, and keys made once."""

from __future__ import annotations

import copy
import functools
import json
import textwrap
from datetime import date
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from mailroom.loader import parse
from mailroom.zones.build import Built, Sources, build_zones
from mailroom.zones.claims import Source
from mailroom.zones.mail import MailDomain
from mailroom.zones.model import RRset, Zone, ZoneKey
from mailroom.zones.platform import Platform, read_platform
from mailroom.zones.zone_files import ZoneFile, read_zone_files

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "zone.schema.json").read_text())
TODAY = date(2026, 11, 21)
INTERNAL, EXTERNAL = "internal", "external"

PLATFORM = {
    "domain": "mailroom.example",
    "nameservers": ["ns1", "ns2.mailroom.example"],
    "contact": "host.master@mailroom.example",
    "documentation_addresses": True,
    "hosts": [
        {"name": "ns1", "inside": ["10.80.1.31"], "outside": ["198.51.100.31"]},
        {"name": "ns2", "inside": ["10.80.1.32"], "outside": ["198.51.100.32"]},
        {"name": "ldap1", "inside": ["10.80.1.21", "fd80:80:1::21"]},
    ],
    "services": [{"names": ["mail"], "inside": ["10.80.1.10"], "outside": ["198.51.100.10", "2001:db8:80::10"]}],
}
MAIL = {
    "mx": [{"host": "mail.mailroom.example", "preference": 10}],
    "spf": {},
    "dmarc": {"policy": "quarantine"},
}


def platform(**changes: object) -> Platform:
    """The platform with some fields changed (None: left out)."""
    found, findings = read_platform(platform_data(**changes), SCHEMA)
    assert [str(finding) for finding in findings] == []
    assert found is not None
    return found


def platform_data(**changes: object) -> dict:
    data = {**copy.deepcopy(PLATFORM), **changes}
    return {name: value for name, value in data.items() if value is not None}


def platform_findings(**changes: object) -> list[str]:
    """What is wrong with the platform after changes."""
    found, findings = read_platform(platform_data(**changes), SCHEMA)
    assert (found is None) == bool(findings)
    return [str(finding) for finding in findings]


def documents(**files: str) -> list:
    """Parsed files by name (widget for widget.yml)."""
    found = []
    for name, text in files.items():
        document, problems = parse(f"zones/{name}.yml", textwrap.dedent(text).encode())
        assert problems == []
        found.append(document)
    return found


def zone_files(**files: str) -> dict[str, ZoneFile]:
    found, findings = read_zone_files(documents(**files), SCHEMA)
    assert [str(finding) for finding in findings] == []
    return found


def file_findings(**files: str) -> list[str]:
    """What is wrong with zone files by themselves."""
    return [str(finding) for finding in read_zone_files(documents(**files), SCHEMA)[1]]


def mail_domain(name: str) -> MailDomain:
    (document,) = documents(account=f"domain: {name}\n")
    document.file = f"accounts/{name}.yml"
    return MailDomain(f"{name}.", Source("mail domain", document, ("domain",)))


def built(*domains: str, keys=None, certificates=None, files=None, **changes: object) -> Built:
    """All zones of the platform (with changes), of mail domains and of zone files (name to text)."""
    sources = Sources(
        platform(**changes),
        zone_files(**(files or {})),
        [mail_domain(name) for name in domains],
        keys or {},
        certificates or {},
    )
    return build_zones(sources)


def zones(*domains: str, **options: object) -> dict[ZoneKey, Zone]:
    """The same, without findings."""
    result = built(*domains, **options)
    assert [str(finding) for finding in result.findings] == []
    return result.zones


def findings(*domains: str, **options: object) -> list[str]:
    return [f"{finding.severity}: {finding}" for finding in built(*domains, **options).findings]


def lines(zone: Zone) -> list[str]:
    """The records of a zone in short."""
    return [f"{found.name} {found.kind} {value}" for found in zone.sets.values() for value in found.values]


def at(found: dict[ZoneKey, Zone], view: str, name: str, kind: str) -> tuple[str, ...]:
    """The values of a record set, wherever it is in a view."""
    sets: list[RRset] = [
        item.sets[name, kind] for key, item in found.items() if key.view == view and (name, kind) in item.sets
    ]
    assert len(sets) < 2
    return sets[0].values if sets else ()


@functools.cache
def private_key(kind: str = "rsa", bits: int = 2048, number: int = 0):
    """A private key, made once for each number."""
    if kind == "rsa":
        return rsa.generate_private_key(65537, bits)
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())


def spki(key) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem(key) -> str:
    """The public half in PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@functools.cache
def certificate(number: int = 0) -> str:
    """A certificate in PEM for a key of its own."""
    key = private_key("ec", number=number)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.mailroom.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1 + number)
    from datetime import datetime

    builder = builder.not_valid_before(datetime(2026, 1, 1)).not_valid_after(datetime(2036, 1, 1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
