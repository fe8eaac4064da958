# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones from several sources: what they become together, and what contradicts."""

from __future__ import annotations

import pytest
from mailroom.zones.build import Sources
from mailroom.zones.domains import mail_domains
from mailroom.zones.model import EXTERNAL, INTERNAL
from mailroom.zones.records import as_table, as_zone, domain_records
from zonetools import MAIL, at, built, findings, lines, mail_domain, platform, zone_files, zones

WIDGET = "zone: widget.example\n"


def test_which_zones_there_are():
    files = {"shop": "zone: shop.example\nviews: [external]\nmail: none\n", "away": "zone: away.example\nviews: []\n"}
    networks = [{"prefix": "10.80.1.0/24"}, {"prefix": "198.51.100.0/24"}]
    found = zones(
        "widget.example", "sales.widget.example", "xn--bcher-kva.example", mail=MAIL, files=files, networks=networks
    )
    assert [str(key) for key in found] == [
        "100.51.198.in-addr.arpa (external)",
        "mailroom.example (external)",
        "shop.example (external)",
        "widget.example (external)",
        "bücher.example (external)",
        "1.80.10.in-addr.arpa (internal)",
        "100.51.198.in-addr.arpa (internal)",
        "mailroom.example (internal)",
        "widget.example (internal)",
        "bücher.example (internal)",
    ]
    # A domain below another one lies in its zone.
    assert at(found, EXTERNAL, "sales.widget.example.", "MX") == ("10 mail.mailroom.example.",)


def test_hosts_and_their_way_back():
    found = zones(networks=[{"prefix": "10.80.1.0/24"}, {"prefix": "fd80:80:1::/64"}, {"prefix": "198.51.100.0/24"}])
    assert lines(found[(EXTERNAL, "mailroom.example.")])[3:] == [
        "mail.mailroom.example. A 198.51.100.10",
        "mail.mailroom.example. AAAA 2001:db8:80::10",
        "ns1.mailroom.example. A 198.51.100.31",
        "ns2.mailroom.example. A 198.51.100.32",
    ]
    assert lines(found[(INTERNAL, "mailroom.example.")])[3:] == [
        "ldap1.mailroom.example. A 10.80.1.21",
        "ldap1.mailroom.example. AAAA fd80:80:1::21",
        "mail.mailroom.example. A 10.80.1.10",
        "ns1.mailroom.example. A 10.80.1.31",
        "ns2.mailroom.example. A 10.80.1.32",
    ]
    assert at(found, INTERNAL, "10.1.80.10.in-addr.arpa.", "PTR") == ("mail.mailroom.example.",)
    assert at(found, INTERNAL, "10.100.51.198.in-addr.arpa.", "PTR") == ("mail.mailroom.example.",)
    assert at(found, EXTERNAL, "10.100.51.198.in-addr.arpa.", "PTR") == ("mail.mailroom.example.",)


def test_the_zone_of_the_platform_can_have_a_file():
    found = zones(files={"m": "zone: mailroom.example\nttl: 60\nrecords: {www: {CNAME: mail}}\n"})
    assert found[(EXTERNAL, "mailroom.example.")].ttl == 60
    assert at(found, INTERNAL, "www.mailroom.example.", "CNAME") == ("mail.mailroom.example.",)
    assert at(found, INTERNAL, "mail.mailroom.example.", "A") == ("10.80.1.10",)


def test_settings_of_a_zone():
    text = (
        WIDGET
        + "ttl: 60\ncontact: a@widget.example\nnameservers: [ns.elsewhere.example]\nsoa: {negative: 5}\ndynamic: true\n"
    )
    found = zones(files={"w": text + "records: {www: {A: {values: 192.0.2.1, ttl: 7}, TXT: x}}\n"})
    zone = found[(INTERNAL, "widget.example.")]
    assert lines(zone)[:2] == [
        "widget.example. SOA ns.elsewhere.example. a.widget.example. 3600 600 1209600 5",
        "widget.example. NS ns.elsewhere.example.",
    ]
    assert [(item.kind, item.ttl) for item in zone.sets.values()] == [("SOA", 60), ("NS", 60), ("A", 7), ("TXT", 60)]
    assert (zone.ttl, zone.dynamic) == (60, True)


# several sources of one record


def test_free_texts_stand_beside_a_policy():
    files = {"w": WIDGET + "records: {'@': {TXT: [site=1, 'v=spf2 no policy']}}\n"}
    found = zones("widget.example", mail=MAIL, files=files)
    assert at(found, EXTERNAL, "widget.example.", "TXT") == ('"site=1"', '"v=spf1 mx -all"', '"v=spf2 no policy"')


def test_what_agrees_is_there_once_and_hand_written_ttls_count():
    files = {"w": WIDGET + "records: {'@': {MX: {values: 10 mail.mailroom.example., ttl: 60}}}\n"}
    zone = zones("widget.example", mail={**MAIL, "ttl": 900}, files=files)[(EXTERNAL, "widget.example.")]
    assert zone.sets["widget.example.", "MX"][2:] == (60, ("10 mail.mailroom.example.",))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            "'@': {MX: 10 mx.elsewhere.example.}",
            "MX of widget.example is said twice, differently (external): '10 mx.elsewhere.example.' here,"
            " '10 mail.mailroom.example.' from mail domain (accounts/widget.example.yml:1); with override: true the"
            " free"
            " record replaces the other",
        ),
        (
            "'@': {TXT: v=spf1 -all}",
            "widget.example has several texts v=spf1 (external): '\"v=spf1 -all\"' here, '\"v=spf1 mx -all\"' from"
            " mail domain"
            " (accounts/widget.example.yml:1); with override: true the free record replaces the other",
        ),
        (
            "'@': {TXT: [v=STSv1; id=1, v=STSv1; id=2]}",
            'widget.example has several texts v=STSv1 (external): \'"v=STSv1; id=1" "v=STSv1; id=2"\' here,'
            ' \'"v=STSv1; id=1" "v=STSv1; id=2"\' from free record (zones/w.yml:3); keep one of the two',
        ),
        (
            "_dmarc: {CNAME: elsewhere.example.}",
            "_dmarc.widget.example has CNAME and TXT (external): 'elsewhere.example.' here,"
            " '\"v=DMARC1; p=quarantine\"' from mail domain (accounts/widget.example.yml:1); an alias has no other"
            " records",
        ),
        (
            "'@': {CNAME: elsewhere.example.}",
            "widget.example has CNAME and SOA (external): 'elsewhere.example.' here, 'ns1.mailroom.example."
            " host\\\\.master.mailroom.example. 3600 600 1209600 300' from zone file (zones/w.yml:1); an alias has"
            " no other"
            " records",
        ),
        (
            "www: {CNAME: [a.elsewhere.example., b.elsewhere.example.]}",
            "www.widget.example has several CNAME (external): 'a.elsewhere.example. b.elsewhere.example.' here,"
            " 'a.elsewhere.example. b.elsewhere.example.' from free record (zones/w.yml:3); it can have one",
        ),
        (
            "www: {CNAME: {values: elsewhere.example., override: true}, A: 192.0.2.1}",
            "www.widget.example has CNAME and A (external): 'elsewhere.example.' here, '192.0.2.1' from free record"
            " (zones/w.yml:3); an alias has no other records",
        ),
        (
            "'@': {NS: ns.elsewhere.example.}",
            "NS of widget.example is said twice, differently (external): 'ns.elsewhere.example.' here,"
            " 'ns1.mailroom.example. ns2.mailroom.example.' from zone file (zones/w.yml:1); with override: true the"
            " free record"
            " replaces the other",
        ),
    ],
)
def test_contradictions_name_both_sources(record, message):
    files = {"w": f"{WIDGET}records:\n  {record}\n"}
    first, second = findings("widget.example", mail=MAIL, files=files)
    assert first.startswith("error: zones/w.yml:3: records.")
    assert first.split(": ", 3)[3] == message
    assert second.split(": ", 3)[3] == message.replace("(external)", "(internal)")


def test_contradictions_between_hosts():
    hosts = [
        {"name": "ns1", "outside": ["198.51.100.31"]},
        {"name": "ns2", "outside": ["198.51.100.32"], "aliases": ["www"]},
        {"name": "web", "outside": ["198.51.100.33"], "aliases": ["www"]},
        {"name": "odd", "outside": ["198.51.100.34"], "aliases": ["ns1"]},
    ]
    found = [text for text in findings(hosts=hosts) if "(external)" in text]
    assert found == [
        "error: inventory:1: hosts[0]: ns1.mailroom.example has CNAME and A (external): '198.51.100.31' here,"
        " 'odd.mailroom.example.' from host odd.mailroom.example; an alias has no other records",
        "error: inventory:1: hosts[2]: www.mailroom.example has several CNAME (external): 'web.mailroom.example.' here,"
        " 'ns2.mailroom.example.' from host ns2.mailroom.example; it can have one",
        "error: inventory:1: ns1.mailroom.example: NS leads to ns1.mailroom.example, which has no address (external)",
    ]


def test_override_replaces_what_is_derived():
    files = {
        "w": WIDGET
        + """\
records:
  "@":
    MX: {values: 5 mx.elsewhere.example., override: true}
    TXT: {values: ["v=spf1 -all", site=1], override: true}
  _dmarc: {TXT: {values: [], override: true}}
  autoconfig: {A: {values: 192.0.2.1, override: true}}
  autodiscover: {CNAME: {values: elsewhere.example., override: true}}
  _autodiscover._tcp: {CNAME: {values: elsewhere.example., override: true}}
"""
    }
    mail = {**MAIL, "autoconfig": "mail.mailroom.example"}
    found = zones("widget.example", mail=mail, files=files)
    assert lines(found[(EXTERNAL, "widget.example.")])[3:] == [
        "widget.example. MX 5 mx.elsewhere.example.",
        'widget.example. TXT "site=1"',
        'widget.example. TXT "v=spf1 -all"',
        "_autodiscover._tcp.widget.example. CNAME elsewhere.example.",
        "autoconfig.widget.example. A 192.0.2.1",
        "autodiscover.widget.example. CNAME elsewhere.example.",
    ]


def test_override_keeps_texts_of_other_policies():
    files = {
        "w": WIDGET
        + "mail: {mx: [{host: a.example, preference: 1}]}\nrecords: {'@': {TXT: {values: site=1, override: true}}}\n"
    }
    found = zones("widget.example", mail=MAIL, files=files)
    assert at(found, EXTERNAL, "widget.example.", "TXT") == ('"site=1"', '"v=spf1 mx -all"')


def test_an_override_of_nothing_is_a_warning():
    files = {
        "w": WIDGET + "external:\n  www: {A: {values: 192.0.2.1, override: true}}\ninternal:\n  www: {A: 10.80.1.1}\n"
    }
    assert findings(files=files) == [
        "warning: zones/w.yml:3: external.www.A: override: nothing else says A of www.widget.example (external); leave"
        " override out"
    ]


# delegations


def test_a_zone_of_ours_below_another_is_delegated_with_glue():
    files = {
        "w": WIDGET + "records: {child: {DS: 1 13 2 " + "ab" * 32 + "}}\n",
        "child": "zone: child.widget.example\nnameservers: [ns.child.widget.example, ns1.mailroom.example]\n"
        "records: {ns: {A: 192.0.2.53, AAAA: '2001:db8::53'}}\n",
    }
    found = zones(files=files)
    assert lines(found[(EXTERNAL, "widget.example.")])[3:] == [
        "child.widget.example. NS ns1.mailroom.example.",
        "child.widget.example. NS ns.child.widget.example.",
        "child.widget.example. DS 1 13 2 " + "ab" * 32,
        "ns.child.widget.example. A 192.0.2.53",
        "ns.child.widget.example. AAAA 2001:db8::53",
    ]


def test_nothing_hides_below_a_delegation():
    files = {
        "w": WIDGET
        + """\
records:
  sub: {NS: [ns.sub.widget.example., ns.elsewhere.example.], TXT: hidden}
  ns.sub: {A: 192.0.2.53}
  www.sub: {A: 192.0.2.80}
  asub: {A: 192.0.2.81}
"""
    }
    assert [text for text in findings(files=files) if "(external)" in text] == [
        "error: zones/w.yml:3: records.sub.TXT: TXT of sub.widget.example is hidden (external): sub.widget.example"
        " is delegated;"
        " write it into that zone",
        "error: zones/w.yml:5: records.www.sub.A: A of www.sub.widget.example is hidden (external):"
        " sub.widget.example is"
        " delegated; write it into that zone",
    ]


# where records lead


def test_records_lead_to_names_that_have_addresses():
    files = {
        "w": WIDGET
        + """\
records:
  "@": {MX: [10 gone, 20 alias, 30 text, 40 host, 50 a.wild.widget.example., 60 a.sub.widget.example., 70 a.example.]}
  alias: {CNAME: host}
  text: {TXT: x}
  host: {A: 192.0.2.1}
  "*.wild": {A: 192.0.2.2}
  sub: {NS: ns.elsewhere.example.}
  c1: {CNAME: gone}
  c2: {CNAME: text}
  c3: {CNAME: alias}
  _x._tcp: {SRV: [0 0 0 ., 0 1 443 gone]}
""",
        "away": "zone: away.example\nviews: []\nrecords: {www: {A: 192.0.2.1}}\n",
        "b": "zone: b.example\nrecords: {www: {CNAME: nothing.away.example.}}\n",
    }
    assert [text for text in findings(files=files) if "(external)" in text] == [
        "error: zones/w.yml:3: records.@.MX: MX leads to gone.widget.example, which has no address (external)",
        "error: zones/w.yml:3: records.@.MX: MX leads to alias.widget.example, which is an alias itself (RFC 2181,"
        " 10.3)"
        " (external)",
        "error: zones/w.yml:3: records.@.MX: MX leads to text.widget.example, which has no address (external)",
        "error: zones/w.yml:12: records._x._tcp.SRV: SRV leads to gone.widget.example, which has no address (external)",
        "warning: zones/w.yml:9: records.c1.CNAME: CNAME leads to gone.widget.example, which is not there (external)",
    ]


def test_a_wrong_name_in_the_settings_is_one_finding_for_all_domains():
    mail = {**MAIL, "mx": [{"host": "mali.mailroom.example", "preference": 10}]}
    assert findings("widget.example", "gadget.example", mail=mail) == [
        "error: inventory:1: mali.mailroom.example: MX leads to mali.mailroom.example, which has no address (external)",
        "error: inventory:1: mali.mailroom.example: MX leads to mali.mailroom.example, which has no address (internal)",
    ]


# the two sides


def test_the_outside_is_told_no_inside_addresses():
    hosts = [{"name": "ns1", "outside": ["198.51.100.31"]}, {"name": "ns2", "outside": ["10.80.1.32"]}]
    files = {"w": WIDGET + "records: {www: {A: [198.51.100.1, 10.80.1.80], AAAA: 'fd80::1'}}\nexternal: {}\n"}
    hint = "leave it out, or add the name to special_addresses"
    assert findings(hosts=hosts, files=files) == [
        "error: inventory:1: ns2.mailroom.example: ns2.mailroom.example would show the outside 10.80.1.32, which is"
        " private"
        f" (RFC 1918); {hint}",
        "error: zones/w.yml:2: records.www.A: www.widget.example would show the outside 10.80.1.80, which is private"
        f" (RFC 1918); {hint}",
        "error: zones/w.yml:2: records.www.AAAA: www.widget.example would show the outside fd80::1, which is private"
        f" (RFC 4193); {hint}",
    ]
    named = ["ns2.mailroom.example", "www.widget.example"]
    assert findings(hosts=hosts, files=files, special_addresses=named) == []
    assert len(findings(hosts=hosts, files=files, special_addresses=["ww.widget.example", "awww.widget.example"])) == 3


def test_addresses_of_documentation_are_refused_outside_a_laboratory():
    found = findings(documentation_addresses=None)
    assert len(found) == 4
    assert found[0].startswith(
        "error: inventory:1: mail.mailroom.example: mail.mailroom.example would show the outside 198.51.100.10,"
        " which is for"
        " documentation (RFC 5737)"
    )


def test_names_on_one_side_only():
    files = {
        "w": WIDGET
        + "internal: {intranet: {A: 10.80.1.1}}\n"
        + "external: {shop: {A: 192.0.2.1}, sh: {A: 192.0.2.2}}\none_sided: [sh]\n",
        "x": "zone: x.example\nviews: [external]\nexternal: {shop: {A: 192.0.2.1}}\n",
    }
    services = [
        {"names": ["mail", "imap"], "inside": ["10.80.1.10"]},
        {"names": ["proxy"], "inside": ["10.80.1.41"], "one_sided": True},
    ]
    hint = "give the service an outside address, or say one_sided"
    assert findings(files=files, services=services) == [
        f"warning: inventory:1: mail.mailroom.example: mail.mailroom.example is there inside, and not outside; {hint}",
        f"warning: inventory:1: imap.mailroom.example: imap.mailroom.example is there inside, and not outside; {hint}",
        "warning: zones/w.yml:3: external.shop.A: shop.widget.example is there outside, and not inside; add it to"
        " internal, or to"
        " one_sided",
    ]


def test_a_host_that_no_zone_holds():
    hosts = [
        {"name": "ns1", "outside": ["198.51.100.31"]},
        {"name": "ns2", "outside": ["198.51.100.32"], "aliases": ["www.elsewhere.example"]},
    ]
    assert findings(hosts=hosts) == [
        "warning: inventory:1: hosts[1]: www.elsewhere.example is in no zone; add a zone file, or correct the name"
    ]


# domains of account files, records for others


def test_mail_domains_of_the_account_files(tree):
    tree.write("widget.example.yml", "domain: widget.example\nalias_domains: [bücher.test]\n")
    accounts = tree.read()
    found = list(mail_domains(accounts))
    assert [domain.name for domain in found] == ["widget.example.", "xn--bcher-kva.test."]
    assert [str(domain.source).rpartition(":")[2] for domain in found] == ["1)", "2)"]


def test_the_records_of_a_domain_for_another_provider():
    files = zone_files(w="zone: widget.example\nviews: []\nrecords: {www: {A: 192.0.2.1}}\n")
    domains = [mail_domain("widget.example"), mail_domain("awidget.example")]
    sources = Sources(platform(mail=MAIL), files, domains)
    found = domain_records(sources, "Widget.example.")
    assert as_zone(found) == (
        "widget.example. 3600 IN MX 10 mail.mailroom.example.\n"
        'widget.example. 3600 IN TXT "v=spf1 mx -all"\n'
        '_dmarc.widget.example. 3600 IN TXT "v=DMARC1; p=quarantine"\n'
        "www.widget.example. 3600 IN A 192.0.2.1\n"
    )
    assert as_table(found) == (
        "name                   type  ttl   value\n"
        "widget.example         MX    3600  10 mail.mailroom.example.\n"
        'widget.example         TXT   3600  "v=spf1 mx -all"\n'
        '_dmarc.widget.example  TXT   3600  "v=DMARC1; p=quarantine"\n'
        "www.widget.example     A     3600  192.0.2.1\n"
    )
    assert [item.values for item in domain_records(sources, "mail.mailroom.example", INTERNAL)] == [("10.80.1.10",)]
    assert files["widget.example."].views == ()
    message = "^nothing is known of idget.example: it is no mail domain and no zone, and no host has that name$"
    with pytest.raises(ValueError, match=message):
        domain_records(sources, "idget.example")


def test_building_changes_nothing_that_it_was_given():
    first, second = built("widget.example", mail=MAIL), built("widget.example", mail=MAIL)
    assert first.zones == second.zones
    assert list(first.zones) == list(second.zones)
