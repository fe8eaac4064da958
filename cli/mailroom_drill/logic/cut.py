# SPDX-License-Identifier: GPL-3.0-or-later
"""What a disk must hold after a power cut: everything that was acknowledged before, in the queue or in a mailbox."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .model import ACCEPTED, Attempt

_HEAD = re.compile(r"^3 V(\d+) N(\d+)")


@dataclass(frozen=True)
class Disk:
    """What lies on a disk: hashes by id, in the queue and in mailboxes; UIDs by mailbox, as the store notes them."""

    queued: Mapping[str, str] = field(default_factory=dict)
    delivered: Mapping[str, str] = field(default_factory=dict)
    uids: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """A UID that a mail program was shown, and when."""

    mailbox: str
    uid: int
    identity: str
    wall: float


def uidlist(text: str) -> dict[int, str]:
    """UID to the first part of a file's name, from Dovecot's `dovecot-uidlist`. A later line of a UID wins."""
    lines = text.splitlines()
    if not lines or not _HEAD.match(lines[0]):
        return {}
    found = {}
    for line in lines[1:]:
        words, colon, name = line.partition(" :")
        number = words.split(" ")[0]
        if colon and number.isdigit():
            found[int(number)] = name.partition(":")[0]
    return found


def after_cut(tries: Iterable[Attempt], seen: Iterable[Seen], disk: Disk, instant: float) -> list[str]:
    """What is not there though somebody was told so before the instant."""
    found = []
    for attempt in tries:
        if attempt.outcome != ACCEPTED or attempt.ended > instant:
            continue
        ages = f"acknowledged {instant - attempt.ended:.2f} s before"
        digests = {digest for place in (disk.queued, disk.delivered) if (digest := place.get(attempt.identity))}
        if not digests:
            found.append(f"lost: {attempt.identity}, {ages}")
        elif attempt.digest not in digests:
            found.append(f"corrupt: {attempt.identity}, {ages}")
    for one in seen:
        if one.wall > instant:
            continue
        now = disk.uids.get(one.mailbox, {}).get(one.uid)
        if now != one.identity:
            found.append(f"UID {one.uid} of {one.mailbox} was shown as {one.identity} and is {now or 'not there'}")
    return found
