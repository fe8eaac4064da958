# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail addresses and domain names, internationalised ones too, by the standard library alone.

The canonical form of an address has a lower-case domain in A-labels (xn--...); the local part of an address
in a hosted domain is lower case as well.
"""

from __future__ import annotations

import re
import unicodedata

# Fits names that people and daemons use; what RFC 5321 would allow beyond this breaks shells, paths or Sieve.
LOCAL_PART = re.compile(r"[a-z0-9_]+(?:[.-]?[a-z0-9_]+)*")
# Outside mailboxes may be called anything that needs no quoting.
OUTSIDE_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})


def domain_to_ascii(name: str) -> str:
    """Return a domain name in lower-case A-labels. Raises ValueError with a reason."""
    labels = unicodedata.normalize("NFC", name.translate(_DOTS)).lower().split(".")
    if len(labels) < 2:
        raise ValueError("a domain name needs a dot")
    encoded = ".".join(_label_to_ascii(label) for label in labels)
    if len(encoded) > 253:
        raise ValueError("a domain name has at most 253 characters")
    if labels[-1].isdigit():
        raise ValueError("the last part of a domain name is not a number")
    return encoded


def domain_to_unicode(name: str) -> str:
    """Return a domain name, given in either form, in U-labels where it has any. Raises ValueError."""
    return ".".join(_label_to_unicode(label) for label in domain_to_ascii(name).split("."))


def check_local_part(local: str) -> None:
    """Raise ValueError with a reason if a hosted mailbox or alias cannot have this local part."""
    if len(local) > 64:
        raise ValueError("the part before the @ has at most 64 characters")
    if not LOCAL_PART.fullmatch(local):
        raise ValueError(f"{local!r} is not a local part: lower-case a-z, 0-9, _, with single . or - between")


def parse_address(address: str) -> tuple[str, str]:
    """Return (local part, domain in A-labels) of an address. Raises ValueError with a reason."""
    local, at, domain = address.rpartition("@")
    if not at:
        raise ValueError(f"{address!r} has no @")
    if not local or len(local) > 64 or not OUTSIDE_LOCAL_PART.fullmatch(local):
        raise ValueError(f"{address!r} is not an address: the part before the @ is not valid")
    try:
        return local, domain_to_ascii(domain)
    except ValueError as error:
        raise ValueError(f"{address!r} is not an address: {error}") from None


def qualify(value: str, domain: str) -> str:
    """Return the canonical address of a local part of `domain` or of a whole address. Raises ValueError.

    The local part is lower case in all hosted domains, and outside as written.
    """
    if "@" not in value:
        value = f"{value.lower()}@{domain}"
    local, host = parse_address(value)
    return f"{local.lower() if host == domain else local}@{host}"


def _label_to_ascii(label: str) -> str:
    if not label:
        raise ValueError("a domain name has no empty part")
    if label.startswith("xn--"):
        _label_to_unicode(label)
        return label
    if not label.isascii():
        # Letters, marks and digits of any script are what IDNA 2008 allows, seen from far enough.
        bad = [char for char in label if unicodedata.category(char)[0] not in "LMN" and char != "-"]
        if bad or label.strip("-") != label or unicodedata.category(label[0])[0] == "M":
            raise ValueError(f"{label!r} cannot be part of a domain name")
        label = "xn--" + label.encode("punycode").decode("ascii")
    if not _LABEL.fullmatch(label):
        raise ValueError(f"{label!r} cannot be part of a domain name")
    return label


def _label_to_unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        decoded = ""
    # Only the one spelling that encodes back to the same bytes is a valid A-label.
    if decoded.isascii() or _label_to_ascii(decoded) != label:
        raise ValueError(f"{label!r} is not a valid internationalised name")
    return decoded
