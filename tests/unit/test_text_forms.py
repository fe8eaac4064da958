# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, domain names, DNs, sizes: one normal form each, and a reason for what has none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom import addresses, codec, dn, quantities


@pytest.mark.parametrize(
    ("given_name", "ascii_name", "unicode_name"),
    [
        ("Widget.Example", "widget.example", "widget.example"),
        ("bücher.example", "xn--bcher-kva.example", "bücher.example"),
        ("BÜCHER.example", "xn--bcher-kva.example", "bücher.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example", "bücher.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example", "bücher.example"),
        ("straße.example", "xn--strae-oqa.example", "straße.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah", "例え.テスト"),
    ],
)
def test_domain_names(given_name, ascii_name, unicode_name):
    assert addresses.domain_to_ascii(given_name) == ascii_name
    assert addresses.domain_to_unicode(given_name) == unicode_name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("localhost", "a domain name needs a dot"),
        ("widget..example", "a domain name has no empty part"),
        ("widget.example.", "a domain name has no empty part"),
        ("-widget.example", "'-widget' cannot be part of a domain name"),
        ("wid_get.example", "'wid_get' cannot be part of a domain name"),
        ("b☃cher.example", "'b☃cher' cannot be part of a domain name"),
        ("ü-.example", "'ü-' cannot be part of a domain name"),
        ("\u0308a.example", "'\u0308a' cannot be part of a domain name"),
        ("a" * 64 + ".example", f"'{'a' * 64}' cannot be part of a domain name"),
        (".".join(["a" * 60] * 5), "a domain name has at most 253 characters"),
        ("192.0.2.1", "the last part of a domain name is not a number"),
        ("xn--ascii-.example", "'xn--ascii-' is not a valid internationalised name"),
        ("xn--999999999.example", "'xn--999999999' is not a valid internationalised name"),
    ],
)
def test_names_that_are_no_domains(name, reason):
    with pytest.raises(ValueError) as error:
        addresses.domain_to_ascii(name)
    assert str(error.value) == reason


@pytest.mark.parametrize(
    "local", ["a", "alice.liddell", "a-b_c", "007", "_x", "ä", "佐藤.花", "प्रिया", "x٣", "_ü", "ä" * 32]
)
def test_local_parts(local):
    addresses.check_local_part(local)


@pytest.mark.parametrize("local", ["", "A", ".a", "a.", "a..b", "a b", "a/b", "a+b", "x" * 65])
def test_no_local_parts(local):
    with pytest.raises(ValueError, match=r"local part|64 characters"):
        addresses.check_local_part(local)


@pytest.mark.parametrize(
    ("local", "reason"),
    [
        ("Ä", "'Ä' must be in lower case and NFC: 'ä'"),
        ("u\u0308", "'u\u0308' must be in lower case and NFC: 'ü'"),
        ("\ufb01n", "'\ufb01n' has special forms of characters: write 'fin'"),
        ("ä" * 33, "the part before the @ has at most 64 bytes in UTF-8, and this one 66"),
        *(
            (local, f"{local!r} is not a local part: lower-case letters, digits and _, with single . or - between")
            for local in ("ä.", "ä..b", "ä b", "☃", "ä\u200d", "ä.\u0902", "\u0902a", "ä+b", "\u0301a")
        ),
    ],
)
def test_no_local_parts_of_other_scripts(local, reason):
    with pytest.raises(ValueError) as error:
        addresses.check_local_part(local)
    assert str(error.value) == reason


@pytest.mark.parametrize(
    "address",
    [
        "a",
        "@widget.example",
        "a b@widget.example",
        f"{'x' * 65}@widget.example",
        "ä\u2028@x.example",
        f"{'ä' * 33}@x.example",
    ],
)
def test_no_addresses(address):
    with pytest.raises(ValueError):
        addresses.parse_address(address)


def test_qualify():
    assert addresses.qualify("Alice", "widget.example") == "alice@widget.example"
    assert addresses.qualify("Alice@Widget.Example", "widget.example") == "alice@widget.example"
    assert addresses.qualify("Ju\u0308rgen+Shop", "widget.example") == "jürgen+shop@widget.example"
    assert addresses.qualify("Jürgen@Elsewhere.Example", "widget.example") == "Jürgen@elsewhere.example"
    hosted = {"gadget.example": "gadget.example", "xn--bcher-kva.test": "gadget.example"}
    assert addresses.qualify("Jürgen@Bücher.Test", "widget.example", hosted) == "jürgen@gadget.example"
    assert addresses.qualify("Alice@Gadget.Example", "widget.example", hosted) == "alice@gadget.example"
    assert addresses.qualify("O'Neil@Elsewhere.Example", "widget.example") == "O'Neil@elsewhere.example"


@given(st.text(st.characters(categories=["Ll", "Lo", "Nd"]), min_size=1, max_size=8))
def test_both_spellings_of_a_domain_name_lead_to_one_another(label):
    try:
        name = addresses.domain_to_ascii(f"{label}.example")
    except ValueError:
        return
    assert name.isascii()
    assert addresses.domain_to_ascii(addresses.domain_to_unicode(name)) == name


NASTY = st.text(st.sampled_from('ab ,+"\\<>;=#é\x00\n' + "\x7f"), min_size=1, max_size=8)


@given(NASTY, NASTY)
def test_any_value_survives_in_a_dn(first, second):
    name = dn.join("cn", first, dn.join("OU", second, "dc=example"))
    assert dn.split(name) == [("cn", first), ("ou", second), ("dc", "example")]
    assert dn.split(dn.parent(name)) == [("ou", second), ("dc", "example")]
    assert dn.key(name) == dn.key(name.replace("dc=", "DC = "))


def test_dn_spellings():
    assert dn.key(r"cn=a\2Cb,dc=x") == dn.key(r"CN=a\,b, DC=x")
    assert dn.key("cn=a=b,dc=x") == dn.key(r"cn=a\=b,dc=x")
    assert dn.key("cn=a;dc=x") == dn.key("cn=a,dc=x")
    assert dn.split(r"cn=a\ ,dc=x")[0] == ("cn", "a ")
    assert dn.split("cn=a\\") == [("cn", "a")]
    assert dn.split(r"cn=a\g") == [("cn", "ag")]
    assert dn.split("") == []
    assert dn.parent("dc=x") == ""
    assert dn.join("dc", "x", "") == "dc=x"
    assert dn.depth("a=1,b=2,c=3") == 3
    assert dn.split(r"cn=\c3\a9") == [("cn", "é")]


@pytest.mark.parametrize("text", ["nonsense", "=a,dc=x", "cn=a,,dc=x"])
def test_no_dns(text):
    with pytest.raises(ValueError, match="not a DN"):
        dn.split(text)


@pytest.mark.parametrize(("text", "size"), [("1K", 1024), ("500M", 524288000), ("2G", 2 << 30), ("1T", 1 << 40)])
def test_sizes(text, size):
    assert quantities.parse_size(text) == size
    assert quantities.format_size(size) == text


def test_unlimited_and_odd_sizes():
    assert quantities.parse_size("unlimited") is None
    assert quantities.format_size(None) == "unlimited"
    assert quantities.format_size(1025) == "1025"


@pytest.mark.parametrize("text", ["", "5", "0G", "-1G", "1.5G", "5g", "5 G"])
def test_no_sizes(text):
    with pytest.raises(ValueError, match="is not a size such as"):
        quantities.parse_size(text)


JSON = st.recursive(st.text() | st.integers() | st.booleans() | st.none(), lambda inner: st.lists(inner), max_leaves=5)


@given(st.dictionaries(st.text(), JSON))
def test_packed_data_comes_back(data):
    packed = codec.encode(data)
    assert packed.isascii()
    assert codec.decode(packed) == data


@pytest.mark.parametrize("text", ["", "no base64!", "aGVsbG8="])
def test_what_is_not_packed_data(text):
    with pytest.raises(ValueError, match="not an encoded set of entries"):
        codec.decode(text)
