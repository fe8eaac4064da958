# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions over certificates: what may be put on a host, and what must be renewed."""

from __future__ import annotations

import datetime as dt
import importlib.util
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("mailroom_pki", ROOT / "filter_plugins/mailroom_pki.py")
assert SPEC is not None
assert SPEC.loader is not None
pki: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(pki)


@dataclass
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    private: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key(self) -> str:
        return self.encode_key(serialization.NoEncryption())

    def encode_key(self, encryption: serialization.KeySerializationEncryption) -> str:
        form = serialization.PrivateFormat.PKCS8
        return self.private.private_bytes(serialization.Encoding.PEM, form, encryption).decode()

    @property
    def fingerprint(self) -> str:
        public = self.private.public_key()
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(der)
        return digest.finalize().hex(":")


def make(
    subject: str,
    issuer: Pair | None = None,
    names: tuple[str, ...] = (),
    addresses: tuple[str, ...] = (),
    days: float = 90,
    start: float = -1,
    organization: str = "",
    common_name: bool = True,
) -> Pair:
    """A certificate that is good from `start` to `days` days from now."""
    private = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, subject)] if common_name else []
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    name = x509.Name(attributes)
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=start))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names or addresses:
        others = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        alternative = x509.SubjectAlternativeName([*(x509.DNSName(item) for item in names), *others])
        builder = builder.add_extension(alternative, critical=False)
    return Pair(builder.sign(issuer.private if issuer else private, hashes.SHA256()), private)


@pytest.fixture(scope="module")
def root() -> Pair:
    return make("Root")


@pytest.fixture(scope="module")
def middle(root: Pair) -> Pair:
    return make("Middle", root)


@pytest.fixture(scope="module")
def leaf(middle: Pair) -> Pair:
    return make("a.example", middle, ("a.example", "*.b.example"), ("192.0.2.1", "2001:db8::1"))


def test_good_certificate(root: Pair, middle: Pair, leaf: Pair) -> None:
    arguments = (["A.example", "x.b.example"], ["192.0.2.1", "2001:db8:0::1"])
    assert pki.pki_problems(leaf.pem, leaf.key, middle.pem, *arguments, root.pem) == []
    # The chain may follow the certificate, may include the root, and without an anchor must only be a chain.
    assert pki.pki_problems(leaf.pem + middle.pem, leaf.key, "", *arguments, root.pem) == []
    assert pki.pki_problems(leaf.pem, leaf.key, middle.pem + root.pem, *arguments, root.pem) == []
    assert pki.pki_problems(leaf.pem, leaf.key, "", *arguments) == []


@pytest.mark.parametrize("name", ["b.example", "x.y.b.example", "xa.example", "a.example.org", ".b.example2"])
def test_name_that_is_near_is_not_covered(leaf: Pair, name: str) -> None:
    (problem,) = pki.pki_problems(leaf.pem, leaf.key, "", [name])
    assert problem == (
        f"the name {name} is not in the certificate, which is for *.b.example, 192.0.2.1, 2001:db8::1, a.example"
    )


def test_address_that_is_not_covered(leaf: Pair) -> None:
    (problem,) = pki.pki_problems(leaf.pem, leaf.key, "", ["a.example"], ["192.0.2.2"])
    assert problem.startswith("the address 192.0.2.2 is not in the certificate")


def test_certificate_without_names() -> None:
    bare = make("bare.example")
    (problem,) = pki.pki_problems(bare.pem, bare.key, "", ["bare.example"])
    assert problem.endswith("which is for no name at all")


def test_key_of_another_certificate(root: Pair, leaf: Pair) -> None:
    assert pki.pki_problems(leaf.pem, root.key, "", ["a.example"]) == [
        "the private key does not belong to the certificate of CN=a.example"
    ]


def test_key_that_cannot_be_used(leaf: Pair) -> None:
    locked = leaf.encode_key(serialization.BestAvailableEncryption(b"secret"))
    (problem,) = pki.pki_problems(leaf.pem, locked, "", ["a.example"])
    assert problem.startswith("the private key is encrypted")
    (problem,) = pki.pki_problems(leaf.pem, "not a key", "", ["a.example"])
    assert problem.startswith("the private key could not be read")


def test_dates(root: Pair) -> None:
    old = make("old.example", root, ("old.example",), days=-0.5)
    (problem,) = pki.pki_problems(old.pem, old.key, "", ["old.example"])
    assert problem.startswith("the certificate of CN=old.example expired on ")
    early = make("early.example", root, ("early.example",), start=1)
    (problem,) = pki.pki_problems(early.pem, early.key, "", ["early.example"])
    assert problem.startswith("the certificate of CN=early.example is not valid before ")


def test_expired_intermediate(root: Pair) -> None:
    middle = make("Old middle", root, days=-0.5)
    leaf = make("a.example", middle, ("a.example",))
    (problem,) = pki.pki_problems(leaf.pem, leaf.key, middle.pem, ["a.example"], (), root.pem)
    assert problem.startswith("the certificate of CN=Old middle expired on ")


def test_chain(root: Pair, middle: Pair, leaf: Pair) -> None:
    (problem,) = pki.pki_problems(leaf.pem, leaf.key, "", ["a.example"], (), root.pem)
    assert problem == (
        "the chain ends at CN=a.example, issued by CN=Middle, which is not among the trusted CAs:"
        " is an intermediate certificate missing?"
    )
    (problem,) = pki.pki_problems(leaf.pem, leaf.key, root.pem + middle.pem, ["a.example"], (), root.pem)
    assert problem.startswith("the chain is broken: CN=a.example was not issued by CN=Root, which comes next")
    # The same name is not the same CA.
    impostor = make("Middle")
    (problem,) = pki.pki_problems(leaf.pem, leaf.key, impostor.pem, ["a.example"])
    assert problem.startswith("the chain is broken")


def test_what_is_no_certificate(leaf: Pair) -> None:
    with pytest.raises(AnsibleFilterError, match="the certificate: no certificate in PEM form"):
        pki.pki_problems("nothing", leaf.key, "", ["a.example"])
    with pytest.raises(AnsibleFilterError, match="the chain: no certificate in PEM form"):
        pki.pki_problems(leaf.pem, leaf.key, "nothing", ["a.example"])


def reasons(host: Pair, ca: Pair, **changes: Any) -> list[str]:
    wanted = {
        "names": ["h.example", "mail.example"],
        "addresses": ["192.0.2.1"],
        "key_fingerprint": host.fingerprint,
        "renew_before_days": 30,
        "organization": "Org",
    }
    return pki.pki_renewal_reasons(host.pem, ca.pem, **{**wanted, **changes})


@pytest.fixture(scope="module")
def host(root: Pair) -> Pair:
    return make("h.example", root, ("h.example", "mail.example"), ("192.0.2.1",), organization="Org")


def test_no_reason(host: Pair, root: Pair) -> None:
    assert reasons(host, root) == []
    # Neither order nor case makes another certificate; without a known key there is nothing to compare.
    assert reasons(host, root, names=["H.example", "MAIL.example"], key_fingerprint="") == []


def test_first_certificate_and_broken_one(root: Pair) -> None:
    assert pki.pki_renewal_reasons("", root.pem, ["h.example"]) == ["there is none yet"]
    (reason,) = pki.pki_renewal_reasons("half a file", root.pem, ["h.example"])
    assert reason.startswith("the host's certificate: no certificate in PEM form")


def test_dates_that_renew(host: Pair, root: Pair) -> None:
    (reason,) = reasons(host, root, renew_before_days=90)
    assert reason.startswith("it ends on ")
    assert reasons(host, root, renew_before_days=89) == []
    early = make("h.example", root, ("h.example", "mail.example"), ("192.0.2.1",), organization="Org", start=1)
    (reason,) = reasons(early, root)
    assert reason.startswith("it is not valid before ")


def test_changes_that_renew(host: Pair, root: Pair) -> None:
    assert reasons(host, make("Root")) == ["it was not issued by CN=Root"]
    assert reasons(host, root, names=["h.example"]) == [
        "it is for 192.0.2.1, h.example, mail.example instead of 192.0.2.1, h.example"
    ]
    assert reasons(host, root, addresses=["192.0.2.2"]) == [
        "it is for 192.0.2.1, h.example, mail.example instead of 192.0.2.2, h.example, mail.example"
    ]
    assert reasons(host, root, names=["mail.example", "h.example"]) == ["its subject is O=Org,CN=h.example"]
    assert reasons(host, root, organization="") == ["its subject is O=Org,CN=h.example"]
    assert reasons(host, root, key_fingerprint="00:11") == ["it belongs to another private key"]


def test_long_name_is_no_common_name(root: Pair) -> None:
    name = f"{'x' * 60}.example"
    made = make("", root, (name,), common_name=False)
    assert pki.pki_renewal_reasons(made.pem, root.pem, [name]) == []


def test_days_left(leaf: Pair) -> None:
    assert 89.9 < pki.pki_days_left(leaf.pem) < 90


RENEWAL = """version = 4.0.0
cert = /etc/letsencrypt/live/mailroom/cert.pem
[renewalparams]
authenticator = standalone
server = https://acme.example/dir
"""


def acme(pem: str, renewal: str = RENEWAL, **changes: Any) -> list[str]:
    wanted = {
        "names": ["h.example", "mail.example"],
        "key": "ECC secp256r1",
        "directory": "https://acme.example/dir",
        "challenge": "standalone",
    }
    found: list[str] = pki.pki_acme_reasons(pem, renewal, **{**wanted, **changes})
    return found


def test_acme_leaves_a_good_certificate_to_certbot(root: Pair) -> None:
    pem = make("h.example", root, ("h.example", "mail.example")).pem
    assert acme(pem) == []
    assert acme(pem, names=["MAIL.example", "h.example"]) == []
    assert acme(pem, RENEWAL.replace("standalone", "dns-rfc2136"), challenge="other") == []


def test_acme_asks_and_says_why(root: Pair) -> None:
    pem = make("h.example", root, ("h.example", "mail.example")).pem
    assert acme("") == ["there is none yet"]
    assert acme(pem, names=["h.example"]) == ["it is for h.example, mail.example instead of h.example"]
    assert acme(pem, key="ECC secp384r1") == ["its key is ECC secp256r1 instead of ECC secp384r1"]
    assert acme(pem, key="RSA 3072") == ["its key is ECC secp256r1 instead of RSA 3072"]
    assert acme(pem, directory="https://acme.example/di") == [
        "it came from https://acme.example/dir instead of https://acme.example/di"
    ]
    assert acme(pem, challenge="webroot") == ["it was got by standalone instead of webroot"]
    assert acme(pem, "", challenge="webroot") == [
        "it came from an unknown CA instead of https://acme.example/dir",
        "it was got by unknown means instead of webroot",
    ]


@pytest.mark.parametrize(("days", "asked"), [(24, False), (20, True), (-1, True)])
def test_acme_steps_in_where_the_timer_has_failed(root: Pair, days: int, asked: bool) -> None:
    said = acme(make("h.example", root, ("h.example", "mail.example"), start=days - 90, days=days).pem)
    assert len(said) == asked
    assert not asked or "and certbot's timer has not renewed it" in said[0]


def test_filters() -> None:
    assert set(pki.FilterModule().filters()) == {
        "pki_problems", "pki_renewal_reasons", "pki_acme_reasons", "pki_days_left",
    }  # fmt: skip
