# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of DNS: absolute, in lower-case A-labels, with the dot at the end (`www.widget.example.`)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address

from ..addresses import domain_to_ascii, domain_to_unicode

ROOT = "."
# RFC 1035, 2.3.4: 255 octets on the wire, which are 253 characters between the dots and at the end none.
_LONGEST = 253
# What zone data needs: hosts, _service labels (RFC 8552), and n/26 of RFC 2317.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_/-]{0,61}[a-z0-9_])?")
# RFC 1123, 2.1: what a host can be called; named refuses addresses under other names.
_HOST_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_UNESCAPED_DOT = re.compile(r"(?<!\\)\.")
_ESCAPE = re.compile(r"\\(\d{3}|.)", re.S)


@lru_cache(maxsize=65536)
def absolute(text: str) -> str:
    """Return a whole name, with or without its last dot and in either form of IDNA. Raises ValueError with a reason."""
    if text == ROOT:
        return ROOT
    name = ".".join(map(_label, text.removesuffix(".").split(".")))
    if len(name) > _LONGEST:
        raise ValueError(f"{text!r} has {len(name)} characters, and a name at most {_LONGEST}")
    return f"{name}."


def owner(text: str, zone: str) -> str:
    """Return the name of a record as zone files write it: `@`, `www`, or absolute with a last dot. Raises ValueError.

    A name that repeats the zone without a last dot is refused: it would end in the zone twice.
    """
    if text == "@":
        return zone
    if text.endswith("."):
        name = absolute(text)
        if not below(name, zone):
            raise ValueError(f"{text!r} is not in the zone {zone}")
        return name
    if below(name := absolute(text), zone):
        raise ValueError(f"{text!r} would mean {text}.{zone}: write {relative(name, zone)!r} or {name!r}")
    return absolute(f"{text}.{zone}")


def target(text: str, zone: str) -> str:
    """Return a name that a record points to. Raises ValueError with a reason.

    One label is relative to the zone, and a last dot makes a name absolute. A name with a dot inside and none at
    the end is refused, as half of its writers mean the one and half the other.
    """
    if text == "@":
        return zone
    if text.endswith("."):
        return absolute(text)
    if "." in text:
        raise ValueError(f"{text!r} has no dot at its end: write {text + '.'!r}, or {text + '.' + zone!r}")
    return absolute(f"{text}.{zone}")


def below(name: str, zone: str) -> bool:
    """Whether a name is a zone's own name or in it."""
    return name == zone or zone == ROOT or name.endswith("." + zone)


def parent(name: str) -> str:
    """Return the name above; that of the root is the root."""
    parts = _UNESCAPED_DOT.split(name, maxsplit=1)
    return parts[1] or ROOT


def relative(name: str, zone: str) -> str:
    """Return a name as its zone's file shows it: `@`, `www`; names elsewhere stay absolute."""
    if name == zone:
        return "@"
    return name[: -len(zone) - 1] if zone != ROOT and name.endswith("." + zone) else name


@lru_cache(maxsize=131072)
def canonical(name: str) -> tuple[bytes, ...]:
    """Return a key that sorts names as RFC 4034, 6.1 does: label by label from the right, as octets in lower case."""
    if name == ROOT:
        return ()
    labels = _UNESCAPED_DOT.split(name.lower())[-2::-1]
    return tuple(_octets(label) if "\\" in label else label.encode("latin-1", "replace") for label in labels)


def is_host(name: str) -> bool:
    """Whether a name can be one of a host (RFC 1123, 2.1); the first label may be `*`."""
    return all(_HOST_LABEL.fullmatch(label) for label in name.removeprefix("*.").removesuffix(".").split("."))


@lru_cache(maxsize=65536)
def reverse(address: str) -> str:
    """Return the name under in-addr.arpa (RFC 1035, 3.5) or ip6.arpa (RFC 3596, 2.5) of an address."""
    return f"{ip_address(address).reverse_pointer}."


def shown(name: str) -> str:
    """Return a name as people read it: U-labels where it has any, no last dot."""
    bare = name.removesuffix(".")
    try:
        return domain_to_unicode(bare) if "xn--" in bare else bare or ROOT
    except ValueError:
        return bare


def _label(label: str) -> str:
    lower = label.lower()
    if lower == "*" or (_LABEL.fullmatch(lower) and not lower.startswith("xn--")):
        return lower
    if not label:
        raise ValueError("a name has no empty part")
    if label.isascii() and not lower.startswith("xn--"):
        raise ValueError(f"{label!r} cannot be part of a name")
    return domain_to_ascii(f"{lower}.example").removesuffix(".example")


def _octets(label: str) -> bytes:
    """A label with escapes (RFC 1035, 5.1) as what it stands for."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1])) if len(found[1]) == 3 else found[1], label)
    return plain.lower().encode("latin-1", "replace")
