# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, strings, addresses and serials of DNS."""

from __future__ import annotations

import re
from datetime import date

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.zones import names, strings
from mailroom.zones.serial import newer, next_serial
from mailroom.zones.special import special, unreachable

ZONE = "widget.example."
DAY = date(2026, 11, 21)
labels = st.from_regex(r"[a-z0-9_]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True).filter(lambda text: text[:4] != "xn--")
absolute_names = st.lists(labels, min_size=1, max_size=5).map(lambda parts: ".".join(parts) + ".")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("widget.example", "widget.example."),
        ("Widget.Example.", "widget.example."),
        ("bücher.example", "xn--bcher-kva.example."),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example."),
        ("*.dev.widget.example", "*.dev.widget.example."),
        ("_25._tcp.mail", "_25._tcp.mail."),
        ("0/26.2.0.192.in-addr.arpa", "0/26.2.0.192.in-addr.arpa."),
        (".", "."),
    ],
)
def test_names_become_absolute(text, name):
    assert names.absolute(text) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a name has no empty part"),
        ("a..example", "a name has no empty part"),
        ("-a.example", "'-a' cannot be part of a name"),
        ("a b.example", "'a b' cannot be part of a name"),
        ("ü-.example", "'ü-' cannot be part of a domain name"),
        ("xn--bücher.example", "'xn--bücher' is not a valid internationalised name"),
        (f"{'a' * 64}.example", f"'{'a' * 64}' cannot be part of a name"),
        (".".join(["a" * 63] * 4), f"'{'.'.join(['a' * 63] * 4)}' has 255 characters, and a name at most 253"),
    ],
)
def test_what_is_no_name(text, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        names.absolute(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("@", ZONE),
        ("www", "www.widget.example."),
        ("a.b", "a.b.widget.example."),
        ("www.widget.example.", "www.widget.example."),
    ],
)
def test_owners_as_zone_files_write_them(text, name):
    assert names.owner(text, ZONE) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "www.widget.example",
            "'www.widget.example' would mean www.widget.example.widget.example.: write 'www' or 'www.widget.example.'",
        ),
        (
            "widget.example",
            "'widget.example' would mean widget.example.widget.example.: write '@' or 'widget.example.'",
        ),
        ("www.gadget.example.", "'www.gadget.example.' is not in the zone widget.example."),
        # One letter more in front: another domain, and not below the zone.
        ("awidget.example.", "'awidget.example.' is not in the zone widget.example."),
    ],
)
def test_owners_that_would_mean_another_name(text, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        names.owner(text, ZONE)


def test_a_name_that_only_looks_like_one_below_the_zone_is_relative():
    assert names.owner("www.gadget.example", ZONE) == "www.gadget.example.widget.example."
    assert names.owner("awidget.example", ZONE) == "awidget.example.widget.example."


@pytest.mark.parametrize(
    ("text", "name"),
    [("@", ZONE), ("www", "www.widget.example."), ("mail.gadget.example.", "mail.gadget.example."), (".", ".")],
)
def test_targets(text, name):
    assert names.target(text, ZONE) == name


def test_a_target_without_its_last_dot_is_refused_with_both_meanings():
    message = (
        "'mail.gadget.example' has no dot at its end: write 'mail.gadget.example.', or"
        " 'mail.gadget.example.widget.example.'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        names.target("mail.gadget.example", ZONE)


def test_parts_of_names():
    assert names.parent("www.widget.example.") == ZONE
    assert names.parent("example.") == "."
    assert names.parent(".") == "."
    assert names.relative("www.widget.example.", ZONE) == "www"
    assert names.relative(ZONE, ZONE) == "@"
    assert names.relative("awidget.example.", ZONE) == "awidget.example."
    assert names.relative("a.", ".") == "a."
    assert names.below("a.", ".")
    assert not names.below("awidget.example.", ZONE)
    assert names.shown("xn--bcher-kva.example.") == "bücher.example"
    assert names.shown("xn--a.example.") == "xn--a.example"
    assert names.shown("0/26.2.0.192.in-addr.arpa.") == "0/26.2.0.192.in-addr.arpa"
    assert names.shown(".") == "."


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("mail.example.", True),
        ("*.example.", True),
        ("_dmarc.example.", False),
        ("a_b.example.", False),
        ("a.*.example.", False),
    ],
)
def test_names_of_hosts(name, host):
    assert names.is_host(name) is host


def test_names_that_lead_back():
    assert names.reverse("198.51.100.10") == "10.100.51.198.in-addr.arpa."
    assert names.reverse("fd80:80:1::10").endswith(".0.8.0.0.0.8.d.f.ip6.arpa.")


def test_canonical_order_is_that_of_the_rfc():
    """The example of RFC 4034, 6.1."""
    order = [r"example.", r"a.example.", r"yljkjljk.a.example.", r"Z.a.example.", r"zABC.a.EXAMPLE.", r"z.example."]
    order += [r"\001.z.example.", r"*.z.example.", r"\200.z.example."]
    assert sorted([*order[4:], *order[:4]], key=names.canonical) == order
    assert names.canonical(".") == ()
    # An escaped dot is part of its label.
    assert names.canonical(r"a\.b.example.") == (b"example", b"a.b")


@given(st.lists(absolute_names, max_size=8))
def test_canonical_order_is_that_of_dnspython(some):
    assert sorted(some, key=names.canonical) == [name.to_text() for name in sorted(map(dns.name.from_text, some))]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=700))
def test_texts_of_any_length_come_back(text):
    value = strings.split(text)
    read = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, value)
    assert b"".join(read.strings) == text.encode()
    assert strings.joined(value) == text
    assert value.isascii()


def test_strings_are_cut_at_255_octets():
    assert strings.split("a" * 256) == f'"{"a" * 255}" "a"'
    assert strings.split("ü" * 128).count('" "') == 1
    assert strings.split("") == '""'
    with pytest.raises(ValueError, match=r"^a string has at most 255 bytes, and this one 256$"):
        strings.quoted(b"a" * 256)
    with pytest.raises(ValueError, match=r"^\\256 is no octet$"):
        strings.octets(r"\256")
    assert strings.octets(r"a\"b\\c\065") == b'a"b\\cA'


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("10.80.1.10", "private (RFC 1918)"),
        ("172.31.255.255", "private (RFC 1918)"),
        ("100.64.0.1", "shared by carriers (RFC 6598)"),
        ("169.254.1.1", "link-local (RFC 3927)"),
        ("255.255.255.255", "reserved (RFC 1112)"),
        ("192.0.0.8", "for protocols (RFC 6890)"),
        ("fd80:80:1::10", "private (RFC 4193)"),
        ("fe80::1", "link-local (RFC 4291)"),
        ("::1", "loopback (RFC 4291)"),
        ("::ffff:192.168.0.1", "an IPv4 address in IPv6 (RFC 4291)"),
        ("2001:0:1::", "for protocols (RFC 2928)"),
        ("ff02::1", "multicast (RFC 4291)"),
        ("198.51.100.10", "for documentation (RFC 5737)"),
        ("2001:db8::1", "for documentation (RFC 3849)"),
        ("3fff::1", "for documentation (RFC 9637)"),
        # Just beside a block, and parts of blocks that are reachable.
        ("172.32.0.1", ""),
        ("11.0.0.1", ""),
        ("100.128.0.1", ""),
        ("192.0.0.9", ""),
        ("2001:4:112::1", ""),
        ("2001:db7::1", ""),
        ("64:ff9b::1", ""),
        ("2606:4700::1", ""),
    ],
)
def test_addresses_that_the_internet_cannot_reach(address, what):
    assert special(address) == what
    assert unreachable(address, documentation=False) == what
    assert unreachable(address, documentation=True) == ("" if "documentation" in what else what)


@pytest.mark.parametrize(
    ("live", "serial"),
    [
        (None, 2026112100),
        (1, 2026112100),
        (2026112017, 2026112100),
        (2026112100, 2026112101),
        (2026112199, 2026112200),
        # Ahead: somebody used other numbers, or the clock was wrong.
        (2031010100, 2031010101),
        (2026112100 + 2**31 - 1, 2026112100 + 2**31),
        (2**32 - 1, 2026112100),
        (2026112100 + 2**31, 2026112100 + 2**31 + 1),
    ],
)
def test_serials(live, serial):
    assert next_serial(live, DAY) == serial


def test_a_serial_is_never_0():
    assert next_serial(2**32 - 1, date(2300, 1, 1)) == 1


@given(st.integers(0, 2**32 - 1), st.dates(date(2020, 1, 1), date(2100, 1, 1)))
def test_secondaries_take_each_next_serial_for_newer(live, today):
    assert newer(next_serial(live, today), live)
    assert not newer(live, live)
