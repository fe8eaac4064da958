# SPDX-License-Identifier: GPL-3.0-or-later
"""Distinguished names (RFC 4514): build, split, compare. Only single-valued RDNs are built."""

from __future__ import annotations

_SPECIAL = set('"+,;<>\\=')
_HEX = "0123456789abcdefABCDEF"


def escape(value: str) -> str:
    """Return a value as it must be written in a DN."""
    out = []
    for position, char in enumerate(value):
        at_edge = (position == 0 and char in " #") or (position == len(value) - 1 and char == " ")
        if char in _SPECIAL or at_edge:
            out.append("\\" + char)
        elif ord(char) < 0x20 or char == "\x7f":
            out.append(f"\\{ord(char):02x}")
        else:
            out.append(char)
    return "".join(out)


def join(attribute: str, value: str, base: str) -> str:
    """Return the DN of the entry `attribute=value` below `base`."""
    return f"{attribute}={escape(value)},{base}" if base else f"{attribute}={escape(value)}"


def split(dn: str) -> list[tuple[str, str]]:
    """Return the RDNs from the leaf up as (attribute in lower case, unescaped value).

    A multi-valued RDN stays one item, with its further parts in the value.
    Raises ValueError for what is no DN.
    """
    if not dn.strip():
        return []
    if not _is_plain(dn):
        return [_rdn(part, dn) for part in _parts(dn)]
    # Nearly all DNs; 100,000 of them are taken apart in one run.
    pairs = [part.partition("=") for part in dn.split(",")]
    if " " in dn or not all(attribute and separator for attribute, separator, _value in pairs):
        return [_rdn(part, dn) for part in dn.split(",")]
    return [(attribute.lower(), value) for attribute, _separator, value in pairs]


def parent(dn: str) -> str:
    """Return the DN of the entry above ("" above the last)."""
    if _is_plain(dn):
        return dn.partition(",")[2].lstrip()
    parts = _parts(dn)
    return dn[len(parts[0]) + 1 :].lstrip() if len(parts) > 1 else ""


def key(dn: str) -> str:
    """Return a form in which two spellings of one DN are equal. Not for sending to a server."""
    if "\\" not in dn and " " not in dn and ";" not in dn and dn.count("=") == dn.count(",") + 1:
        return dn.lower()  # nearly all DNs; 100,000 of them are compared in one run
    return ",".join(f"{attribute}={escape(value.lower())}" for attribute, value in split(dn))


def depth(dn: str) -> int:
    """Return the number of RDNs."""
    return len(split(dn))


def _is_plain(dn: str) -> bool:
    """Whether nothing is escaped, so that every comma separates."""
    return "\\" not in dn and ";" not in dn


def _parts(dn: str) -> list[str]:
    parts, start, position = [], 0, 0
    while position < len(dn):
        if dn[position] == "\\":
            position += 2
            continue
        if dn[position] in ",;":
            parts.append(dn[start:position])
            start = position + 1
        position += 1
    return [*parts, dn[start:]]


def _rdn(part: str, dn: str) -> tuple[str, str]:
    attribute, separator, value = part.partition("=")
    if not separator or not attribute.strip():
        raise ValueError(f"not a DN: {dn!r} (no attribute in {part!r})")
    return attribute.strip().lower(), _unescape(_trim(value))


def _trim(value: str) -> str:
    value = value.lstrip()
    stripped = value.rstrip()
    # An escaped space at the end belongs to the value.
    return stripped + " " if stripped.endswith("\\") and len(stripped) < len(value) else stripped


def _unescape(value: str) -> str:
    out = bytearray()
    position = 0
    while position < len(value):
        if value[position] != "\\":
            out += value[position].encode("utf-8", "surrogateescape")
            position += 1
        elif value[position + 1 : position + 3].strip() and all(c in _HEX for c in _pair(value, position)):
            out.append(int(_pair(value, position), 16))
            position += 3
        else:
            out += value[position + 1 : position + 2].encode("utf-8", "surrogateescape")
            position += 2
    return out.decode("utf-8", "surrogateescape")


def _pair(value: str, position: int) -> str:
    """The two characters after a backslash, or "x" (never hexadecimal) where there are fewer."""
    pair = value[position + 1 : position + 3]
    return pair if len(pair) == 2 else "x"
