# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates by ACME: the role with certbot on a lab host, and Pebble, a CA made for tests, beside it.

The host is `outside`: its Postfix reads the certificate, and no other host relies on it. Pebble is there too, as the
lab's networks do not reach each other.
"""

from __future__ import annotations

import json
import smtplib
import ssl
from types import SimpleNamespace

import pytest

PLAY = "playbooks/base.yml"
TLS = "/etc/mailroom/tls"
NAME = "mx.elsewhere.example"
# This one resolves, to a host where nobody answers for us.
NOT_OURS = "mail.mailroom.example"
DEPLOY = "/usr/local/sbin/mailroom-acme-deploy"
TRUSTED = "/usr/local/share/ca-certificates/pebble.crt"
FIRST, SECOND = 14000, 14001


def issued(host, root: str, name: str = NAME) -> bool:
    # Nothing but this root counts: the host's own store holds the CA of the lab for the time of these tests.
    trust = f"-no-CApath -no-CAstore -CAfile {root} -untrusted {TLS}/host.crt"
    return host.run(f"openssl verify {trust} -verify_hostname {name} {TLS}/host.crt").rc == 0


class Ca:
    """A Pebble on `port`: a CA of its own with a new root. `curve` is for the keys that it shall certify."""

    def __init__(self, host, port: int, curve: str, wait_for) -> None:
        self.host, self.curve = host, curve
        self.unit, self.root = f"pebble-{port}", f"/run/pebble/root-{port}.pem"
        self.directory = f"https://{NAME}:{port}/dir"
        config = {
            "listenAddress": f"0.0.0.0:{port}",
            "managementListenAddress": f"0.0.0.0:{port + 1000}",
            "certificate": "/run/pebble/host.crt",
            "privateKey": "/run/pebble/host.key",
            "httpPort": 80,
            "tlsPort": 443,
        }
        host.check_output(f"echo %s > /run/pebble/{port}.json", json.dumps({"pebble": config}))
        # No pauses, and no refusals by chance, which Pebble has for authors of clients.
        host.check_output(
            f"systemd-run --quiet --collect --unit {self.unit} --setenv PEBBLE_VA_NOSLEEP=1"
            f" --setenv PEBBLE_WFE_NONCEREJECT=0 pebble -config /run/pebble/{port}.json"
        )
        fetch = f"curl --silent --fail --output {self.root} https://{NAME}:{port + 1000}/roots/0"
        wait_for(lambda: host.run(fetch).rc == 0, f"the root of {self.unit}")

    def stop(self) -> None:
        self.host.run(f"systemctl stop {self.unit}")

    def issued(self, name: str = NAME) -> bool:
        """Whether the certificate that daemons read is this CA's, for `name`."""
        return issued(self.host, self.root, name)


def state(host) -> dict[str, str]:
    """What daemons read."""
    return {name: host.file(f"{TLS}/{name}").sha256sum for name in ("ca.crt", "host.crt", "host.key")}


def key_is_right(host) -> bool:
    key = host.file(f"{TLS}/host.key")
    belongs = host.check_output(f"openssl pkey -in {TLS}/host.key -pubout") == host.check_output(
        f"openssl x509 -in {TLS}/host.crt -noout -pubkey"
    )
    return (key.user, key.group, key.mode, belongs) == ("root", "ssl-cert", 0o640, True)


def words(run) -> str:
    return " ".join(run.output.split())


@pytest.fixture(scope="module")
def outside(hosts):
    """The host, which trusts for this while the CA behind Pebble's own HTTPS, as one adds a CA of one's firm."""
    host = hosts("outside")
    host.check_output(
        f"install -d -m 0700 /run/pebble && cp {TLS}/host.crt {TLS}/host.key /run/pebble/"
        f" && cp {TLS}/ca.crt {TRUSTED} && update-ca-certificates"
    )
    yield host
    host.check_output(f"rm -rf /run/pebble /etc/letsencrypt/accounts {TRUSTED} && update-ca-certificates")


@pytest.fixture(scope="module")
def run(playbook):
    """`run(ca, names=[...])`: the role on the host, with certificates from that CA; without a CA as the lab has it."""

    def go(ca=None, *arguments, names=(NAME,), ok=True):
        chosen = {"pki_names": list(names)}
        if ca:
            chosen |= {"pki_provider": "acme", "pki_acme_directory": ca.directory, "pki_acme_agree_tos": True}
            chosen |= {"pki_key_curve": ca.curve}
        return playbook(PLAY, "--limit", "outside", "--tags", "pki", "-e", json.dumps(chosen), *arguments, ok=ok)

    return go


@pytest.fixture(scope="module")
def first(outside, run, wait_for):
    """A refusal while the host still has its certificate of the internal CA, then the first certificate by ACME."""
    ca = Ca(outside, FIRST, "secp256r1", wait_for)
    before = state(outside)
    try:
        refused = run(ca, names=[NAME, NOT_OURS], ok=False)
        kept = state(outside) == before
        yield SimpleNamespace(ca=ca, refused=refused, kept=kept, made=run(ca))
    finally:
        ca.stop()
        if outside.file(DEPLOY).exists:
            run()


@pytest.fixture(scope="module")
def second(outside, wait_for):
    """Another CA."""
    ca = Ca(outside, SECOND, "secp384r1", wait_for)
    yield ca
    ca.stop()


@pytest.fixture
def shown(info):
    """`shown()` is the certificate (DER) with which the host's Postfix answers."""

    def ask() -> bytes:
        context = ssl._create_unverified_context()  # noqa: S323 - which one it is, the test finds out
        with smtplib.SMTP(info["hosts"]["outside"]["wan"], timeout=10) as smtp:
            smtp.starttls(context=context)
            return smtp.sock.getpeercert(binary_form=True)

    return ask


def in_place(host) -> bytes:
    return ssl.PEM_cert_to_DER_cert(host.check_output(f"openssl x509 -in {TLS}/host.crt"))


def test_refused_name_is_told_and_the_old_certificate_stays(first):
    said = words(first.refused)
    assert "what it had stays in use" in said
    assert f"outside got no certificate for {NAME}, {NOT_OURS} from {first.ca.directory}" in said
    assert f"Domain: {NOT_OURS} Type: connection" in said
    assert f"Domain: {NAME} " not in said
    assert first.kept


def test_certificate_lies_where_daemons_look(first, outside, shown, wait_for):
    assert first.made.changed > 0
    assert first.ca.issued()
    assert not first.ca.issued("x.elsewhere.example")
    assert key_is_right(outside)
    wait_for(lambda: shown() == in_place(outside), "Postfix with the certificate by ACME")


def test_check_run_foresees_a_new_name_and_asks_nobody(first, outside, run):
    before = outside.file("/var/log/letsencrypt/letsencrypt.log").sha256sum
    foreseen = run(first.ca, "--check", names=[NAME, NOT_OURS])
    assert f"it is for {NAME} instead of {NOT_OURS}, {NAME}" in words(foreseen)
    assert foreseen.changed > 0
    assert outside.file("/var/log/letsencrypt/letsencrypt.log").sha256sum == before


def test_renewal_by_certbot_reaches_the_services(first, outside, shown, run, wait_for):
    """What the timer does, but now: Ansible has no part in it."""
    assert outside.service("certbot.timer").is_enabled
    assert outside.service("certbot.timer").is_running
    old, reloads = shown(), "journalctl --unit postfix --grep 'reload -- version' --output cat | wc --lines"
    before = int(outside.check_output(reloads))
    outside.check_output("certbot renew --cert-name mailroom --force-renewal --no-random-sleep-on-renew")
    assert in_place(outside) != old
    assert first.ca.issued()
    assert key_is_right(outside)
    wait_for(lambda: shown() == in_place(outside), "Postfix with the renewed certificate")
    assert int(outside.check_output(reloads)) == before + 1
    assert run(first.ca).changed == 0


def test_another_ca_and_curve_give_a_new_certificate(first, second, outside, run):
    moved = run(second)
    assert "its key is ECC secp256r1 instead of ECC secp384r1" in words(moved)
    assert "ASN1 OID: secp384r1" in outside.check_output(f"openssl pkey -in {TLS}/host.key -noout -text")
    assert f"it came from {first.ca.directory} instead of {second.directory}" in words(moved)
    assert second.issued()
    assert not first.ca.issued()


def test_run_does_not_need_the_ca_while_nothing_is_due(second, outside, run):
    before = state(outside)
    second.stop()
    # The move to this CA is done and nothing is due, so nobody is asked.
    assert run(second).changed == 0
    assert state(outside) == before


def test_way_back_leaves_nothing_that_acts(second, outside, shown, run, wait_for):
    assert run().changed > 0
    assert issued(outside, f"{TLS}/ca.crt")
    assert key_is_right(outside)
    wait_for(lambda: shown() == in_place(outside), "Postfix with the internal CA's certificate")
    assert not outside.service("certbot.timer").is_enabled
    assert not outside.service("certbot.timer").is_running
    assert not outside.file(DEPLOY).exists
    assert "No certificates found" in outside.check_output("certbot certificates")
    assert run().changed == 0
