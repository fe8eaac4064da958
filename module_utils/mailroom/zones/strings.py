# SPDX-License-Identifier: GPL-3.0-or-later
"""Character strings of DNS (RFC 1035, 3.3 and 5.1): up to 255 octets each, quoted in zone files."""

from __future__ import annotations

import re

MOST_OCTETS = 255

_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.S)
_ESCAPES = [
    f"\\{octet:03d}" if octet < 32 or octet > 126 else f"\\{chr(octet)}" if chr(octet) in '"\\' else chr(octet)
    for octet in range(256)
]


def quoted(content: bytes) -> str:
    """Return one string of at most 255 octets in quotation marks. Raises ValueError if it has more."""
    if len(content) > MOST_OCTETS:
        raise ValueError(f"a string has at most {MOST_OCTETS} bytes, and this one {len(content)}")
    return f'"{"".join(_ESCAPES[octet] for octet in content)}"'


def split(text: str) -> str:
    """Return a text of any length as the strings of one TXT record, cut at 255 octets of UTF-8.

    Readers join the strings without anything between (RFC 7208, 3.3; RFC 6376, 3.6.2.2).
    """
    content = text.encode()
    parts = [content[start : start + MOST_OCTETS] for start in range(0, len(content), MOST_OCTETS)]
    return " ".join(map(quoted, parts or [b""]))


def octets(text: str) -> bytes:
    """Return what a string in a zone file, without its quotation marks, stands for. Raises ValueError."""

    def one(found: re.Match[bytes]) -> bytes:
        if not (len(found[1]) == 3 and found[1].isdigit()):
            return found[1]
        if int(found[1]) > 255:
            raise ValueError(f"\\{found[1].decode()} is no octet")
        return bytes([int(found[1])])

    return _ESCAPE.sub(one, text.encode())


def joined(value: str) -> str:
    """Return the text of a TXT record's value (one or more quoted strings), for reading only."""
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
    return b"".join(map(octets, parts)).decode("utf-8", "backslashreplace")
