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
    """The tries of a history."""
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


def seen(events: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Folder], list[str]]:
    """Mailboxes as the readers saw them, and where they were shown one UID as two messages."""
    validities: dict[str, int] = {}
    uids: dict[str, dict[int, str]] = {}
    found = []
    for event in events:
        if event["op"] != "seen":
            continue
        mailbox, uid, identity = event["mailbox"], event["uid"], event["id"]
        if validities.setdefault(mailbox, event["validity"]) != event["validity"]:
            found.append(f"{mailbox}: a reader saw UIDVALIDITY {validities[mailbox]}, then {event['validity']}")
        if uids.setdefault(mailbox, {}).setdefault(uid, identity) != identity:
            found.append(f"{mailbox}: a reader saw UID {uid} as {uids[mailbox][uid]}, then as {identity}")
    return {mailbox: Folder(validities[mailbox], messages) for mailbox, messages in uids.items()}, found


def fresh(copies: Iterable[Copy], before: Mapping[str, Folder], prefix: str) -> list[Copy]:
    """What came since a snapshot: messages of this case, and whatever else is new in an inbox."""
    known = {mailbox: set(folder.messages) for mailbox, folder in before.items()}
    return [
        copy
        for copy in copies
        if copy.identity.startswith(prefix)
        or (copy.uid and copy.where.startswith("INBOX") and copy.uid not in known.get(copy.mailbox, set()))
    ]
