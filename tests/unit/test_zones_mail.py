# SPDX-License-Identifier: GPL-3.0-or-later
"""What mail domains publish, part by part."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from datetime import date, timedelta

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from mailroom.zones import der, discovery, mta_sts
from mailroom.zones.dkim import ACTIVE, PUBLISHED, RETIRED, Key, keys_of, record
from mailroom.zones.dkim_steps import (
    PUBLISH,
    REMOVE,
    SWITCH,
    Pace,
    Step,
    advance,
    due,
    new_selector,
    next_step,
    signing,
)
from mailroom.zones.mail import MailPublisher, effective
from mailroom.zones.reports import dmarc, must_accept, report_domains, tls_reports
from mailroom.zones.spf import spf
from mailroom.zones.tlsa import digest, tlsa_claims
from zonetools import (
    MAIL,
    TODAY,
    at,
    built,
    certificate,
    findings,
    mail_domain,
    pem,
    platform,
    private_key,
    spki,
    zones,
)

STS = {"mode": "enforce", "max_age": 604800, "host": "web.mailroom.example"}
HOSTS = [
    {"name": name, "inside": [f"10.80.1.{n}"], "outside": [f"198.51.100.{n}"]}
    for n, name in enumerate(("ns1", "ns2", "web"), 31)
]


def refused(message: str):
    return pytest.raises(ValueError, match=f"^{re.escape(message)}$")


# SPF


def test_spf():
    assert spf(["mx"]) == "v=spf1 mx -all"
    assert spf([], "neutral") == "v=spf1 ?all"
    senders = [
        "MX",
        "a:Mail.example",
        "?include:%{d}.spf.example",
        "ip4:192.0.2.1/32",
        "IP6:2001:DB8::/32",
        "a/24//64",
        "~exists:x.example",
    ]
    assert spf(senders, "softfail") == (
        "v=spf1 mx a:Mail.example ?include:%{d}.spf.example ip4:192.0.2.1 ip6:2001:db8::/32 a/24//64"
        " ~exists:x.example ~all"
    )
    assert spf(["mx"] * 10).count("mx") == 10


@pytest.mark.parametrize(
    ("senders", "message"),
    [
        (["mx"] * 11, "11 mechanisms that ask DNS, at most 10 are possible (RFC 7208, 4.6.4)"),
        (["-all"], "'-all': `others` says what all others get"),
        (["ptr"], "'ptr' is slow and unreliable, and must not be used (RFC 7208, 5.5)"),
        (["include"], "'include' is not a mechanism such as mx, a:host, ip4:network, ip6:network or include:domain"),
        (
            ["192.0.2.1"],
            "'192.0.2.1' is not a mechanism such as mx, a:host, ip4:network, ip6:network or include:domain",
        ),
        (
            ["redirect=x.example"],
            "'redirect=x.example' is not a mechanism such as mx, a:host, ip4:network, ip6:network or include:domain",
        ),
        (["include:a..b"], "a name has no empty part"),
        (["ip4:192.0.2.1/24"], "'ip4:192.0.2.1/24': 192.0.2.1/24 has host bits set"),
        (["ip6:192.0.2.1"], "'ip6:192.0.2.1': At least 3 parts expected in '192.0.2.1'"),
    ],
)
def test_spf_that_is_refused(senders, message):
    with refused(message):
        spf(senders)


# DMARC, TLS reports


def test_dmarc():
    assert dmarc({"policy": "none"}) == "v=DMARC1; p=none"
    settings = {
        "policy": "reject",
        "subdomains": "quarantine",
        "strict": True,
        "reports": ["dmarc@mailroom.example", "a!b,c@else.example"],
        "failure_reports": ["x+y@mailroom.example"],
    }
    assert dmarc(settings) == (
        "v=DMARC1; p=reject; sp=quarantine; adkim=s; aspf=s;"
        " rua=mailto:dmarc@mailroom.example,mailto:a%21b%2Cc@else.example; ruf=mailto:x+y@mailroom.example; fo=1"
    )
    assert report_domains(settings) == ("else.example.", "mailroom.example.")
    with refused("policy is missing: none, quarantine or reject"):
        dmarc({})
    assert tls_reports(["a@b.example"]) == "v=TLSRPTv1; rua=mailto:a@b.example"


def test_only_other_organisations_must_accept_reports():
    assert must_accept("widget.example.", "mailroom.example.")
    assert must_accept("awidget.example.", "widget.example.")
    assert not must_accept("widget.example.", "reports.widget.example.")
    assert not must_accept("sales.widget.example.", "widget.example.")


# MTA-STS


def test_mta_sts():
    text = mta_sts.policy("enforce", ["mail.mailroom.example.", "mx2.mailroom.example."], 604800)
    assert text == (
        "version: STSv1\r\nmode: enforce\r\nmx: mail.mailroom.example\r\nmx: mx2.mailroom.example\r\nmax_age:"
        " 604800\r\n"
    )
    assert mta_sts.record(text) == f"v=STSv1; id={hashlib.sha256(text.encode()).hexdigest()[:32]}"
    assert mta_sts.record(text) != mta_sts.record(text.replace("604800", "604801"))
    assert mta_sts.policy("none", [], 1) == "version: STSv1\r\nmode: none\r\nmax_age: 1\r\n"
    with refused("max_age is 31557601, at most 31557600 is possible (RFC 8461, 3.2)"):
        mta_sts.policy("enforce", ["a."], 31557601)
    with refused("mode testing needs mx: the policy names the hosts that take mail"):
        mta_sts.policy("testing", [], 1)


# services


def test_services():
    given = {
        "imaps": {"host": "mail.mailroom.example"},
        "submission": {"host": "m.example", "port": 1587, "priority": 5},
        "imap": False,
    }
    assert list(discovery.service_records(given)) == [
        ("_imaps._tcp", "0 1 993 mail.mailroom.example."),
        ("_submission._tcp", "5 1 1587 m.example."),
        ("_imap._tcp", "0 0 0 ."),
    ]
    with refused("imap has no host"):
        list(discovery.service_records({"imap": True}))
    with refused("imap: port and priority are at most 65535"):
        list(discovery.service_records({"imap": {"host": "a.example", "port": 65536}}))


# certificates and keys


def test_a_tlsa_record_names_the_key_of_a_certificate():
    key = x509.load_pem_x509_certificate(certificate(0).encode()).public_key()
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    expected = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    assert digest(certificate(0)) == f"3 1 1 {expected}"
    # Of a chain it is the first that counts.
    assert digest(certificate(0) + certificate(1)) == digest(certificate(0))
    assert digest(pem(private_key("ec"))) == digest(base64.b64encode(spki(private_key("ec"))).decode())


def test_tlsa_records_of_the_key_in_use_and_the_next():
    found = list(tlsa_claims("mail.mailroom.example", [certificate(0), certificate(1), certificate(0)], 300))
    assert [(claim.view, claim.name, claim.ttl) for claim in found] == [
        ("internal", "_25._tcp.mail.mailroom.example.", 300),
        ("external", "_25._tcp.mail.mailroom.example.", 300),
    ]
    assert found[0].values == tuple(sorted([digest(certificate(0)), digest(certificate(1))]))
    assert list(tlsa_claims("mail.mailroom.example", [])) == []


def test_public_keys():
    key = private_key("rsa", 2048)
    assert der.kind_and_size(der.public_key(pem(key))) == ("rsa", 2048)
    ed = private_key("ed25519")
    assert der.kind_and_size(der.public_key(pem(ed))) == ("ed25519", 256)
    raw = ed.public_key().public_bytes_raw()
    assert der.public_key(base64.b64encode(raw).decode()) == spki(ed)
    assert der.raw_ed25519(spki(ed)) == raw
    assert der.kind_and_size(spki(private_key("ec"))) == ("other", 0)


@pytest.mark.parametrize(
    "text", ["", "?", "YWJj", "MIIB", base64.b64encode(b"\x30\x82").decode(), "AAAA", "MAMwAQ==", "MAIwBQ=="]
)
def test_what_is_no_key(text):
    with refused("not a certificate or public key in PEM or base64"):
        der.public_key(text)


def test_a_broken_certificate_is_no_key():
    with refused("not a certificate or public key in PEM or base64"):
        der.public_key("-----BEGIN CERTIFICATE-----\nMAIwAA==\n-----END CERTIFICATE-----\n")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_key_or_refused(content):
    text = base64.b64encode(content).decode()
    with contextlib.suppress(ValueError):
        assert der.public_key(text).endswith(content)


# DKIM


def test_dkim_records():
    rsa = private_key("rsa", 2048)
    assert record(Key("m1", pem(rsa))) == f"v=DKIM1; k=rsa; p={base64.b64encode(spki(rsa)).decode()}"
    ed = private_key("ed25519")
    assert record(Key("m1", pem(ed))) == f"v=DKIM1; k=ed25519; p={base64.b64encode(spki(ed)[-32:]).decode()}"


def test_dkim_keys_that_are_refused():
    with refused("selector m1: not a certificate or public key in PEM or base64"):
        record(Key("m1", "?"))
    with refused("selector m1: DKIM knows RSA and Ed25519 keys"):
        record(Key("m1", pem(private_key("ec"))))
    modulus = "00" + "ff" * 64
    small = bytes.fromhex(f"305c300d06092a864886f70d0101010500034b0030480241{modulus}0203010001")
    with refused("selector m1: an RSA key of 512 bits, at least 1024 are needed"):
        record(Key("m1", base64.b64encode(small).decode()))


def test_keys_as_data():
    assert keys_of([{"selector": "m1", "public": "x"}]) == (Key("m1", "x", ACTIVE, date.min),)
    given = {"selector": "m2", "public": "x", "state": "published", "since": "2026-11-21"}
    assert keys_of([given]) == (Key("m2", "x", PUBLISHED, TODAY),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": 1}, "unknown fields: key"),
        ({"selector": "M 1"}, "'M 1' is not a selector: lower-case letters, digits and -"),
        ({"selector": ""}, "'' is not a selector: lower-case letters, digits and -"),
        ({"state": "old"}, "m1: 'old' is not one of published, active, retired"),
        ({"since": "today"}, "m1: 'today' is not a date (YYYY-MM-DD)"),
    ],
)
def test_keys_as_data_that_are_refused(changes, message):
    with refused(message):
        keys_of([{"selector": "m1", "public": "x", **changes}])


def test_a_selector_is_there_once():
    with refused("selector m1 is there twice"):
        keys_of([{"selector": "m1"}, {"selector": "m1"}])


def test_the_life_of_a_key_in_steps():
    pace = Pace(wait=2, use=100, keep=7)
    day, keys, selectors, log = TODAY, (), set(), []
    for _day in range(130):
        step = due(keys, day, pace)
        while step:
            new = Key(new_selector(day, selectors), "x") if step.action == PUBLISH else None
            keys = advance(keys, step, day, new)
            selectors |= {key.selector for key in keys}
            log.append((step.action, (day - TODAY).days, {key.selector: key.state for key in keys}))
            step = due(keys, day, pace)
        assert len(keys) <= 2
        day += timedelta(days=1)
    first, second = "m20261121", "m20270303"
    assert log == [
        (PUBLISH, 0, {first: PUBLISHED}),
        (SWITCH, 2, {first: ACTIVE}),
        (PUBLISH, 102, {first: ACTIVE, second: PUBLISHED}),
        (SWITCH, 104, {first: RETIRED, second: ACTIVE}),
        (REMOVE, 111, {second: ACTIVE}),
    ]
    assert signing(keys) == keys[0]
    assert signing(()) is None


def test_steps_before_their_day():
    active = Key("a", "x", ACTIVE, TODAY)
    assert next_step([active], TODAY) == Step(PUBLISH, "", TODAY + timedelta(days=180))
    assert due([active], TODAY) is None
    assert due([active], TODAY, now=True) == Step(PUBLISH, "", TODAY)
    assert next_step([active], TODAY, Pace(use=0)) is None
    assert due([active], TODAY, Pace(use=0)) is None
    # One thing after the other: a wish does not shorten the wait.
    both = [active, Key("b", "x", PUBLISHED, TODAY)]
    assert due(both, TODAY + timedelta(days=1), now=True) is None
    assert due(both, TODAY + timedelta(days=2)) == Step(SWITCH, "b", TODAY + timedelta(days=2))


def test_steps_that_do_not_fit():
    with refused("2 keys are active (a, b), at most one can be"):
        next_step([Key("a", "x"), Key("b", "x")], TODAY)
    with refused("a new key with a selector of its own is needed"):
        advance([Key("a", "x")], Step(PUBLISH, "", TODAY), TODAY, Key("a", "y"))
    with refused("a new key with a selector of its own is needed"):
        advance([], Step(PUBLISH, "", TODAY), TODAY)
    with refused("there is no selector b"):
        advance([Key("a", "x")], Step(SWITCH, "b", TODAY), TODAY)


def test_a_selector_is_never_used_again():
    assert new_selector(TODAY, ()) == "m20261121"
    assert new_selector(TODAY, {"m20261121", "m20261121-2"}) == "m20261121-3"


# all of a domain


def test_settings_of_a_domain_over_those_of_the_platform():
    base = {"spf": {"senders": ["mx"], "others": "fail"}, "autoconfig": False, "dmarc": {"policy": "none"}}
    over = {"spf": {"others": "softfail"}, "autoconfig": "a.example", "dmarc": False, "tls_reports": True}
    assert effective(base, over) == {
        "spf": {"senders": ["mx"], "others": "softfail"},
        "autoconfig": "a.example",
        "dmarc": False,
        "tls_reports": True,
    }
    assert effective(base, {"spf": True, "autoconfig": {"x": 1}}) == {**base, "autoconfig": {"x": 1}}


FULL = {
    **MAIL,
    "mx": [{"host": "mail.mailroom.example", "preference": 10}, {"host": "mx2.elsewhere.example", "preference": 20}],
    "ttl": 900,
    "mta_sts": STS,
    "tls_reports": ["tls@mailroom.example"],
    "services": {"imaps": {"host": "mail.mailroom.example"}, "pop3": False},
    "autoconfig": "web.mailroom.example",
}


def test_a_mail_domain_publishes_everything_on_both_sides():
    key = private_key("ed25519")
    found = zones("widget.example", mail=FULL, hosts=HOSTS, keys={"Widget.Example": [Key("m1", pem(key))]})
    for view in ("internal", "external"):
        zone = found[(view, "widget.example.")]
        shown = [f"{item.name} {item.ttl} {item.kind} {value}" for item in zone.sets.values() for value in item.values]
        policy = built("widget.example", mail=FULL, hosts=HOSTS).policies["widget.example"]
        assert shown == [
            "widget.example. 3600 SOA ns1.mailroom.example. host\\.master.mailroom.example. 3600 600 1209600 300",
            "widget.example. 3600 NS ns1.mailroom.example.",
            "widget.example. 3600 NS ns2.mailroom.example.",
            "widget.example. 900 MX 10 mail.mailroom.example.",
            "widget.example. 900 MX 20 mx2.elsewhere.example.",
            'widget.example. 900 TXT "v=spf1 mx -all"',
            '_dmarc.widget.example. 900 TXT "v=DMARC1; p=quarantine"',
            f'm1._domainkey.widget.example. 900 TXT "{record(Key("m1", pem(key)))}"',
            f'_mta-sts.widget.example. 900 TXT "{mta_sts.record(policy)}"',
            "_autodiscover._tcp.widget.example. 900 SRV 0 0 443 web.mailroom.example.",
            "_imaps._tcp.widget.example. 900 SRV 0 1 993 mail.mailroom.example.",
            "_pop3._tcp.widget.example. 900 SRV 0 0 0 .",
            '_smtp._tls.widget.example. 900 TXT "v=TLSRPTv1; rua=mailto:tls@mailroom.example"',
            "autoconfig.widget.example. 900 CNAME web.mailroom.example.",
            "autodiscover.widget.example. 900 CNAME web.mailroom.example.",
            "mta-sts.widget.example. 900 CNAME web.mailroom.example.",
        ]
        assert "mx: mx2.elsewhere.example\r\n" in policy


def test_a_domain_that_has_no_mail_says_so():
    files = {"parked": "zone: parked.example\nmail: none\n"}
    mail = {**FULL, "dmarc": {"policy": "none", "reports": ["dmarc@mailroom.example"]}}
    found = zones(files=files, mail=mail, hosts=HOSTS)
    assert at(found, "external", "parked.example.", "MX") == ("0 .",)
    assert at(found, "external", "parked.example.", "TXT") == ('"v=spf1 -all"',)
    assert at(found, "external", "_dmarc.parked.example.", "TXT") == (
        '"v=DMARC1; p=reject; rua=mailto:dmarc@mailroom.example"',
    )
    assert {kind for _name, kind in found[("external", "parked.example.")].sets} == {"SOA", "NS", "MX", "TXT"}


def test_a_domain_that_only_sends_and_one_that_only_receives():
    files = {
        "sends": "zone: sends.example\nmail: {receives: false}\n",
        "receives": "zone: receives.example\nmail: {sends: false, dmarc: false}\n",
    }
    found = zones("sends.example", "receives.example", files=files, mail=FULL, hosts=HOSTS)
    assert at(found, "external", "sends.example.", "MX") == ("0 .",)
    assert at(found, "external", "sends.example.", "TXT") == ('"v=spf1 mx -all"',)
    assert at(found, "external", "_mta-sts.sends.example.", "TXT") == ()
    assert at(found, "external", "_imaps._tcp.sends.example.", "SRV") != ()
    assert len(at(found, "external", "receives.example.", "MX")) == 2
    assert at(found, "external", "receives.example.", "TXT") == ('"v=spf1 -all"',)
    assert at(found, "external", "_dmarc.receives.example.", "TXT") == ('"v=DMARC1; p=reject"',)


def test_each_part_can_be_different_in_a_domain_or_left_out():
    files = {
        "widget": """\
        zone: widget.example
        mail:
          ttl: 60
          mx: [{host: mx.elsewhere.example, preference: 5}]
          spf: {senders: ["include:_spf.elsewhere.example"], others: softfail}
          dmarc: {policy: reject}
          mta_sts: {mode: testing}
          tls_reports: false
          services: {imaps: false}
          autoconfig: false
        """
    }
    found = zones("widget.example", "gadget.example", files=files, mail=FULL, hosts=HOSTS)
    assert at(found, "external", "widget.example.", "MX") == ("5 mx.elsewhere.example.",)
    assert at(found, "external", "widget.example.", "TXT") == ('"v=spf1 include:_spf.elsewhere.example ~all"',)
    assert at(found, "external", "_dmarc.widget.example.", "TXT") == ('"v=DMARC1; p=reject"',)
    assert at(found, "external", "_smtp._tls.widget.example.", "TXT") == ()
    assert at(found, "external", "_imaps._tcp.widget.example.", "SRV") == ("0 0 0 .",)
    assert at(found, "external", "autoconfig.widget.example.", "CNAME") == ()
    assert at(found, "external", "_dmarc.gadget.example.", "TXT") == ('"v=DMARC1; p=quarantine"',)
    result = built("widget.example", "gadget.example", files=files, mail=FULL, hosts=HOSTS)
    assert "mode: testing\r\nmx: mx.elsewhere.example\r\n" in result.policies["widget.example"]
    assert "mode: enforce\r\nmx: mail.mailroom.example\r\n" in result.policies["gadget.example"]


def test_reports_on_other_domains_are_accepted_where_they_go():
    mail = {**MAIL, "dmarc": {"policy": "none", "reports": ["dmarc@mailroom.example", "x@elsewhere.example"]}}
    found = zones("widget.example", "sales.mailroom.example", mail=mail)
    assert at(found, "external", "widget.example._report._dmarc.mailroom.example.", "TXT") == ('"v=DMARC1"',)
    assert at(found, "external", "sales.mailroom.example._report._dmarc.mailroom.example.", "TXT") == ()
    assert not any("elsewhere" in name for item in found.values() for name, _kind in item.sets)


def test_the_host_of_a_policy_does_not_point_to_itself():
    mail = {**MAIL, "mta_sts": {**STS, "host": "mta-sts.mailroom.example"}}
    hosts = [*HOSTS, {"name": "mta-sts", "outside": ["198.51.100.40"]}]
    found = zones("mailroom.example", "widget.example", mail=mail, hosts=hosts)
    assert at(found, "external", "mta-sts.widget.example.", "CNAME") == ("mta-sts.mailroom.example.",)
    assert at(found, "external", "mta-sts.mailroom.example.", "A") == ("198.51.100.40",)


def test_names_that_mail_hosts_greet_with_and_their_certificates():
    found = zones(helo=["mail"], certificates={"mail.mailroom.example.": [certificate()]})
    assert at(found, "external", "mail.mailroom.example.", "TXT") == ('"v=spf1 a -all"',)
    assert at(found, "external", "_25._tcp.mail.mailroom.example.", "TLSA") == (digest(certificate()),)


@pytest.mark.parametrize(
    ("mail", "message"),
    [
        ({"mx": None}, "mail.mx: no host takes mail of this domain: name it, or say `receives: false`"),
        (
            {"mx": [{"host": "a_b.example", "preference": 1}]},
            "mail.mx: 'a_b.example' is not a name of a host; `receives: false` says that no mail is taken",
        ),
        ({"mx": [{"host": "a.example", "preference": 65536}]}, "mail.mx: preference 65536 is more than 65535"),
        (
            {"mx": [{"host": "a.example", "preference": 1}, {"host": "A.example", "preference": 2}]},
            "mail.mx: A.example is listed twice",
        ),
        ({"mx": None, "mta_sts": STS}, "mail.mx: no host takes mail of this domain: name it, or say `receives: false`"),
        (
            {"spf": True},
            "mail.spf: there are no settings to follow: write them here or in the platform's mail settings",
        ),
        ({"spf": {"senders": ["ptr"]}}, "mail.spf: 'ptr' is slow and unreliable, and must not be used (RFC 7208, 5.5)"),
        ({"dmarc": {}}, "mail.dmarc: policy is missing: none, quarantine or reject"),
        ({"dmarc": {"policy": "none", "reports": ["a@b..c"]}}, "mail.dmarc: a name has no empty part"),
        ({"mta_sts": {"mode": "none"}}, "mail.mta_sts: max_age and host missing"),
        ({"tls_reports": []}, "mail.tls_reports: no address to send reports to; `false` asks for none"),
        ({"services": {"imap": True}}, "mail.services: imap has no host"),
        ({"autoconfig": "a..b"}, "mail.autoconfig: a name has no empty part"),
    ],
)
def test_settings_that_are_refused(mail, message):
    merged = {name: value for name, value in {**MAIL, **mail}.items() if value is not None}
    assert findings("widget.example", "gadget.example", mail=merged) == [f"error: inventory:1: {message}"]


def test_a_wrong_setting_of_a_domain_is_shown_where_it_stands():
    files = {"widget": "zone: widget.example\nmail:\n  ttl: 5\n  spf: {senders: [ptr]}\n"}
    assert findings("widget.example", files=files, mail=MAIL) == [
        "error: zones/widget.yml:4: mail.spf: 'ptr' is slow and unreliable, and must not be used (RFC 7208, 5.5)"
    ]


def test_wrong_keys_and_certificates_are_shown():
    options = {"keys": {"widget.example": [Key("m1", "?")]}, "certificates": {"mail.mailroom.example": ["?"]}}
    assert findings("widget.example", mail=MAIL, **options) == [
        "error: inventory:1: dkim.widget.example: selector m1: not a certificate or public key in PEM or base64",
        "error: inventory:1: certificates.mail.mailroom.example: not a certificate or public key in PEM or base64",
    ]


def test_a_domain_with_and_without_mail():
    files = {"widget": "zone: widget.example\nmail: none\n"}
    assert findings("widget.example", files=files, mail=MAIL) == [
        "error: zones/widget.yml:2: mail: mail: none, and widget.example has mail from mail domain"
        " (accounts/widget.example.yml:1); remove one of the two"
    ]


def test_records_are_made_once_for_equal_settings():
    publisher = MailPublisher()
    assert publisher.records(dict(MAIL)) is publisher.records(dict(reversed(MAIL.items())))
    assert platform().mail == {}
    assert mail_domain("widget.example").name == "widget.example."
