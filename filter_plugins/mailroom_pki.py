# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a certificate, or why it must be renewed: decided on the controller before any change."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from ansible.errors import AnsibleFilterError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import NameOID
except ImportError as error:  # pragma: no cover - the project's environment has it
    raise AnsibleFilterError(f"the Python that runs Ansible needs the package cryptography: {error}") from error


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _day(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _label(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"


def _certificates(pem: str, what: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise AnsibleFilterError(f"{what}: no certificate in PEM form could be read ({error})") from error


def _names(certificate: x509.Certificate) -> tuple[set[str], set[str]]:
    """DNS names in lower case, and IP addresses."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set(), set()
    dns = {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    return dns, {str(address) for address in found.get_values_for_type(x509.IPAddress)}


def _covers(pattern: str, name: str) -> bool:
    """RFC 6125: a star stands for exactly the first label."""
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return pattern == name


def _spki(key: Any) -> bytes:
    der: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return der


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def pki_problems(
    certificate: str, key: str, chain: str, names: Iterable[str], addresses: Iterable[str] = (), trust: str = ""
) -> list[str]:
    """Return what is wrong with a certificate that somebody supplies: an empty list if it can be used.

    `trust` (PEM) is the anchor in which the chain must end; without it the chain must only be one.
    """
    problems = []
    leaf, *rest = _certificates(certificate, "the certificate")
    others = rest + (_certificates(chain, "the chain") if chain.strip() else [])
    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
        if _spki(private.public_key()) != _spki(leaf.public_key()):
            problems.append(f"the private key does not belong to the certificate of {_label(leaf)}")
    except TypeError:
        problems.append("the private key is encrypted, but daemons start unattended: remove the passphrase, vault it")
    except ValueError as error:
        problems.append(f"the private key could not be read ({str(error).partition('.')[0]})")

    dns, ips = _names(leaf)
    covered = ", ".join(sorted(dns | ips)) or "no name at all"
    problems += [
        f"the name {name} is not in the certificate, which is for {covered}"
        for name in names
        if not any(_covers(pattern, name.lower()) for pattern in dns)
    ]
    problems += [
        f"the address {address} is not in the certificate, which is for {covered}"
        for address in addresses
        if str(ipaddress.ip_address(address)) not in ips
    ]

    now = _now()
    for item in [leaf, *others]:
        if item.not_valid_after_utc <= now:
            problems.append(f"the certificate of {_label(item)} expired on {_day(item.not_valid_after_utc)}")
        elif item.not_valid_before_utc > now:
            problems.append(f"the certificate of {_label(item)} is not valid before {_day(item.not_valid_before_utc)}")

    issued = leaf
    for issuer in others:
        if not _issued_by(issued, issuer):
            problems.append(
                f"the chain is broken: {_label(issued)} was not issued by {_label(issuer)}, which comes next"
                " (order: the issuer of the certificate first, then its issuer)"
            )
            break
        issued = issuer
    else:
        anchors = _certificates(trust, "the trust anchor") if trust.strip() else []
        if anchors and issued not in anchors and not any(_issued_by(issued, anchor) for anchor in anchors):
            problems.append(
                f"the chain ends at {_label(issued)}, issued by {issued.issuer.rfc4514_string()},"
                " which is not among the trusted CAs: is an intermediate certificate missing?"
            )
    return problems


def pki_renewal_reasons(
    certificate: str,
    ca: str,
    names: Iterable[str],
    addresses: Iterable[str] = (),
    key_fingerprint: str = "",
    renew_before_days: float = 0,
    organization: str = "",
) -> list[str]:
    """Return why a host's certificate must be made anew by the internal CA: an empty list if it can stay.

    `key_fingerprint` is SHA-256 over the public key, bytes separated by colons, as community.crypto shows it.
    """
    if not certificate.strip():
        return ["there is none yet"]
    try:
        leaf = _certificates(certificate, "the host's certificate")[0]
    except AnsibleFilterError as error:
        return [str(error)]
    (issuer,) = _certificates(ca, "the CA")
    reasons = []
    now = _now()
    if leaf.not_valid_after_utc <= now + dt.timedelta(days=float(renew_before_days)):
        reasons.append(f"it ends on {_day(leaf.not_valid_after_utc)}")
    elif leaf.not_valid_before_utc > now:
        reasons.append(f"it is not valid before {_day(leaf.not_valid_before_utc)}")
    if not _issued_by(leaf, issuer):
        reasons.append(f"it was not issued by {_label(issuer)}")
    names = [name.lower() for name in names]
    wanted = (set(names), {str(ipaddress.ip_address(address)) for address in addresses})
    if _names(leaf) != wanted:
        before = ", ".join(sorted(set().union(*_names(leaf)))) or "nothing"
        reasons.append(f"it is for {before} instead of {', '.join(sorted(set().union(*wanted)))}")
    subject = {
        oid: [str(attribute.value) for attribute in leaf.subject.get_attributes_for_oid(oid)]
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    }
    common_name = names[:1] if len(names[0]) <= 64 else []
    if subject[NameOID.COMMON_NAME] != common_name or subject[NameOID.ORGANIZATION_NAME] != [organization] * bool(
        organization
    ):
        reasons.append(f"its subject is {leaf.subject.rfc4514_string()}")
    digest = hashes.Hash(hashes.SHA256())
    digest.update(_spki(leaf.public_key()))
    if key_fingerprint and digest.finalize().hex(":") != key_fingerprint:
        reasons.append("it belongs to another private key")
    return reasons


def _key_kind(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return f"ECC {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__


def pki_acme_reasons(
    certificate: str, renewal: str, names: Iterable[str], key: str, directory: str, challenge: str = "other"
) -> list[str]:
    """Return why certbot must ask for a certificate now: an empty list leaves it to certbot's timer.

    `renewal` is certbot's own file on how the certificate was got, and will be again. `key` is like "RSA 3072".
    """
    if not certificate.strip():
        return ["there is none yet"]
    leaf = _certificates(certificate, "certbot's certificate")[0]
    reasons = []
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if end - _now() < (end - start) / 4:
        # certbot renews with a third of the time left.
        reasons.append(f"it ends on {_day(end)}, and certbot's timer has not renewed it")
    dns, _ = _names(leaf)
    wanted = {name.lower() for name in names}
    if dns != wanted:
        reasons.append(f"it is for {', '.join(sorted(dns)) or 'nothing'} instead of {', '.join(sorted(wanted))}")
    if _key_kind(leaf) != key:
        reasons.append(f"its key is {_key_kind(leaf)} instead of {key}")
    settings = dict(re.findall(r"^(\w+) *= *(\S+)", renewal, re.MULTILINE))
    if settings.get("server") != directory:
        reasons.append(f"it came from {settings.get('server', 'an unknown CA')} instead of {directory}")
    if challenge != "other" and settings.get("authenticator") != challenge:
        reasons.append(f"it was got by {settings.get('authenticator', 'unknown means')} instead of {challenge}")
    return reasons


def pki_days_left(certificate: str) -> float:
    """Return the days until the first certificate of a PEM text ends; negative if it has."""
    leaf = _certificates(certificate, "the certificate")[0]
    return (leaf.not_valid_after_utc - _now()).total_seconds() / 86400


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        return {
            "pki_problems": pki_problems,
            "pki_renewal_reasons": pki_renewal_reasons,
            "pki_acme_reasons": pki_acme_reasons,
            "pki_days_left": pki_days_left,
        }
