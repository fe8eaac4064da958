# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule on what addresses of persons look like."""

from __future__ import annotations

import re
import unicodedata

from .model import FIRSTNAME_LASTNAME, PERSON, Domain, Mailbox

# Two or more words of letters with dots between, a number at the end for the second person of a name.
_FIRSTNAME_LASTNAME = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*(?:\.[^\W\d_]+(?:-[^\W\d_]+)*)+\d*")
# Letters that do not fall apart into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "ł": "l", "đ": "d", "\u0131": "i"}
)


def breach(domain: Domain, box: Mailbox) -> str:
    """Return what is wrong with the address of a mailbox under the rule of its domain, or ""."""
    if domain.naming != FIRSTNAME_LASTNAME or box.kind != PERSON:
        return ""
    # Marks are letters to people but not to \w: ignore them.
    letters = "".join(char for char in box.local if unicodedata.category(char)[0] != "M")
    return "" if _FIRSTNAME_LASTNAME.fullmatch(letters) else f"{box.local!r} is not of the form firstname.lastname"


def suggestion(given_name: str, surname: str) -> str:
    """Return firstname.lastname in plain a-z for a name in Latin letters, or "" where that cannot be done."""
    words = [_plain(given_name), _plain(surname)]
    return ".".join(words) if all(words) else ""


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFC", name).lower().translate(_LETTERS)
    base = "".join(char for char in unicodedata.normalize("NFKD", folded) if unicodedata.category(char)[0] != "M")
    text = re.sub(r"[\s'\u2019.]+", "-", base).strip("-")
    return text if re.fullmatch(r"[a-z]+(?:-[a-z]+)*", text) else ""
