# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, SSH, journal and certificates of every host: what roles base and pki promise."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab"
PLAY = "playbooks/base.yml"
TLS = "/etc/mailroom/tls"
FQDN = {
    "ldap1": "ldap1.mailroom.example",
    "mail1": "mail1.mailroom.example",
    "mail2": "mail2.mailroom.example",
    "ns1": "ns1.mailroom.example",
    "ns2": "ns2.mailroom.example",
    "client": "client.mailroom.example",
    "outside": "mx.elsewhere.example",
}
# What differs by a letter, a label or a level must not pass for the real one.
NEAR_MISSES = ["mail3.mailroom.example", "ail.mailroom.example", "x.mail.mailroom.example", "mailroom.example"]
every_host = pytest.mark.parametrize("name", FQDN)


def extra(**variables):
    return "--extra-vars", json.dumps(variables)


def handshake(info, context, name):
    """Return the certificate that the IMAP service shows to a client that asks for `name`."""
    with (
        socket.create_connection(tuple(info["services"]["imap"]), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return secured.getpeercert()


def verify(host, name):
    """Whether the host's certificate is good for `name` by the host's own trust anchor."""
    return host.run(
        f"openssl verify -CAfile {TLS}/ca.crt -untrusted {TLS}/host.crt -verify_hostname %s {TLS}/host.crt", name
    )


def serial(host):
    return host.check_output(f"openssl x509 -in {TLS}/host.crt -noout -serial").partition("=")[2]


@every_host
def test_host_knows_its_name(hosts, name):
    assert hosts(name).check_output("hostname") == name
    assert hosts(name).check_output("hostname --fqdn") == FQDN[name]


@pytest.mark.parametrize(
    ("asker", "network", "service"),
    [("client", "lan", "10.80.1.10"), ("ldap1", "lan", "10.80.1.10"), ("outside", "wan", "198.51.100.10")],
)
def test_names_lead_to_the_addresses_of_the_askers_side(hosts, info, asker, network, service):
    def address(name):
        return {line.split()[0] for line in hosts(asker).check_output("getent ahostsv4 %s", name).splitlines()}

    assert address(info["name"]) == {service}
    assert address(FQDN["mail1"]) == {info["hosts"]["mail1"][network]}
    assert address(FQDN["outside"]) == {info["hosts"]["outside"]["wan"]}


def test_outside_does_not_know_inside(hosts):
    assert hosts("outside").run("getent hosts %s", FQDN["ldap1"]).rc == 2


@every_host
def test_ssh_takes_keys_only(info, hosts, name):
    addresses = info["hosts"][name]
    # The host key is known under the address by which Ansible comes in.
    address = addresses.get("lan") or next(iter(addresses.values()))
    done = subprocess.run(
        ["ssh", "-F", "none", "-o", f"UserKnownHostsFile={STATE}/ssh/known_hosts", "-o", "BatchMode=yes",
         "-o", "PubkeyAuthentication=no", f"root@{address}", "true"],
        text=True,
        capture_output=True,
        timeout=30,
    )  # fmt: skip
    assert done.returncode == 255
    # The methods in brackets are those that the server offers.
    assert "Permission denied (publickey)." in done.stderr
    assert hosts(name).check_output("id --user") == "0"


def test_bad_sshd_setting_is_refused_and_the_way_in_stays(playbook, hosts):
    drop_in = hosts("client").file("/etc/ssh/sshd_config.d/00-mailroom.conf")
    before = drop_in.content_string
    run = playbook(
        PLAY, "--limit", "client", "--tags", "base", *extra(base_ssh_extra_options={"NoSuchKeyword": "1"}), ok=False
    )
    assert "Bad configuration option: NoSuchKeyword" in run.output
    assert drop_in.content_string == before
    assert hosts("client").run("sshd -t").rc == 0


def test_locking_itself_out_is_refused(playbook):
    run = playbook(PLAY, "--limit", "client", "--tags", "base", *extra(base_ssh_permit_root_login="no"), ok=False)
    assert "or Ansible locks itself out" in " ".join(run.output.split())
    assert run.changed == 0


@every_host
def test_journal_limit_is_in_force(hosts, name):
    log = hosts(name).check_output("journalctl --unit systemd-journald --output cat")
    sizes = [line for line in log.splitlines() if line.startswith("System Journal (/var/log/journal/")]
    assert "max 200M" in sizes[-1]


@every_host
def test_no_updates_by_themselves_in_the_lab(hosts, name):
    settings = hosts(name).check_output("apt-config dump APT::Periodic::Unattended-Upgrade")
    assert settings == 'APT::Periodic::Unattended-Upgrade "0";'


@every_host
def test_certificate_is_for_the_host_and_no_other(hosts, info, name):
    assert verify(hosts(name), FQDN[name]).rc == 0
    for other in [*(set(FQDN.values()) - {FQDN[name]}), *NEAR_MISSES]:
        done = verify(hosts(name), other)
        assert done.rc != 0, other
        assert "hostname mismatch" in done.stderr
    assert (verify(hosts(name), info["name"]).rc == 0) == (name in info["pair"])


def test_client_checks_the_name(info, tls):
    for name in (info["name"], FQDN["mail1"]):
        assert handshake(info, tls, name)
    for name in NEAR_MISSES:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            handshake(info, tls, name)


def test_client_that_does_not_trust_the_ca_refuses(info):
    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|self-signed"):
        handshake(info, ssl.create_default_context(), info["name"])


@every_host
def test_private_key_is_for_root_and_one_group(hosts, name):
    key = hosts(name).file(f"{TLS}/host.key")
    assert (key.user, key.group, key.mode) == ("root", "ssl-cert", 0o640)
    assert hosts(name).run(f"setpriv --reuid nobody --clear-groups cat {TLS}/host.key").rc != 0
    assert hosts(name).run(f"setpriv --reuid nobody --clear-groups cat {TLS}/ca.crt").rc == 0


def test_keys_stay_where_they_are_made(hosts, info):
    """No host's key is on the controller, and the CA's key is on no host."""
    keys = {path.relative_to(STATE / "pki").as_posix() for path in (STATE / "pki").rglob("*") if path.is_file()}
    assert keys - {"ca.crt"} <= {f"{number}/ca.{kind}" for number in (1, 2) for kind in ("crt", "key")}
    assert (STATE / "pki/1/ca.key").stat().st_mode & 0o777 == 0o600
    publics = {hosts(name).check_output(f"openssl pkey -in {TLS}/host.key -pubout") for name in FQDN}
    assert len(publics) == len(FQDN)
    authority = subprocess.run(
        ["openssl", "pkey", "-in", str(STATE / "pki/1/ca.key"), "-pubout"], check=True, text=True, capture_output=True
    )
    assert authority.stdout.strip() not in publics


def test_certificate_near_its_end_is_renewed_once(playbook, hosts, info, tls, wait_for):
    mail1 = hosts("mail1")
    old, key = serial(mail1), mail1.file(f"{TLS}/host.key").sha256sum
    end = ssl.cert_time_to_seconds(
        mail1.check_output(f"openssl x509 -in {TLS}/host.crt -noout -enddate").partition("=")[2]
    )
    window = int((end - time.time()) / 86400) + 1
    days = extra(pki_validity_days=window + 1, pki_renew_before_days=window)
    due = ("--limit", "mail1", "--tags", "pki", *days)
    assert playbook(PLAY, *due).recap["mail1"]["changed"] > 0
    new = serial(mail1)
    assert new != old
    assert mail1.file(f"{TLS}/host.key").sha256sum == key
    # The services show it without being asked to.
    wait_for(lambda: handshake(info, tls, info["name"])["serialNumber"] == new, "IMAP with the new certificate")
    assert playbook(PLAY, *due).changed == 0
    assert playbook(PLAY, "--limit", "mail1", "--tags", "pki").changed == 0
    assert serial(mail1) == new


def test_name_is_added_and_removed(playbook, hosts):
    client, added = hosts("client"), "new.mailroom.example"
    more = ("--limit", "client", "--tags", "pki", *extra(pki_names=[FQDN["client"], added]))
    before = serial(client)
    checked = playbook(PLAY, "--check", *more)
    assert "instead of client.mailroom.example, new.mailroom.example" in " ".join(checked.output.split())
    assert checked.changed > 0
    assert serial(client) == before
    playbook(PLAY, *more)
    assert verify(client, added).rc == 0
    playbook(PLAY, "--limit", "client", "--tags", "pki")
    assert verify(client, added).rc != 0
    assert verify(client, FQDN["client"]).rc == 0


def test_key_is_rotated(playbook, hosts):
    key = hosts("client").file(f"{TLS}/host.key").sha256sum
    playbook(PLAY, "--limit", "client", "--tags", "pki", *extra(pki_rotate_key=True))
    assert hosts("client").file(f"{TLS}/host.key").sha256sum != key
    assert verify(hosts("client"), FQDN["client"]).rc == 0
    assert playbook(PLAY, "--limit", "client", "--tags", "pki").changed == 0


def test_ca_is_replaced_and_back(playbook, hosts, info):
    """Trust both, sign with the new one; then only the old one again. Hosts verify each other at both ends."""
    both = extra(pki_ca_id="2", pki_ca_trusted_ids=["1", "2"])
    try:
        playbook(PLAY, "--tags", "pki", *both)
        issuers = {hosts(name).check_output(f"openssl x509 -in {TLS}/host.crt -noout -issuer") for name in FQDN}
        assert len(issuers) == 1
        assert issuers.pop().endswith("internal CA 2")
        assert playbook(PLAY, "--tags", "pki", *both).changed == 0
        for name in FQDN:
            assert verify(hosts(name), FQDN[name]).rc == 0
        new = ssl.create_default_context(cafile=str(STATE / "pki/2/ca.crt"))
        assert handshake(info, new, info["name"])
    finally:
        playbook(PLAY, "--tags", "pki")
    for name in FQDN:
        assert verify(hosts(name), FQDN[name]).rc == 0
        assert hosts(name).check_output(f"grep --count BEGIN {TLS}/ca.crt") == "1"
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(info, new, info["name"])


def test_supplied_certificate_is_checked_before_any_change(playbook, hosts, tmp_path):
    """Another host's name, and a key that does not belong: both are named at once, and nothing has changed."""
    for name in ("one", "two"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.crt"), "-days", "2",
             "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:clien.mailroom.example"],
            check=True,
            capture_output=True,
        )  # fmt: skip
    before = serial(hosts("client")), hosts("client").file(f"{TLS}/host.key").sha256sum
    paths = {"pki_certificate_path": str(tmp_path / "one.crt"), "pki_private_key_path": str(tmp_path / "two.key")}
    run = playbook(
        PLAY, "--limit", "client", "--tags", "pki", "-vvv", "--diff", *extra(pki_provider="files", **paths), ok=False
    )
    said = " ".join(run.output.split())
    assert "the private key does not belong to the certificate of CN=one" in said
    assert "the name client.mailroom.example is not in the certificate, which is for clien.mailroom.example" in said
    assert run.changed == 0
    assert (serial(hosts("client")), hosts("client").file(f"{TLS}/host.key").sha256sum) == before
    # The key itself is nobody's to read in a log.
    assert (tmp_path / "two.key").read_text().splitlines()[1] not in run.output


def test_a_key_is_made_ready_and_then_taken(playbook, hosts):
    """So that DNS can name it first. Of what waits for nobody nothing is left."""
    client, only = hosts("client"), ("--limit", "client", "--tags", "pki")

    def public(name):
        return client.check_output(f"openssl pkey -in {TLS}/{name} -pubout | sha256sum")

    try:
        playbook(PLAY, *only, *extra(pki_next_key=True))
        used = client.file(f"{TLS}/host.key").sha256sum
        ready = public("next.key")
        assert client.check_output(f"sha256sum <{TLS}/next.pub") == ready
        assert client.file(f"{TLS}/next.key").mode == 0o600
        assert playbook(PLAY, *only, *extra(pki_next_key=True)).changed == 0
        assert client.file(f"{TLS}/host.key").sha256sum == used
        playbook(PLAY, *only, *extra(pki_next_key=True, pki_rotate_key=True))
        assert public("host.key") == ready
        assert client.check_output(f"sha256sum <{TLS}/next.pub") != ready
        assert verify(client, FQDN["client"]).rc == 0
    finally:
        playbook(PLAY, *only)
    assert not client.file(f"{TLS}/next.key").exists
    assert not client.file(f"{TLS}/next.pub").exists
