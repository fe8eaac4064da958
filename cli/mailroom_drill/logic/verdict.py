# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge: what was acknowledged must be there, once, unchanged, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from .model import ACCEPTED, REFUSED, UNDECIDED, Attempt, Copy, Disturbance, Folder

# Between Dovecot's answer and the removal of the queue file a crash leaves a message that was delivered and will be
# delivered again (RFC 1047). That takes milliseconds, on a busy disk longer. Earlier ones have no such excuse.
REPEAT_WINDOW = 5.0
# A message that took longer from its acknowledgement to its mailbox is counted as delayed.
DELAYED = 5.0


@dataclass
class Verdict:
    """What was found. `faults()` are what must not be; the rest is told."""

    sent: int = 0
    acknowledged: int = 0
    undecided_tries: int = 0
    # Attempted, never acknowledged, and there: allowed, as the last answer was lost.
    unacknowledged_there: int = 0
    lost: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    # Copies beyond the first that are explained: by a resend after an undecided try, or by a delivery that a fault cut.
    resent: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    uids: list[str] = field(default_factory=list)
    # IMAP and the files on the disk disagree.
    disagree: list[str] = field(default_factory=list)
    # Times of two nodes at the shared disk that overlap, and other findings about it.
    disk: list[str] = field(default_factory=list)
    # What the case itself wanted and did not see.
    unmet: list[str] = field(default_factory=list)
    delayed: int = 0
    longest_delay: float = 0.0

    FAULTS = ("lost", "unexpected", "corrupt", "duplicates", "uids", "disagree", "disk", "unmet")

    def faults(self) -> dict[str, list[str]]:
        """The kinds of findings that must not be, and the findings."""
        return {name: getattr(self, name) for name in self.FAULTS if getattr(self, name)}

    @property
    def good(self) -> bool:
        return not self.faults()

    def as_dict(self) -> dict[str, Any]:
        return {"good": self.good, **asdict(self)}


def judge(
    tries: Sequence[Attempt],
    over_imap: Sequence[Copy],
    in_files: Sequence[Copy],
    disturbances: Sequence[Disturbance] = (),
) -> Verdict:
    """Compare what was sent with what lies in the mailboxes."""
    verdict = Verdict()
    by_id: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in tries:
        by_id[attempt.identity].append(attempt)
    verdict.sent = len(by_id)
    verdict.undecided_tries = sum(attempt.outcome == UNDECIDED for attempt in tries)
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for copy in in_files:
        times[copy.mailbox, copy.identity].append(copy.stored)
    good: dict[str, list[Copy]] = defaultdict(list)
    for copy in over_imap:
        if found := _strange(copy, by_id.get(copy.identity, [])):
            getattr(verdict, found[0]).append(found[1])
        else:
            good[copy.identity].append(copy)
    for identity, attempts in by_id.items():
        _message(verdict, identity, attempts, good[identity], sorted(times.get((attempts[0].recipient, identity), [])))
        _copies(verdict, identity, attempts, good[identity], times, disturbances)
    _compare(verdict, over_imap, in_files)
    return verdict


def _strange(copy: Copy, attempts: Sequence[Attempt]) -> tuple[str, str] | None:
    """What is wrong with a copy by itself."""
    name = copy.identity or copy.where or "a message without an id"
    place = f"{name} in {copy.mailbox}"
    if not attempts:
        return "unexpected", f"{place}: never sent"
    if copy.mailbox != attempts[0].recipient:
        return "unexpected", f"{place}: sent to {attempts[0].recipient}"
    if copy.digest != attempts[0].digest:
        return "corrupt", f"{place}: its text is not what was sent"
    if all(attempt.outcome == REFUSED for attempt in attempts):
        return "unexpected", f"{place}: every try was refused"
    return None


def _message(
    verdict: Verdict, identity: str, attempts: Sequence[Attempt], copies: Sequence[Copy], stored: Sequence[float]
) -> None:
    accepted = [attempt for attempt in attempts if attempt.outcome == ACCEPTED]
    if not accepted:
        verdict.unacknowledged_there += bool(copies)
        return
    verdict.acknowledged += 1
    if not copies:
        verdict.lost.append(f"{identity} to {accepted[0].recipient}, acknowledged over {accepted[0].route}")
    elif stored and stored[0]:
        delay = stored[0] - accepted[0].ended
        verdict.delayed += delay > DELAYED
        verdict.longest_delay = max(verdict.longest_delay, delay)


def _copies(
    verdict: Verdict,
    identity: str,
    attempts: Sequence[Attempt],
    copies: Sequence[Copy],
    times: Mapping[tuple[str, str], Sequence[float]],
    disturbances: Sequence[Disturbance],
) -> None:
    """More copies than one: which of them are explained?"""
    may = sum(attempt.outcome in (ACCEPTED, UNDECIDED) for attempt in attempts)
    if len(copies) < 2:
        return
    if len(copies) <= may:
        verdict.resent.append(f"{identity}: {len(copies)} copies, {may - 1} undecided tries before the last")
        return
    cut = _cut(sorted(times.get((attempts[0].recipient, identity), [])), disturbances)
    if len(copies) <= may + cut:
        verdict.repeated.append(f"{identity}: {len(copies)} copies, in delivery when the fault came")
    else:
        verdict.duplicates.append(f"{identity}: {len(copies)} copies from {may} tries that may have got through")


def _cut(stored: Sequence[float], disturbances: Iterable[Disturbance]) -> int:
    """How many repeats faults explain: a copy stored just before or in one, and the next one after its beginning."""
    return sum(
        any(
            fault.start - REPEAT_WINDOW <= first <= fault.end and second >= fault.start
            for first, second in pairwise(stored)
        )
        for fault in disturbances
    )


def _compare(verdict: Verdict, over_imap: Sequence[Copy], in_files: Sequence[Copy]) -> None:
    """IMAP answers from indexes and files alike: both must tell the same."""
    shown, lying = _counted(over_imap), _counted(in_files)
    for key in sorted(shown.keys() | lying.keys()):
        if shown.get(key, 0) != lying.get(key, 0):
            mailbox, identity, _digest = key
            verdict.disagree.append(
                f"{identity or 'a message without an id'} in {mailbox}: {shown.get(key, 0)} over IMAP, "
                f"{lying.get(key, 0)} in files"
            )


def _counted(copies: Iterable[Copy]) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for copy in copies:
        found[copy.mailbox, copy.identity, copy.digest] += 1
    return dict(found)


def compare_folders(before: Mapping[str, Folder], after: Mapping[str, Folder]) -> list[str]:
    """What a mail program that was there before would have to fetch anew, or would show wrongly."""
    found = []
    for mailbox, old in sorted(before.items()):
        new = after.get(mailbox)
        if new is None:
            found.append(f"{mailbox}: not there any more")
            continue
        if old.validity != new.validity:
            found.append(f"{mailbox}: UIDVALIDITY was {old.validity} and is {new.validity}")
            continue
        for uid, identity in sorted(old.messages.items()):
            now = new.messages.get(uid)
            if now != identity:
                is_now = "is gone" if now is None else f"is {now or 'another message'}"
                found.append(f"{mailbox}: UID {uid} was {identity or 'a message'} and {is_now}")
    return found
