# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that look alike: a form in which they are equal (after Unicode Technical Standard 39, made small).

It covers what a mail program's list shows nearly the same: 0 and o, 1 and l and i, rn and m, vv and w, Cyrillic
and Greek letters of Latin shape, accents, and names that differ in their separators only.
"""

from __future__ import annotations

import re
import unicodedata

_LATIN = str.maketrans({"0": "o", "1": "l", "i": "l", "\u0131": "l", "|": "l"})
# Lower-case letters of Cyrillic, Greek and rarer Latin in the shape of common ones.
_CYRILLIC = zip("аеорсухіјѕԁһԛԝӏкмтгпв", "aeopcyxijsdhqwlkmtrnb", strict=True)
_GREEK = zip("αονικρτυωχηϲϳγ", "aovikptuwxncjy", strict=True)
_RARE = zip("łøđɡɑʟßæœ", ("l", "o", "d", "g", "a", "l", "b", "ae", "oe"), strict=True)
_SHAPES = str.maketrans({**dict(_CYRILLIC), **dict(_GREEK), **dict(_RARE)})
_MARKS = re.compile("[\u0300-\u036f]")
_SEPARATORS = re.compile(r"(?<!\d)[._-]|[._-](?!\d)")


def skeleton(local: str) -> str:
    """Return a form that two local parts, or labels of a domain name, share if they look alike."""
    if not local.isascii():
        local = _MARKS.sub("", unicodedata.normalize("NFKD", local)).translate(_SHAPES)
    # Between digits a separator tells numbers apart (room-1-1 and room-11).
    local = _SEPARATORS.sub("", local)
    return local.translate(_LATIN).replace("rn", "m").replace("vv", "w")
