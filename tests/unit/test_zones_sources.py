# SPDX-License-Identifier: GPL-3.0-or-later
"""What zones are made of: hosts and networks of the inventory, and zone files."""

from __future__ import annotations

from ipaddress import ip_network

import jsonschema
import pytest
from mailroom.zones.hosts import host_claims
from mailroom.zones.names import absolute
from mailroom.zones.platform import ReverseNetwork, Times, contact_name
from mailroom.zones.reverse import reverse_claims, reverse_zones
from mailroom.zones.zone_files import load_zone_files, times_of
from zonetools import (
    EXTERNAL,
    INTERNAL,
    MAIL,
    SCHEMA,
    documents,
    file_findings,
    platform,
    platform_data,
    platform_findings,
    zone_files,
)


def claims(found) -> list[str]:
    return [f"{claim.view} {claim.name} {claim.kind} {' '.join(claim.values)}" for claim in found]


# the inventory


def test_the_platform():
    found = platform(soa={"retry": 60}, ttl=600, helo=["mail"], special_addresses=["odd.mailroom.example"])
    assert found.domain == "mailroom.example."
    assert found.nameservers == ("ns1.mailroom.example.", "ns2.mailroom.example.")
    assert found.contact == "host\\.master.mailroom.example."
    assert str(found.times) == "3600 60 1209600 300"
    assert found.ttl == 600
    assert found.helo == ("mail.mailroom.example.",)
    assert found.special == {"odd.mailroom.example."}
    assert [host.what for host in found.hosts][-2:] == ["host ldap1.mailroom.example", "service mail.mailroom.example"]


def test_contacts():
    assert contact_name("hostmaster@bücher.example") == "hostmaster.xn--bcher-kva.example."
    assert contact_name("a.b\\c@widget.example") == "a\\.b\\\\c.widget.example."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"domain": None}, "inventory:1: domain is missing"),
        ({"nameserver": []}, "inventory:1: nameserver: unknown field; did you mean nameservers?"),
        ({"domain": "a..b"}, "inventory:1: domain: a name has no empty part"),
        ({"contact": "me@a..b"}, "inventory:1: contact: a name has no empty part"),
        ({"ttl": 2**31}, "inventory:1: ttl: 2147483648 is more than 2147483647, the longest TTL (RFC 2181)"),
        (
            {"hosts": [{"name": "a", "inside": ["10.80.1"]}]},
            "inventory:1: hosts[0].inside: '10.80.1' is not an address",
        ),
        (
            {"hosts": [{"name": "a", "outside": ["fe80::1%eth0"]}]},
            "inventory:1: hosts[0].outside: 'fe80::1%eth0' is not an address",
        ),
        (
            {"hosts": [{"name": "a_b"}]},
            "inventory:1: hosts[0].name: 'a_b' is not a name of a host: letters, digits and - only",
        ),
        (
            {"hosts": [{"name": "a", "inside": ["10.80.1.1"]}, {"name": "b", "inside": ["10.80.1.1"]}]},
            "inventory:1: hosts[1]: 10.80.1.1 is also host a.mailroom.example (hosts[0]); each host has names and"
            " addresses"
            " of its own",
        ),
        (
            {"hosts": [{"name": "a"}, {"name": "a.mailroom.example"}]},
            "inventory:1: hosts[1]: a.mailroom.example is also host a.mailroom.example (hosts[0]); each host has"
            " names and"
            " addresses of its own",
        ),
        ({"networks": [{"prefix": "10.80.1.1/24"}]}, "inventory:1: networks[0].prefix: 10.80.1.1/24 has host bits set"),
        (
            {"networks": [{"prefix": "10.80.1.0/24", "zone": "a..b"}]},
            "inventory:1: networks[0].zone: a name has no empty part",
        ),
        (
            {"networks": [{"prefix": "10.80.1.0/24", "views": ["external"]}]},
            "inventory:1: networks[0].views: 10.80.1.0/24 is private (RFC 1918), and its reverse zone has no place"
            " outside;"
            " leave out external",
        ),
    ],
)
def test_what_is_wrong_with_the_inventory(changes, message):
    assert platform_findings(**changes) == [message]


def test_each_side_is_told_the_addresses_that_it_can_reach():
    hosts = [
        {"name": "both", "inside": ["10.80.1.1"], "outside": ["198.51.100.1", "2001:DB8:80:0::1"], "aliases": ["www"]}
    ]
    hosts += [
        {"name": "in", "inside": ["10.80.1.2"]},
        {"name": "out", "outside": ["198.51.100.3"]},
        {"name": "none", "aliases": ["x"]},
    ]
    assert claims(host_claims(platform(hosts=hosts, services=[]))) == [
        "internal both.mailroom.example. A 10.80.1.1",
        "internal www.mailroom.example. CNAME both.mailroom.example.",
        "external both.mailroom.example. A 198.51.100.1",
        "external both.mailroom.example. AAAA 2001:db8:80::1",
        "external www.mailroom.example. CNAME both.mailroom.example.",
        "internal in.mailroom.example. A 10.80.1.2",
        "internal out.mailroom.example. A 198.51.100.3",
        "external out.mailroom.example. A 198.51.100.3",
    ]


@pytest.mark.parametrize(
    ("prefix", "zones"),
    [
        ("10.80.1.0/24", ["1.80.10.in-addr.arpa."]),
        ("10.0.0.0/8", ["10.in-addr.arpa."]),
        ("10.80.0.0/15", ["80.10.in-addr.arpa.", "81.10.in-addr.arpa."]),
        ("198.51.100.64/26", ["64/26.100.51.198.in-addr.arpa."]),
        ("fd80:80:1::/64", ["0.0.0.0.1.0.0.0.0.8.0.0.0.8.d.f.ip6.arpa."]),
        ("2001:db8::/31", ["8.b.d.0.1.0.0.2.ip6.arpa.", "9.b.d.0.1.0.0.2.ip6.arpa."]),
        ("192.0.0.0/2", [f"{number}.in-addr.arpa." for number in range(192, 256)]),
    ],
)
def test_reverse_zones(prefix, zones):
    assert list(reverse_zones(ReverseNetwork(ip_network(prefix), (INTERNAL,)))) == zones
    assert [absolute(zone) for zone in zones] == zones


def test_addresses_lead_back_to_the_first_name_of_a_host_and_not_to_a_service_on_it():
    changes = {
        "hosts": [
            {"name": "mail1", "inside": ["10.80.1.11"], "outside": ["198.51.100.70"]},
            {"name": "far", "inside": ["10.90.0.1"]},
        ],
        "services": [{"names": ["mail", "imap"], "inside": ["10.80.1.11", "10.80.1.10"]}],
        "networks": [
            {"prefix": "10.80.0.0/16"},
            {"prefix": "10.80.1.0/24"},
            {"prefix": "198.51.100.64/26", "zone": "customer.100.51.198.in-addr.arpa"},
        ],
    }
    found = platform(**changes)
    assert [network.views for network in found.networks] == [(INTERNAL,), (INTERNAL,), (INTERNAL, EXTERNAL)]
    assert claims(reverse_claims(found)) == [
        "internal 11.1.80.10.in-addr.arpa. PTR mail1.mailroom.example.",
        "internal 70.customer.100.51.198.in-addr.arpa. PTR mail1.mailroom.example.",
        "external 70.customer.100.51.198.in-addr.arpa. PTR mail1.mailroom.example.",
        "internal 10.1.80.10.in-addr.arpa. PTR mail.mailroom.example.",
    ]


# zone files


def test_a_zone_file():
    (found,) = zone_files(
        widget="""\
        zone: Widget.example
        ttl: 600
        views: [external]
        soa: {negative: 60}
        contact: dns@widget.example
        nameservers: [ns.elsewhere.example]
        dynamic: true
        one_sided: [intranet, "@"]
        mail: {dmarc: {policy: none}}
        records:
          www: {A: 192.0.2.80, AAAA: ["2001:db8::80"]}
          "@": {TXT: ["site=1", "site=2"]}
          "*.dev": {CNAME: www}
        internal:
          intranet: {A: {values: [10.80.1.44], ttl: 60}}
        external:
          shop.widget.example.: {CNAME: {values: shops.elsewhere.example., override: true}}
        """
    ).values()
    assert (found.name, found.ttl, found.views) == ("widget.example.", 600, (EXTERNAL,))
    assert times_of(found, Times(refresh=5)) == Times(refresh=5, negative=60)
    assert times_of(None, Times(refresh=5)) == Times(refresh=5)
    assert (found.contact, found.nameservers) == ("dns.widget.example.", ("ns.elsewhere.example.",))
    assert found.dynamic
    assert found.one_sided == {"intranet.widget.example.", "widget.example."}
    assert found.mail == {"dmarc": {"policy": "none"}}
    assert not found.no_mail
    assert claims(found.claims) == [
        "internal www.widget.example. A 192.0.2.80",
        "external www.widget.example. A 192.0.2.80",
        "internal www.widget.example. AAAA 2001:db8::80",
        "external www.widget.example. AAAA 2001:db8::80",
        'internal widget.example. TXT "site=1" "site=2"',
        'external widget.example. TXT "site=1" "site=2"',
        "internal *.dev.widget.example. CNAME www.widget.example.",
        "external *.dev.widget.example. CNAME www.widget.example.",
        "internal intranet.widget.example. A 10.80.1.44",
        "external shop.widget.example. CNAME shops.elsewhere.example.",
    ]
    assert [claim.ttl for claim in found.claims][-2:] == [60, None]
    assert [claim.override for claim in found.claims][-2:] == [False, True]
    assert str(found.claims[-1].source) == "free record (zones/widget.yml:17)"


def test_a_zone_without_mail():
    (found,) = zone_files(parked="zone: parked.example\nmail: none\n").values()
    assert found.no_mail
    assert found.mail == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zone: example\n", "1: zone: a zone's name needs a dot"),
        ("zone: a..example\n", "1: zone: a name has no empty part"),
        ("zone: a.example\nrecord: {}\n", "2: record: unknown field; did you mean records?"),
        ("zone: a.example\nviews: [outside]\n", "2: views[0]: 'outside' is not one of internal, external"),
        ("zone: a.example\nmail: nothing\n", "2: mail: 'nothing' is not one of none"),
        (
            "zone: a.example\nttl: 2147483648\n",
            "2: ttl: 2147483648 is more than 2147483647, the longest TTL (RFC 2181)",
        ),
        ("zone: a.example\ncontact: me@a..b\n", "2: contact: a name has no empty part"),
        ("zone: a.example\nnameservers: [a..b]\n", "2: nameservers[0]: a name has no empty part"),
        ("zone: a.example\none_sided: [b.example.]\n", "2: one_sided[0]: 'b.example.' is not in the zone a.example."),
        (
            "zone: a.example\nrecords:\n  www: {a: 192.0.2.1}\n",
            "3: records.www.a: 'a' is not a type of record in capitals such as A, MX or TXT",
        ),
        (
            "zone: a.example\nrecords:\n  www: {AAA: 192.0.2.1}\n",
            "3: records.www.AAA: unknown type 'AAA'; did you mean AAAA?",
        ),
        (
            "zone: a.example\nrecords:\n  '@': {SOA: x}\n",
            "3: records.@.SOA: SOA is made from soa:, contact: and nameservers:",
        ),
        (
            "zone: a.example\nrecords:\n  www: {A: [192.0.2.1, 192.0.2]}\n",
            "3: records.www.A[1]: '192.0.2' is not an IPv4 address",
        ),
        (
            "zone: a.example\nrecords:\n  www:\n    A: {ttl: 5, values: 192.0.2}\n",
            "4: records.www.A.values: '192.0.2' is not an IPv4 address",
        ),
        (
            "zone: a.example\nrecords:\n  www:\n    A: {ttl: 2147483648, values: 192.0.2.1}\n",
            "4: records.www.A.ttl: 2147483648 is more than 2147483647, the longest TTL (RFC 2181)",
        ),
        (
            "zone: a.example\nrecords:\n  www: {A: 10}\n",
            "3: records.www.A: must be text or a list or a mapping, not 10;",
        ),
        (
            "zone: a.example\nrecords:\n  www: {A: []}\n",
            "3: records.www.A: must not be empty; with override: true, nothing is left of what is derived",
        ),
        (
            "zone: a.example\nrecords:\n  _www: {A: 192.0.2.1}\n",
            "3: records._www.A: _www.a.example. is not a name of a host, and has no A: letters, digits and - only",
        ),
        (
            "zone: a.example\nrecords:\n  www.a.example: {A: 192.0.2.1}\n",
            "3: records.www.a.example: 'www.a.example' would mean www.a.example.a.example.: write 'www' or"
            " 'www.a.example.'",
        ),
        (
            "zone: a.example\nrecords:\n  www: {A: 192.0.2.1}\ninternal:\n  www.a.example.: {A: 10.80.1.1}\n",
            "5: internal.www.a.example..A: A of www.a.example. is already on line 3; put what is for both sides into"
            " records,"
            " and nothing of it elsewhere",
        ),
    ],
)
def test_what_is_wrong_with_a_zone_file(text, message):
    (found,) = file_findings(a=text)
    assert found.startswith(f"zones/a.yml:{message}")


def test_a_zone_has_one_file():
    assert file_findings(a="zone: a.example\n", b="ttl: 5\nzone: A.example.\n") == [
        "zones/b.yml:2: zone: A.example. is already in zones/a.yml; merge the two files"
    ]


def test_a_value_of_the_wrong_kind_is_told_what_is_possible():
    (found,) = file_findings(a="zone: a.example\nrecords:\n  www: {A: 10}\n")
    assert found.endswith("not 10; a value, a list of values, or {values: ..., ttl: ..., override: true}")


def test_files_in_a_folder(tmp_path):
    assert load_zone_files(str(tmp_path / "none")) == ([], [])
    assert load_zone_files(str(tmp_path)) == ([], [])
    (tmp_path / "README.md").write_text("Zones")
    assert load_zone_files(str(tmp_path)) == ([], [])
    (tmp_path / "b.yml").write_text("zone: b.example\n")
    (tmp_path / "a.yml").write_text("zone: a.example\nzone: a.test\n")
    (tmp_path / "c.yml").write_text("")
    found, problems = load_zone_files(str(tmp_path))
    assert [document.data["zone"] for document in found] == ["a.test", "b.example"]
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in problems] == [
        "a.yml:2: zone: duplicate key, first used on line 1; remove one of the two",
        "c.yml:1: the file is empty; it needs at least zone:",
    ]


def test_a_folder_without_files_is_named(tmp_path):
    (tmp_path / "a.example").mkdir()
    (problem,) = load_zone_files(str(tmp_path))[1]
    assert problem.message == "no zone files in this folder"


def test_the_schema_is_one_for_editors_too():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    good = {"zone": "a.example", "records": {"www": {"A": ["192.0.2.1"], "TXT": {"values": "x", "override": True}}}}
    jsonschema.validate(good, SCHEMA)
    platform_schema = {"$schema": SCHEMA["$schema"], "$defs": SCHEMA["$defs"], "$ref": "#/$defs/platform"}
    jsonschema.validate(platform_data(mail=MAIL), platform_schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, "record": {}}, SCHEMA)


def test_documents_have_lines():
    (document,) = documents(a="ttl: 5\nzone: a.example\n")
    assert document.line(("zone",)) == 2
