# SPDX-License-Identifier: GPL-3.0-or-later
"""What a history says, in the words of the judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# What came of an attempt to send. Refused: the server said no, or the end of the message never left us.
# Undecided: it left us and no answer came back, so the server may or may not have the message.
ACCEPTED, REFUSED, UNDECIDED = "accepted", "refused", "undecided"


@dataclass(frozen=True)
class Attempt:
    """One try to hand over a message."""

    identity: str
    recipient: str
    digest: str
    route: str
    started: float
    ended: float
    outcome: str


@dataclass(frozen=True)
class Copy:
    """A message that lies in a mailbox."""

    mailbox: str
    identity: str
    digest: str
    # When it was stored, by the clock of the host that stored it; 0 where that is not known.
    stored: float = 0.0
    uid: int = 0
    where: str = ""


@dataclass(frozen=True)
class Folder:
    """A mailbox as IMAP shows it: what must never change for a mail program that was there before."""

    validity: int
    # UID to identity.
    messages: Mapping[int, str]


@dataclass(frozen=True)
class Disturbance:
    """A fault, from its beginning until the service was back."""

    start: float
    end: float


def attempts(events: Iterable[Mapping[str, Any]]) -> list[Attempt]:
    """The tries that came to an end, and those that did not: a try without an end is undecided if it was sent."""
    return [
        Attempt(
            event["id"],
            event["to"],
            event["hash"],
            event["route"],
            event["began"],
            event["wall"],
            event["outcome"],
        )
        for event in events
        if event["op"] == "send"
    ]
