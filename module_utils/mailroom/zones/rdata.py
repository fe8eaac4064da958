# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of records: from the way people and programs write them to one spelling, so that equal ones are equal texts.

A value that is read is a list of tokens: (text, whether it stood in quotation marks).
"""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, NamedTuple

from .names import ROOT, canonical, is_host
from .strings import octets, quoted, split

Token = tuple[str, bool]
# From a name as written to an absolute one; raises ValueError.
Resolve = Callable[[str], str]

# What named adds when it signs a zone (RFC 4034, 5155, 7344; TYPE65534 is its own note): nobody's data.
SIGNING = frozenset({"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "TYPE65534"})
ADDRESSES = frozenset({"A", "AAAA"})
# RFC 7505: the value of MX by which a domain says that it takes no mail.
NULL_MX = "0 ."
# Types whose value ends in a name that should lead somewhere.
TARGETS = frozenset({"MX", "NS", "SRV", "CNAME"})

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)+)|(\S)', re.S)
_NUMBER = re.compile(r"\d{1,10}")
_TIME = re.compile(r"(?:\d{1,10}[smhdw]?)+", re.I)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "": 1}
_GENERIC = re.compile(r"TYPE[1-9]\d{0,4}")
_PARAMETER = re.compile(r"[a-z0-9-]+(?:=\S+)?")


def tokens(text: str) -> list[Token]:
    """Return the tokens of a value. Raises ValueError for a quotation mark without its partner."""
    found = []
    for match in _TOKEN.finditer(text):
        if match[3]:
            raise ValueError(f"{text!r} has a quotation mark or backslash too few")
        found.append((match[2], False) if match[1] is None else (match[1], True))
    return found


def parse(kind: str, text: str, resolve: Resolve) -> str:
    """Return a value as a person wrote it in its one spelling. Raises ValueError with a reason.

    The text of TXT is the text itself: it is quoted and cut into strings here.
    """
    if kind == "TXT":
        if len(text) > 1 and text[0] == text[-1] == '"':
            raise ValueError("write the text without quotation marks of its own; long texts are split by themselves")
        return split(text)
    return normal(kind, tokens(text), resolve)


def normal(kind: str, given: Sequence[Token], resolve: Resolve) -> str:
    """Return a value (see Token) in its one spelling. Raises ValueError with a reason."""
    form = _FORMS.get(kind)
    if given[:1] == [("\\#", False)]:
        return _generic(given)
    if form is None:
        raise ValueError(unknown(kind))
    beyond = len(given) - len(form.fields)
    if beyond < form.least or (beyond and not form.rest):
        shown = " ".join(text for text, _quoted in given)
        raise ValueError(f"{kind} is written {form.usage}, not {shown!r}")
    values = [field(token, resolve) for field, token in zip(form.fields, given, strict=False)]
    if form.rest:
        values += form.rest(given[len(form.fields) :], resolve)
    if form.check:
        form.check(values)
    return " ".join(values)


def unknown(kind: str) -> str:
    """Say that a type is not known here, and which one may have been meant."""
    if kind == "SPF":
        return "the type SPF is given up (RFC 7208, 3.1); write TXT"
    if kind in SIGNING:
        return f"{kind} is made by the name server when it signs"
    close = difflib.get_close_matches(kind, KINDS, 1)
    return f"unknown type {kind!r}" + (f"; did you mean {close[0]}?" if close else f"; known are {', '.join(KINDS)}")


def known(kind: str) -> bool:
    """Whether records of a type can be in data: SOA is made from settings."""
    return (kind in _FORMS and kind != "SOA") or bool(_GENERIC.fullmatch(kind))


def host_target(kind: str, value: str) -> str:
    """Return the name that a value of MX, NS, SRV or CNAME points to; "." where it says that there is none."""
    return value.rpartition(" ")[2] if kind in TARGETS else ""


def order(kind: str) -> Callable[[str], Any]:
    """Return a key to sort values of a type by."""
    return _ORDERS.get(kind, str)


def seconds(text: str) -> int:
    """Return a TTL or time as zone files write it (3600, 1h30m) in seconds. Raises ValueError."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text!r} is not a time")
    return sum(int(count) * _UNITS[unit.lower()] for count, unit in re.findall(r"(\d+)([smhdw]?)", text, re.I))


# fields


def _number(bits: int) -> Callable[[Token, Resolve], str]:
    def field(token: Token, _resolve: Resolve) -> str:
        if not _NUMBER.fullmatch(token[0]) or int(token[0]) >= 2**bits:
            raise ValueError(f"{token[0]!r} is not a number from 0 to {2**bits - 1}")
        return str(int(token[0]))

    return field


def _time(token: Token, _resolve: Resolve) -> str:
    return str(seconds(token[0]))


def _ipv4(token: Token, _resolve: Resolve) -> str:
    try:
        return str(IPv4Address(token[0]))
    except AddressValueError:
        raise ValueError(f"{token[0]!r} is not an IPv4 address") from None


def _ipv6(token: Token, _resolve: Resolve) -> str:
    try:
        if "%" in token[0]:
            raise AddressValueError
        return str(IPv6Address(token[0]))
    except AddressValueError:
        raise ValueError(f"{token[0]!r} is not an IPv6 address") from None


def _name(token: Token, resolve: Resolve) -> str:
    return resolve(token[0])


def _host(token: Token, resolve: Resolve) -> str:
    """The name of a host; named refuses others as targets of MX, NS and SRV."""
    name = resolve(token[0])
    if name != ROOT and not is_host(name):
        raise ValueError(f"{name} is not a name of a host: letters, digits and - only")
    return name


def _string(token: Token, _resolve: Resolve) -> str:
    return quoted(octets(token[0]))


def _tag(token: Token, _resolve: Resolve) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{1,15}", token[0]):
        raise ValueError(f"{token[0]!r} is not a tag such as issue, issuewild or iodef")
    return token[0].lower()


# the rest of a value


def _strings(given: Sequence[Token], resolve: Resolve) -> list[str]:
    return [_string(token, resolve) for token in given]


def _hex(given: Sequence[Token], _resolve: Resolve) -> list[str]:
    text = "".join(part for part, _quoted in given).lower()
    if not re.fullmatch(r"(?:[0-9a-f]{2})+", text):
        raise ValueError(f"{text!r} is not hexadecimal")
    return [text]


def _base64(given: Sequence[Token], _resolve: Resolve) -> list[str]:
    text = "".join(part for part, _quoted in given)
    try:
        return [base64.b64encode(base64.b64decode(text, validate=True)).decode()]
    except binascii.Error:
        raise ValueError(f"{text!r} is not base64") from None


def _words(given: Sequence[Token], _resolve: Resolve) -> list[str]:
    return [text for text, _quoted in given]


def _parameters(given: Sequence[Token], _resolve: Resolve) -> list[str]:
    """Parameters of SVCB and HTTPS (RFC 9460, 2.1), in order of their names."""
    # A value in quotation marks is a token of its own, and the same without them.
    found: list[str] = []
    for text, in_marks in given:
        if in_marks and found and found[-1].endswith("="):
            found[-1] += text
        else:
            found.append(text)
    for text in found:
        if not _PARAMETER.fullmatch(text):
            raise ValueError(f"{text!r} is not a parameter such as alpn=h2 or port=8443")
    return sorted(found)


def _generic(given: Sequence[Token]) -> str:
    r"""Any type as `\# length hex` (RFC 3597, 5)."""
    digits = "".join(text for text, _quoted in given[2:]).lower()
    size = given[1][0] if len(given) > 1 else ""
    if not size.isdecimal() or not re.fullmatch(r"(?:[0-9a-f]{2})*", digits) or len(digits) != 2 * int(size):
        raise ValueError(r"a type by number is written \# length hex")
    return f"\\# {int(size)} {digits}".rstrip()


# checks of whole values


def _digest_size(values: list[str]) -> None:
    """TLSA and SMIMEA (RFC 6698, 2.1): values in range, and a hash as long as its kind says."""
    usage, selector, matching, data = values
    if int(usage) > 3 or int(selector) > 1 or int(matching) > 2:
        raise ValueError(f"{usage} {selector} {matching} are no usage (0-3), selector (0, 1) and matching type (0-2)")
    size = {"1": 64, "2": 128}.get(matching, len(data))
    if len(data) != size:
        raise ValueError(f"a hash of matching type {matching} has {size} hexadecimal digits, and this one {len(data)}")


def _no_service(values: list[str]) -> None:
    """Null MX stands for itself (RFC 7505, 3)."""
    if values[1] == ROOT and values[0] != "0":
        raise ValueError("a domain that takes no mail has `0 .` (RFC 7505)")


class _Form(NamedTuple):
    usage: str
    fields: tuple[Callable[[Token, Resolve], str], ...]
    rest: Callable[[Sequence[Token], Resolve], list[str]] | None = None
    check: Callable[[list[str]], None] | None = None
    least: int = 0


_U8, _U16, _U32 = _number(8), _number(16), _number(32)
_FORMS = {
    "A": _Form("address", (_ipv4,)),
    "AAAA": _Form("address", (_ipv6,)),
    "CAA": _Form('flags tag "value"', (_U8, _tag, _string)),
    "CNAME": _Form("name", (_name,)),
    "DNAME": _Form("name", (_name,)),
    "DS": _Form("key-tag algorithm digest-type hex", (_U16, _U8, _U8), _hex, least=1),
    "HTTPS": _Form("priority target parameters", (_U16, _name), _parameters),
    "LOC": _Form("latitude longitude altitude", (), _words, least=1),
    "MX": _Form("preference host", (_U16, _host), None, _no_service),
    "NAPTR": _Form(
        'order preference "flags" "service" "regexp" replacement', (_U16, _U16, _string, _string, _string, _name)
    ),
    "NS": _Form("host", (_host,)),
    "OPENPGPKEY": _Form("base64", (), _base64, least=1),
    "PTR": _Form("name", (_name,)),
    "SMIMEA": _Form("usage selector matching-type hex", (_U8, _U8, _U8), _hex, _digest_size, least=1),
    "SOA": _Form(
        "primary contact serial refresh retry expire negative", (_host, _name, _U32, _time, _time, _time, _time)
    ),
    "SRV": _Form("priority weight port host", (_U16, _U16, _U16, _host)),
    "SSHFP": _Form("algorithm type hex", (_U8, _U8), _hex, least=1),
    "SVCB": _Form("priority target parameters", (_U16, _name), _parameters),
    "TLSA": _Form("usage selector matching-type hex", (_U8, _U8, _U8), _hex, _digest_size, least=1),
    "TXT": _Form('"text" "text" ...', (), _strings, least=1),
    "URI": _Form('priority weight "address"', (_U16, _U16, _string)),
}
KINDS = tuple(sorted(set(_FORMS) - {"SOA"}))


def _numbers_then_name(value: str) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    *numbers, name = value.split(" ")
    return tuple(map(int, numbers)), canonical(name)


_ORDERS: dict[str, Callable[[str], Any]] = {
    "A": lambda value: IPv4Address(value).packed,
    "AAAA": lambda value: IPv6Address(value).packed,
    "MX": _numbers_then_name,
    "SRV": _numbers_then_name,
    "NS": canonical,
}
