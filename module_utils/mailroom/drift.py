# SPDX-License-Identifier: GPL-3.0-or-later
"""Live entries that are not as the project left them: who made or changed them, and when."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .diff import Differ
from .directory import BY_MODULE, DIGEST, MARK, digest
from .dn import split as dn_split
from .lifecycle import is_aside, is_mailbox
from .plan import BY_HAND, FOREIGN, Drift, Entries, Entry, Step

_LOCAL_ROOT = ("cn", "peercred")
_MODULES = "the modules mailbox and mail_domain"


def drift(live: Entries, steps: Collection[Step], kept: Collection[str], differ: Differ) -> Iterator[Drift]:
    """Yield foreign entries, and those of the project that somebody else changed.

    Looked at for changes are entries that the steps are about, and `kept` ones that are not desired but stay; all
    others are as desired. One without a digest was never written by the project.
    """
    for dn, entry in live.items():
        if not differ.ours(entry):
            yield _found(dn, entry, differ, FOREIGN)
    for dn in sorted({step.before for step in steps} | set(kept)):
        # An alias or group on its way out when a run stopped: its new name is one of its attributes.
        touched = None if is_aside(dn) and not is_mailbox(dn) else live.get(dn)
        if touched and differ.ours(touched) and list(touched.get(DIGEST, ())) not in ([], [digest(touched)]):
            yield _found(dn, touched, differ, BY_HAND)


def _found(dn: str, entry: Entry, differ: Differ, what: str) -> Drift:
    shown = differ.describe(dn, entry)
    if what == FOREIGN and BY_MODULE in entry.get(MARK, ()):
        owner = _MODULES
    else:
        owner = _readable(_one(entry, "modifiersName") or _one(entry, "creatorsName"))
    return Drift(dn, shown.label, shown.group, what, owner, _time(_one(entry, "modifyTimestamp")))


def _one(entry: Entry, attribute: str) -> str:
    return next(iter(entry.get(attribute, ())), "")


def _readable(dn: str) -> str:
    """Whose DN it is, as people call it."""
    try:
        rdns = dn_split(dn)
    except ValueError:
        return dn
    if _LOCAL_ROOT in rdns:
        return "root on the directory's host"
    if len(rdns) > 1 and rdns[0][0] == "uid" and rdns[1][0] == "ou":
        return f"{rdns[0][1]}@{rdns[1][1]}"
    return dn


def _time(text: str) -> str:
    """A generalized time in UTC (RFC 4517, 3.3.13) as RFC 3339; other texts as they are."""
    digits = text.partition(".")[0].removesuffix("Z")
    if len(digits) != 14 or not digits.isdecimal() or not text.endswith("Z"):
        return text
    day, time = digits[:8], digits[8:]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z"
