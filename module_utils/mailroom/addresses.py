# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail addresses and domain names, internationalised ones too, by the standard library alone.

The canonical form of an address has a lower-case domain in A-labels (xn--...), under the main name of a hosted
domain. The local part of an address in a hosted domain is lower case and in Unicode's form NFC (RFC 6532).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

# RFC 5321 4.5.3.1.1: octets, here of UTF-8 (RFC 6531).
MOST_OCTETS = 64

# Fits names that people and daemons use; what RFC 5321 would allow beyond this breaks shells, paths or Sieve.
_LOCAL_PART = re.compile(r"[a-z0-9_]+(?:[.-][a-z0-9_]+)*")
# Outside mailboxes may be called anything that needs no quoting (RFC 6531 adds all that is not ASCII).
_OUTSIDE_LOCAL_PART = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*"
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
_NO_NAMES: Mapping[str, str] = {}


@lru_cache(maxsize=8192)
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


@lru_cache(maxsize=8192)
def domain_to_unicode(name: str) -> str:
    """Return a domain name, given in either form, in U-labels where it has any. Raises ValueError."""
    return ".".join(_label_to_unicode(label) for label in domain_to_ascii(name).split("."))


def canonical_local_part(local: str) -> str:
    """Return the local part of a hosted address in lower case and NFC."""
    lower = local.lower()
    return lower if lower.isascii() else unicodedata.normalize("NFC", lower)


def folded_local_part(local: str) -> str:
    """Return a local part as Postfix asks the directory for it, or "" where that is the same to the directory.

    Postfix looks up every key in Unicode's full case folding: it asks for strasse where an address has straße.
    """
    folded = unicodedata.normalize("NFKC", local.casefold())
    return "" if folded == local else folded


def check_local_part(local: str) -> None:
    """Raise ValueError with a reason if no hosted address can have this local part."""
    if not local.isascii():
        _check_international(local)
    elif len(local) > MOST_OCTETS:
        raise ValueError(f"the part before the @ has at most {MOST_OCTETS} characters")
    elif not _LOCAL_PART.fullmatch(local):
        raise ValueError(_not_local(local))


def _check_international(local: str) -> None:
    """The same for letters, marks and digits of any script."""
    size = len(local.encode("utf-8", "surrogatepass"))
    if size > MOST_OCTETS:
        raise ValueError(f"the part before the @ has at most {MOST_OCTETS} bytes in UTF-8, and this one {size}")
    if local != canonical_local_part(local):
        raise ValueError(f"{local!r} must be in lower case and NFC: {canonical_local_part(local)!r}")
    # The directory compares these as equal (RFC 4518), and people cannot tell them apart.
    if local != (plain := unicodedata.normalize("NFKC", local)):
        raise ValueError(f"{local!r} has special forms of characters: write {plain!r}")
    if not all(_is_word(part) for part in re.split("[.-]", local)):
        raise ValueError(_not_local(local))


def _is_word(part: str) -> bool:
    """Whether a text is letters, marks, digits and _, and does not begin with a mark."""
    kinds = [unicodedata.category(char) for char in part if char != "_"]
    return bool(part) and unicodedata.category(part[0])[0] != "M" and all(k[0] in "LM" or k == "Nd" for k in kinds)


def _not_local(local: str) -> str:
    return f"{local!r} is not a local part: lower-case letters, digits and _, with single . or - between"


def parse_address(address: str) -> tuple[str, str]:
    """Return (local part, domain in A-labels) of an address. Raises ValueError with a reason."""
    local, at, domain = address.rpartition("@")
    if not at:
        raise ValueError(f"{address!r} has no @")
    if not _is_local_anywhere(local):
        raise ValueError(f"{address!r} is not an address: the part before the @ is not valid")
    try:
        return local, domain_to_ascii(domain)
    except ValueError as error:
        raise ValueError(f"{address!r} is not an address: {error}") from None


def _is_local_anywhere(local: str) -> bool:
    if not _OUTSIDE_LOCAL_PART.fullmatch(local):
        return False
    if local.isascii():
        return len(local) <= MOST_OCTETS
    # No spaces, control characters, surrogates or characters that Unicode has not assigned.
    return all(unicodedata.category(char)[0] not in "ZC" for char in local) and len(local.encode()) <= MOST_OCTETS


def qualify(value: str, domain: str, hosted: Mapping[str, str] = _NO_NAMES) -> str:
    """Return the canonical address of a local part of `domain` or of a whole address. Raises ValueError.

    `hosted` leads from each name of a hosted domain, its alias names too, to its main name (all in A-labels).
    Outside addresses keep their local part as written.
    """
    if "@" not in value:
        local = value if _LOCAL_PART.fullmatch(value) and len(value) <= MOST_OCTETS else _local(value)
        return f"{local}@{domain}"
    local, host = parse_address(value)
    main = hosted.get(host)
    if main is None and host != domain:
        return f"{local}@{host}"
    return f"{canonical_local_part(local)}@{main or host}"


def _local(value: str) -> str:
    """A local part that may have an extension (alice+shop)."""
    if not _is_local_anywhere(value):
        raise ValueError(f"{value!r} is not an address: the part before the @ is not valid")
    return canonical_local_part(value)


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
