# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of records: one spelling for equal ones, and refusals that say what is wrong."""

from __future__ import annotations

import re

import dns.rdata
import pytest
from mailroom.zones import rdata
from mailroom.zones.names import target
from mailroom.zones.rdata import parse, tokens

ZONE = "widget.example."
HASH = "ab" * 32


def value(kind: str, text: str) -> str:
    return parse(kind, text, lambda name: target(name, ZONE))


@pytest.mark.parametrize(
    ("kind", "text", "spelled"),
    [
        ("A", "192.0.2.80", "192.0.2.80"),
        ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
        ("CNAME", "www", "www.widget.example."),
        ("DNAME", "Gadget.Example.", "gadget.example."),
        ("MX", "010 MAIL.gadget.example.", "10 mail.gadget.example."),
        ("MX", "0 .", "0 ."),
        ("NS", "ns1.gadget.example.", "ns1.gadget.example."),
        ("PTR", "@", "widget.example."),
        ("SRV", "0 1 993 mail", "0 1 993 mail.widget.example."),
        ("TXT", 'say "hello" to C:\\', '"say \\"hello\\" to C:\\\\"'),
        ("TXT", '"', '"\\""'),
        ("CAA", "0 ISSUE letsencrypt.org", '0 issue "letsencrypt.org"'),
        ("TLSA", f"3 1 1 {HASH[:30].upper()} {HASH[30:]}", f"3 1 1 {HASH}"),
        ("TLSA", "3 1 0 ABCD", "3 1 0 abcd"),
        ("SSHFP", f"4 2 {HASH.upper()}", f"4 2 {HASH}"),
        ("DS", f"12345 13 2 {HASH[:8]} {HASH[8:]}", f"12345 13 2 {HASH}"),
        ("HTTPS", '1 . port=8443 alpn="h2,h3"', "1 . alpn=h2,h3 port=8443"),
        ("SVCB", "0 www.gadget.example.", "0 www.gadget.example."),
        ("NAPTR", '10 20 "S" SIP+D2T "" _sip._tcp.widget.example.', '10 20 "S" "SIP+D2T" "" _sip._tcp.widget.example.'),
        ("URI", "10 1 https://www.widget.example/", '10 1 "https://www.widget.example/"'),
        ("OPENPGPKEY", "YWJj ZGVm", "YWJjZGVm"),
        ("LOC", "52 22 23.000 N 4 53 32.000 E -2m", "52 22 23.000 N 4 53 32.000 E -2m"),
        ("TYPE65280", r"\# 3 ab CDEF", r"\# 3 abcdef"),
        ("TYPE65280", r"\# 0", r"\# 0"),
    ],
)
def test_values_in_their_one_spelling(kind, text, spelled):
    assert value(kind, text) == spelled
    if kind != "TXT":
        assert value(kind, spelled) == spelled
    # Others read the same.
    dns.rdata.from_text("IN", kind, spelled)


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("A", "10.80.1", "'10.80.1' is not an IPv4 address"),
        ("A", "2001:db8::1", "'2001:db8::1' is not an IPv4 address"),
        ("A", "192.0.2.1 192.0.2.2", "A is written address, not '192.0.2.1 192.0.2.2'"),
        ("AAAA", "192.0.2.1", "'192.0.2.1' is not an IPv6 address"),
        ("AAAA", "fe80::1%eth0", "'fe80::1%eth0' is not an IPv6 address"),
        ("MX", "mail", "MX is written preference host, not 'mail'"),
        ("MX", "ten mail", "'ten' is not a number from 0 to 65535"),
        ("MX", "65536 mail", "'65536' is not a number from 0 to 65535"),
        ("MX", "10 .", "a domain that takes no mail has `0 .` (RFC 7505)"),
        ("MX", "10 _mail", "_mail.widget.example. is not a name of a host: letters, digits and - only"),
        (
            "MX",
            "10 mail.gadget.example",
            "'mail.gadget.example' has no dot at its end: write 'mail.gadget.example.', or"
            " 'mail.gadget.example.widget.example.'",
        ),
        (
            "TXT",
            '"v=spf1 -all"',
            "write the text without quotation marks of its own; long texts are split by themselves",
        ),
        ("CAA", "0 is-sue x", "'is-sue' is not a tag such as issue, issuewild or iodef"),
        ("TLSA", f"3 1 1 {HASH[2:]}", "a hash of matching type 1 has 64 hexadecimal digits, and this one 62"),
        ("TLSA", f"3 1 2 {HASH}", "a hash of matching type 2 has 128 hexadecimal digits, and this one 64"),
        ("TLSA", f"4 1 1 {HASH}", "4 1 1 are no usage (0-3), selector (0, 1) and matching type (0-2)"),
        ("TLSA", "3 1 1 xyz", "'xyz' is not hexadecimal"),
        ("TLSA", "3 1 1", "TLSA is written usage selector matching-type hex, not '3 1 1'"),
        ("OPENPGPKEY", "a", "'a' is not base64"),
        ("HTTPS", "1 . alpn=", "'alpn=' is not a parameter such as alpn=h2 or port=8443"),
        ("TYPE65280", r"\# 2 ab", r"a type by number is written \# length hex"),
        ("TYPE65280", r"\#", r"a type by number is written \# length hex"),
        ("URI", '1 1 "a', "'1 1 \"a' has a quotation mark or backslash too few"),
        ("AAAAA", "x", "unknown type 'AAAAA'; did you mean AAAA?"),
        ("SPF", "x", "the type SPF is given up (RFC 7208, 3.1); write TXT"),
        ("RRSIG", "x", "RRSIG is made by the name server when it signs"),
    ],
)
def test_values_that_are_refused(kind, text, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        value(kind, text)


def test_a_type_that_resembles_none_lists_all():
    with pytest.raises(ValueError, match=r"^unknown type 'XQZ'; known are A, AAAA, CAA, .*, URI$"):
        value("XQZ", "x")


def test_types_that_can_be_in_data():
    assert rdata.known("A")
    assert rdata.known("TYPE65280")
    assert not rdata.known("SOA")
    assert not rdata.known("TYPE0")


def test_where_records_lead():
    assert rdata.host_target("MX", "10 mail.widget.example.") == "mail.widget.example."
    assert rdata.host_target("CNAME", "www.widget.example.") == "www.widget.example."
    assert rdata.host_target("TXT", '"a b"') == ""


def test_times():
    assert rdata.seconds("3600") == rdata.seconds("1h") == rdata.seconds("30m30M") == 3600
    assert rdata.seconds("1w2d") == 777600
    with pytest.raises(ValueError, match=r"^'1y' is not a time$"):
        rdata.seconds("1y")


def test_order_of_values():
    assert sorted(["192.0.2.100", "192.0.2.20"], key=rdata.order("A")) == ["192.0.2.20", "192.0.2.100"]
    assert sorted(["2001:db8::a", "2001:db8::"], key=rdata.order("AAAA")) == ["2001:db8::", "2001:db8::a"]
    assert sorted(["100 a.", "20 b.", "20 a."], key=rdata.order("MX")) == ["20 a.", "20 b.", "100 a."]
    assert sorted(["b.", "a."], key=rdata.order("TXT")) == ["a.", "b."]


def test_tokens():
    assert tokens(r'a\ b "c d" ""') == [(r"a\ b", False), ("c d", True), ("", True)]
