# SPDX-License-Identifier: GPL-3.0-or-later
"""What mail asks of DNS and of the web servers beside it: others find us, and insist on what we promise."""

from __future__ import annotations

import base64
import json
import re
import smtplib
import ssl
import subprocess
from email.utils import parseaddr

import pytest
import yaml
from conftest import ROOT, STATE
from cryptography.hazmat.primitives import serialization
from dnstools import INSIDE, OUTSIDE, Servers, Sources
from mailtools import token

MAIL = "mail.mailroom.example"
# cobalt.example has no MTA-STS, so DANE alone speaks for it.
BY_DANE, BY_MTA_STS = "postmaster@cobalt.example", "postmaster@widget.example"


@pytest.fixture(scope="module")
def servers(info):
    return Servers(info)


@pytest.fixture
def sources(playbook, tmp_path):
    made = Sources(playbook, tmp_path)
    yield made
    made.restore()
    made.run(allow_tlsa_breaks=[MAIL])


@pytest.fixture
def outside(hosts):
    """The mail server out there; what a test sets in it goes afterwards."""
    host = hosts("outside")
    host.check_output("cp -a /etc/postfix/main.cf /root/main.cf.before")
    yield host
    host.check_output("mv /root/main.cf.before /etc/postfix/main.cf && postfix reload && postsuper -d ALL")


def send(host, to):
    """Send from outside."""
    sender = "partner@elsewhere.example"
    text = f"From: {sender}\\nTo: {to}\\nSubject: {token('dns')}\\n\\nHello\\n"
    host.check_output(f"printf '{text}' | sendmail -f {sender} {to}")


def log(host, to):
    """The last line of the log about mail to an address."""
    lines = host.run(f"journalctl -u postfix -o cat --since -2min | grep -F 'to=<{to}>'").stdout.splitlines()
    return lines[-1] if lines else ""


# Records


def test_published_dkim_keys_are_those_of_the_private_ones(servers):
    found = 0
    for file in (STATE / "dkim").glob("*.yml"):
        for key in yaml.safe_load(file.read_text())["keys"]:
            private = STATE / "dkim" / file.stem / f"{key['selector']}.key"
            public = serialization.load_pem_private_key(private.read_bytes(), None).public_key()
            der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            text = servers.secondary[OUTSIDE].values(f"{key['selector']}._domainkey.{file.stem}", "TXT")[0]
            published = re.search(r"p=([A-Za-z0-9+/=]+)", text.replace('" "', "").strip('"'))
            assert base64.b64decode(published[1]) == der
            assert private.stat().st_mode & 0o077 == 0
            found += 1
    assert found >= 6


def test_tlsa_names_the_keys_of_both_nodes(servers, info, hosts):
    values = servers.primary[OUTSIDE].values(f"_25._tcp.{MAIL}", "TLSA")
    key = "openssl x509 -in /etc/mailroom/tls/host.crt -noout -pubkey"
    for host in info["pair"]:
        digest = hosts(host).check_output(f"{key} | openssl pkey -pubin -outform DER | sha256sum").split()[0]
        assert f"3 1 1 {digest}" in values


def test_mail_programs_find_their_servers(servers):
    for side in (INSIDE, OUTSIDE):
        server = servers.secondary[side]
        assert server.values("_imaps._tcp.widget.example", "SRV") == [f"0 1 993 {MAIL}."]
        assert server.values("_submissions._tcp.widget.example", "SRV") == [f"0 1 465 {MAIL}."]
        assert server.values("_imap._tcp.widget.example", "SRV") == ["0 0 0 ."]


# HTTPS


def https(host, name, path, address, extra=""):
    """Status and body of a page, asked for as a stranger does."""
    options = f"--cacert /etc/mailroom/tls/ca.crt --resolve {name}:443:{address} -w '\\n%{{http_code}}' {extra}"
    body, _line, status = host.run(f"curl -sS {options} https://{name}{path}").stdout.rpartition("\n")
    return int(status or 0), body


def test_policies_are_served_as_published(servers, hosts, info):
    for server in ("ns1", "ns2"):
        for domain in ("widget.example", "xn--bcher-kva.example"):
            status, text = https(
                hosts("outside"), f"mta-sts.{domain}", "/.well-known/mta-sts.txt", info["hosts"][server]["wan"]
            )
            assert status == 200
            assert text.replace("\r", "").splitlines()[:3] == ["version: STSv1", "mode: enforce", f"mx: {MAIL}"]
    assert servers.primary[OUTSIDE].values("_mta-sts.widget.example", "TXT")


@pytest.mark.parametrize("domain", ["cobalt.example", "nobody.example"])
def test_a_domain_without_a_policy_has_none(hosts, info, domain):
    address = info["hosts"]["ns1"]["wan"]
    status, _text = https(hosts("outside"), f"mta-sts.{domain}", "/.well-known/mta-sts.txt", address, "-k")
    assert status == 404


def test_mail_programs_are_told_their_settings(hosts, info):
    for host, network in (("client", "lan"), ("outside", "wan")):
        address = info["hosts"]["ns1"][network]
        status, text = https(hosts(host), "autoconfig.widget.example", "/mail/config-v1.1.xml", address)
        assert status == 200
        assert f"<hostname>{MAIL}</hostname>" in text
        # Outlook sends POST, and spells it as it likes.
        status, text = https(
            hosts(host), "autodiscover.widget.example", "/Autodiscover/Autodiscover.xml", address, "-d '<a/>'"
        )
        assert status == 200
        assert f"<Server>{MAIL}</Server>" in text


def test_nothing_else_is_served(hosts, info):
    address = info["hosts"]["ns1"]["wan"]
    for name, path in (
        ("web.mailroom.example", "/"),
        ("mta-sts.widget.example", "/"),
        ("autoconfig.widget.example", "/x"),
    ):
        assert https(hosts("outside"), name, path, address)[0] == 404


# Others send to us


@pytest.mark.parametrize("to", [BY_DANE, BY_MTA_STS])
def test_mail_finds_us_by_mx_over_verified_tls(outside, wait_for, to):
    send(outside, to)
    line = wait_for(lambda: re.search("status=sent.*", log(outside, to)) and log(outside, to), "mail is sent", 60)
    assert f"relay={MAIL}[" in line
    verified = outside.run("journalctl -u postfix -o cat --since -2min | grep -F 'Verified TLS connection'").stdout
    assert MAIL in verified


def test_dane_refuses_a_wrong_certificate(outside, sources, wait_for):
    wrong = {"TLSA": {"values": f"3 1 1 {'00' * 32}", "override": True}}
    data = yaml.safe_load((ROOT / "inventories/lab/zones/mailroom.example.yml").read_text())
    data.pop("zone")
    sources.zone("mailroom.example", **data, external={"_25._tcp.mail": wrong})
    sources.run(allow_tlsa_breaks=[MAIL])
    outside.run("unbound-control flush_zone . || systemctl restart unbound")
    send(outside, BY_DANE)
    wait_for(lambda: "not trusted" in log(outside, BY_DANE) or "not verified" in log(outside, BY_DANE), "a refusal", 60)
    assert "status=sent" not in log(outside, BY_DANE)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("smtp_tls_CAfile=/etc/ssl/certs/ca-certificates.crt", "certificate"),
        ("smtp_discard_ehlo_keywords=starttls", "TLS is required"),
    ],
    ids=["wrong certificate", "plain text"],
)
def test_mta_sts_refuses(outside, wait_for, setting, told):
    outside.run(f"postconf -e '{setting}' && postfix reload")
    send(outside, BY_MTA_STS)
    wait_for(lambda: "status=deferred" in log(outside, BY_MTA_STS), "a refusal", 60)
    assert told in log(outside, BY_MTA_STS)


def allowed(server, domain):
    """Addresses that a domain's SPF record lets send, for the mechanisms that ours has."""
    text = next(value for value in server.values(domain, "TXT") if "v=spf1" in value).strip('"')
    assert text.endswith("-all")
    names = []
    for word in text.split()[1:-1]:
        if word == "mx":
            names += [value.split()[1] for value in server.values(domain, "MX")]
        elif word.startswith("a:"):
            names.append(word[2:])
    return {address for name in names for kind in ("A", "AAAA") for address in server.values(name, kind)}


def test_our_mail_leaves_from_where_spf_allows(servers, info, tls, hosts, password, wait_for):
    sender, subject = "alice.liddell@widget.example", token("spf")
    with smtplib.SMTP_SSL(*info["services"]["submissions"], context=_unnamed(tls)) as smtp:
        smtp.login(sender, password(sender))
        smtp.sendmail(sender, ["partner@elsewhere.example"], f"From: {sender}\nSubject: {subject}\n\nHello\n")
    find = f"grep -rlF {subject} /srv/mail/partner | head -1 | xargs -r cat"
    text = wait_for(lambda: hosts("outside").run(find).stdout, "the mail arrives", 60)
    came = re.search(r"^Received: from (\S+) \([^\[]*\[(?:IPv6:)?([0-9a-f.:]+)\]\)", text, re.M)
    assert came[2] in allowed(servers.primary[OUTSIDE], "widget.example")
    # DMARC: SPF passed for the very domain of From.
    assert parseaddr(re.search("^Return-Path: (.*)$", text, re.M)[1])[1].endswith("@widget.example")


def _unnamed(tls):
    """The service is asked by address here; its name is looked at elsewhere."""
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


# A computer that moves


def test_the_same_settings_work_inside_and_outside(hosts, info):
    resolvers = {"client": info["hosts"]["ns1"]["lan"], "outside": "127.0.0.1"}
    met = {}
    for host, resolver in resolvers.items():
        address = hosts(host).check_output(f"dig +short @{resolver} {MAIL} A").split()[0]
        for port in (993, 465):
            command = f"openssl s_client -connect {address}:{port} -servername {MAIL} -verify_hostname {MAIL}"
            shown = hosts(host).run(f"{command} -verify_return_error -CAfile /etc/mailroom/tls/ca.crt </dev/null")
            assert "Verify return code: 0 (ok)" in shown.stdout
        met[host] = address
    assert met["client"] != met["outside"]


def test_records_for_another_provider(program_output):
    shown = program_output("dns", "records", "widget.example")
    assert f"widget.example. 3600 IN MX 10 {MAIL}." in shown
    assert " SOA " not in shown


@pytest.fixture
def program_output():
    """What bin/mailroom prints."""

    def run(*words):
        done = subprocess.run([ROOT / "bin/mailroom", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout

    return run


def test_records_as_data(program_output):
    data = json.loads(program_output("--json", "dns", "records", "widget.example"))
    assert {"MX", "SRV", "TXT"} <= {record["type"] for record in data["records"]}
