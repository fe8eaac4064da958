# SPDX-License-Identifier: GPL-3.0-or-later
"""Zone files: written the same each time, and read back whoever wrote them."""

from __future__ import annotations

import json
import re

import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.codec import decode, encode
from mailroom.zones.files import file_name, key_of
from mailroom.zones.model import RRset, ZoneKey, from_data, rrset, to_data, zone
from mailroom.zones.read import ZoneTextError, is_ours, read_zone, serial_of
from mailroom.zones.render import MARK, record_lines, render
from mailroom.zones.strings import split

NAME = "widget.example."
KEY = ZoneKey("external", NAME)
SOA = rrset(NAME, "SOA", 3600, ["ns1.widget.example. host\\.master.widget.example. 3600 600 1209600 300"])
NS = rrset(NAME, "NS", 3600, ["ns1.widget.example."])
WWW = rrset("www.widget.example.", "A", 300, ["192.0.2.80", "192.0.2.9"])
TXT = rrset(NAME, "TXT", 3600, [split("x" * 300), split('say "é"; (or not)')])
ALL = [WWW, TXT, NS, SOA, rrset("0a.widget.example.", "CNAME", 3600, ["www.widget.example."])]


def widget(*sets: RRset, **options):
    return zone(NAME, "external", 3600, sets or ALL, **options)


def read(text: str, **options):
    return read_zone(text, KEY, **options)


def test_a_zone_file_as_it_is_written():
    assert render(widget(), 2026112100) == (
        f"{MARK}\n"
        "; widget.example, external\n"
        f"; content sha256:{widget().digest}\n"
        "$ORIGIN widget.example.\n"
        "$TTL 3600\n"
        "@                          3600 IN SOA    ns1.widget.example. host\\.master.widget.example. 2026112100 3600"
        " 600"
        " 1209600 300\n"
        "@                          3600 IN NS     ns1.widget.example.\n"
        '@                          3600 IN TXT    "say \\"\\195\\169\\"; (or not)"\n'
        f'@                          3600 IN TXT    "{"x" * 255}" "{"x" * 45}"\n'
        "0a                         3600 IN CNAME  www.widget.example.\n"
        "www                         300 IN A      192.0.2.9\n"
        "www                         300 IN A      192.0.2.80\n"
    )
    assert record_lines(WWW) == ["www.widget.example. 300 IN A 192.0.2.9", "www.widget.example. 300 IN A 192.0.2.80"]


def test_others_read_the_same():
    parsed = dns.zone.from_text(render(widget(), 7), "widget.example.", relativize=False)
    found = {(str(name), dns.rdatatype.to_text(rdata.rdtype)) for name, _ttl, rdata in parsed.iterate_rdatas()}
    assert found == set(widget().sets)
    (soa,) = parsed.find_rdataset("widget.example.", "SOA")
    assert soa.serial == 7
    assert len(parsed.find_rdataset("widget.example.", "TXT")) == 2


def test_the_digest_depends_on_records_and_nothing_else():
    assert widget().digest == widget(*reversed(ALL)).digest
    assert widget().digest != widget(*ALL[1:]).digest
    assert widget().digest != widget(WWW._replace(ttl=301), *ALL[1:]).digest
    assert len(widget().digest) == 64
    assert widget().records == 7


def test_what_was_written_is_read_back():
    text = render(widget(), 2026112100)
    live = read(text)
    assert live.zone == widget()
    assert list(live.zone.sets) == list(widget().sets)
    assert (live.serial, live.ours, live.by_hand) == (2026112100, True, False)
    assert serial_of(text) == 2026112100
    assert is_ours(text)


def test_a_change_by_hand_is_seen():
    text = render(widget(), 1).replace("192.0.2.80", "192.0.2.81")
    live = read(text)
    assert live.by_hand
    assert live.zone.sets["www.widget.example.", "A"].values == ("192.0.2.9", "192.0.2.81")
    assert read(text, expected=widget()) == live


def test_a_file_that_people_wrote():
    live = read("""\
$TTL 1h
@ IN SOA ns1 hostmaster.widget.example. ( ; the top
        2019010101 ; serial
        1h 10m
        2w 5m )
    IN NS ns1
    NS NS2.Gadget.Example.
WWW 5m IN A 192.0.2.80
    IN 60 A 192.0.2.81
    AAAA 2001:DB8::0080 ; in capitals
$ORIGIN dev.widget.example.
app CNAME www.widget.example.
@ TXT unquoted "and; quoted" ""
strange HINFO "PC" Linux
other TYPE65280 \\# 2 ABCD
""")
    assert live.serial == 2019010101
    assert not live.ours
    assert not live.by_hand
    assert [(found.name, found.kind, found.ttl, found.values) for found in live.zone.sets.values()] == [
        (NAME, "SOA", 3600, ("ns1.widget.example. hostmaster.widget.example. 3600 600 1209600 300",)),
        (NAME, "NS", 3600, ("ns2.gadget.example.", "ns1.widget.example.")),
        ("dev.widget.example.", "TXT", 3600, ('"unquoted" "and; quoted" ""',)),
        ("app.dev.widget.example.", "CNAME", 3600, ("www.widget.example.",)),
        ("other.dev.widget.example.", "TYPE65280", 3600, ("\\# 2 abcd",)),
        ("strange.dev.widget.example.", "HINFO", 3600, ('"PC" Linux',)),
        ("www.widget.example.", "A", 60, ("192.0.2.80", "192.0.2.81")),
        ("www.widget.example.", "AAAA", 3600, ("2001:db8::80",)),
    ]


def test_a_transfer_of_a_signed_zone_is_read_without_what_signing_added():
    live = read(
        """\
; <<>> DiG 9.20 <<>> AXFR widget.example
widget.example.\t3600\tIN\tSOA\tns1.widget.example. h.widget.example. 2026112103 3600 600 1209600 300
widget.example.\t3600\tIN\tRRSIG\tSOA 13 2 3600 20261205000000 20261121000000 1 widget.example. abc==
widget.example.\t3600\tIN\tNS\tns1.widget.example.
widget.example.\t0\tIN\tTYPE65534\t\\# 5 0D00010001
widget.example.\t3600\tIN\tDNSKEY\t257 3 13 abc==
www.widget.example.\t3600\tIN\tNSEC\twidget.example. A RRSIG NSEC
widget.example.\t3600\tIN\tSOA\tns1.widget.example. h.widget.example. 2026112103 3600 600 1209600 300
;; Query time: 0 msec""",
        ours=True,
    )
    assert [found.kind for found in live.zone.sets.values()] == ["SOA", "NS"]
    assert live.serial == 2026112103
    assert live.ours


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@ 1 A 192.0.2.1\n", "widget.example (external): there is no SOA record"),
        ("\n  A 192.0.2.1\n", "widget.example. line 2: the first record has no name"),
        ("@ A 192.0.2\n", "widget.example. line 1: '192.0.2' is not an IPv4 address"),
        ("@ 1\n", "widget.example. line 1: a record needs a type"),
        ('@ 1 "A" x\n', "widget.example. line 1: a record needs a type"),
        ("@ CH TXT x\n", "widget.example. line 1: class CH: only IN is known"),
        ("$INCLUDE other\n", "widget.example. line 1: $INCLUDE is not read here"),
        ("$TTL\n", "widget.example. line 1: $TTL is not read here"),
        ('@ TXT "a\n', "widget.example. line 1: '\"' does not belong here"),
        ("\n@ SOA ( a\nb\n", "widget.example. line 2: a bracket is not closed"),
        ("@ SOA a )\n", "widget.example. line 1: ')' does not belong here"),
        ("@ SOA ( a (\n", "widget.example. line 1: '(' does not belong here"),
    ],
)
def test_texts_that_are_no_zone(text, message):
    with pytest.raises(ZoneTextError, match=f"^{re.escape(message)}$"):
        read(text)


def test_serials_where_there_is_none():
    assert serial_of("; nothing\n") is None
    assert not is_ours("; Somebody else's\n")


def test_a_record_without_any_ttl_is_read():
    assert read("@ SOA a. b. 1 2 3 4 5\n@ 7 NS a.\nx A 192.0.2.1\n").zone.sets["x.widget.example.", "A"].ttl == 7


def test_names_below_the_root():
    live = read_zone("$ORIGIN .\nexample SOA ns hostmaster 1 2 3 4 5\n", ZoneKey("internal", "example."))
    assert live.zone.sets["example.", "SOA"].values == ("ns. hostmaster. 2 3 4 5",)


def test_reading_beside_the_expected_zone_gives_the_same():
    """The short way: lines that the new file has too are not parsed."""
    other = widget(*ALL[1:], rrset("new.widget.example.", "A", 300, ["192.0.2.7"]))
    text = render(widget(), 5)
    assert read(text, expected=other) == read(text)
    # Brackets, other origins and further directives let a line mean another thing.
    for odd in (
        text.replace("@ ", "@ (", 1).replace(" 300\n", " 300 )\n", 1),
        text + "$ORIGIN x.\n",
        text + "$TTL 5\nn A 192.0.2.1\n",
    ):
        assert read(odd, expected=other) == read(odd)
    unknown = text.replace("IN SOA", "SOA")
    assert read(unknown, expected=other).zone == widget()


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (KEY, "external/widget.example.zone"),
        (ZoneKey("internal", "0/26.2.0.192.in-addr.arpa."), "internal/0%2F26.2.0.192.in-addr.arpa.zone"),
        (ZoneKey("internal", "_tcp.widget.example."), "internal/_tcp.widget.example.zone"),
    ],
)
def test_names_of_files(key, path):
    assert file_name(key) == path
    assert key_of(path) == key


@pytest.mark.parametrize(
    "path",
    ["widget.example.zone", "other/widget.example.zone", "external/a/b.zone", "external/.zone", "external/a.jnl"],
)
def test_names_of_other_files(path):
    assert key_of(path) is None


def test_zones_travel_as_data():
    some = {item.key: item for item in (widget(), zone(NAME, "internal", 60, [SOA], dynamic=True))}
    assert from_data(decode(encode(to_data(some.values())))) == some
    assert json.dumps(to_data(some.values()))
    for wrong in ([["external", NAME]], [["external", NAME, 1, False, [["a."]]]], [1]):
        with pytest.raises(ValueError, match=r"^not zones as data: "):
            from_data(wrong)


owners = st.sampled_from(
    [NAME, "a.widget.example.", "b.a.widget.example.", "*.widget.example.", "_x._y.widget.example."]
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300).map(lambda text: ("TXT", split(text)))
values = st.one_of(
    texts,
    st.ip_addresses(v=4).map(lambda address: ("A", str(address))),
    st.ip_addresses(v=6).map(lambda address: ("AAAA", str(address))),
    st.integers(0, 65535).map(lambda number: ("MX", f"{number} mail.gadget.example.")),
)


@given(st.lists(st.tuples(owners, values, st.integers(0, 2**31 - 1)), max_size=12), st.integers(0, 2**32 - 1))
def test_any_zone_is_read_back_as_it_was_written(records, serial):
    ttls = {(owner, kind): ttl for owner, (kind, _value), ttl in records}
    sets = [
        rrset(o, k, ttl, [v for owner, (kind, v), _t in records if (owner, kind) == (o, k)])
        for (o, k), ttl in ttls.items()
    ]
    item = widget(SOA, *sets)
    text = render(item, serial)
    assert read(text) == (item, serial, True, False)
    assert read(text, expected=item).zone == item
    dns.zone.from_text(text, NAME, check_origin=False)
