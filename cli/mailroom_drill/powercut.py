# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the shared disk, taken at random instants under load, as a power cut would leave it.

The daemons that write are stopped for the time of the copy (SIGSTOP, which flushes nothing), and the copy counts only
if the kernel's counters say that nothing was written to the device meanwhile. So the copy is the device at one instant;
what was in the file system's memory only is not in it. It is then mounted, which replays the journal, and looked at.
"""

from __future__ import annotations

import contextlib
import random
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import DrillError
from .history import History
from .logic import messages, model, queuefile
from .logic.cut import Disk, Seen, after_cut, uidlist
from .pair import Pair
from .readers import Readers
from .senders import Crew, Load, accepted_since
from .shell import local
from .target import STATE
from .witness import UNIT

IMAGE = STATE / "shared.img"
QUEUES = ("incoming", "active", "deferred", "hold")
WRITERS = f"postfix.service dovecot.service {UNIT}"
# So often a copy may be disturbed by the kernel's own writing before this gives up.
TRIES = 30


@dataclass
class Cut:
    """A copy and what it showed."""

    instant: float
    acknowledged: int
    queued: int
    delivered: int
    copy_seconds: float
    discarded: int
    findings: list[str]


def device() -> str:
    """The loop device of the lab's shared disk."""
    name = local("losetup", "--noheadings", "--output", "NAME", "--associated", str(IMAGE)).split()
    if not name:
        raise DrillError(f"{IMAGE} is on no loop device: bring up the lab")
    return Path(name[0]).name


def written(loop: str) -> tuple[int, int]:
    """Writes that the device has done, and requests that are under way (Documentation/block/stat)."""
    words = Path(f"/sys/block/{loop}/stat").read_text().split()
    return int(words[4]), int(words[8])


def copy(pair: Pair, loop: str, to: Path, seeded: random.Random) -> tuple[float, float, int]:
    """One copy at a random instant: the instant, how long the copy took, and how many were discarded."""
    node = pair.nodes[pair.active()]
    # Whatever happens to the drill, the daemons go on.
    stop = f"(sleep 5; systemctl kill --signal=CONT {WRITERS}) >/dev/null 2>&1 & systemctl kill --signal=STOP {WRITERS}"
    for discarded in range(TRIES):
        time.sleep(seeded.uniform(0.3, 2.0))
        instant = time.time()
        node.run(stop)
        try:
            before, started = written(loop), time.monotonic()
            local("cp", "--sparse=always", "--reflink=auto", str(IMAGE), str(to))
            took = time.monotonic() - started
            quiet = before == written(loop) and before[1] == 0
        finally:
            node.run(f"systemctl kill --signal=CONT {WRITERS}")
        if quiet:
            return instant, took, discarded
    raise DrillError(f"in {TRIES} copies something was written meanwhile: is the machine very busy?")


@contextlib.contextmanager
def mounted(image: Path) -> Iterator[Path]:
    """The copy, mounted elsewhere; its journal is replayed by that."""
    place = image.with_suffix(".mnt")
    place.mkdir(exist_ok=True)
    local("mount", "-o", "loop,noatime", str(image), str(place))
    try:
        yield place
    finally:
        local("umount", str(place))
        place.rmdir()


def contents(top: Path, homes: dict[str, str], queue: str) -> Disk:
    """Read what lies on a mounted copy."""
    queued, delivered, uids = {}, {}, {}
    for name in QUEUES:
        for file in (top / queue / name).rglob("*"):
            # Postfix makes a file executable when it is complete.
            if (
                file.is_file()
                and file.stat().st_mode & 0o100
                and (raw := queuefile.content(file.read_bytes())) is not None
            ):
                identity, digest = messages.read(raw)
                queued[identity] = digest
    for mailbox, home in homes.items():
        names = {}
        for folder in ("cur", "new"):
            for file in (top / home / "Maildir" / folder).glob("*"):
                identity, digest = messages.read(file.read_bytes())
                names[file.name.partition(":")[0]] = identity
                delivered[identity] = digest
        listed = top / home / "Maildir/dovecot-uidlist"
        known = uidlist(listed.read_text()) if listed.exists() else {}
        uids[mailbox] = {uid: names[name] for uid, name in known.items() if name in names}
    return Disk(queued, delivered, uids)


def check(image: Path, homes: dict[str, str], queue: str) -> tuple[Disk, list[str]]:
    """Replay, read, and look at the file system."""
    with mounted(image) as top:
        disk = contents(top, homes, queue)
    kind = local("blkid", "--match-tag", "TYPE", "--output", "value", str(image)).strip()
    checker = ("xfs_repair", "-n", str(image)) if kind == "xfs" else ("e2fsck", "-f", "-n", str(image))
    try:
        local(*checker)
    except DrillError as error:
        return disk, [f"the file system is damaged: {error}"]
    return disk, []


def homes(pair: Pair) -> dict[str, str]:
    """Where mailboxes lie below the mount point."""
    node, found = pair.nodes[pair.active()], {}
    for account in pair.target.accounts:
        home = node.run(f"doveadm user -f home {shlex.quote(account.address)}").strip()
        found[account.address] = str(Path(home).relative_to(pair.target.mount))
    return found


def run(pair: Pair, folder: Path, prefix: str, seed: str, load: Load, count: int) -> list[Cut]:
    """So many power cuts under one load."""
    seeded = random.Random(f"cut {seed}")  # noqa: S311
    history = History(folder / "power-cut-copies.jsonl")
    queue = str(Path(pair.target.queue).relative_to(pair.target.mount))
    crew = Crew(pair.target, history, prefix, seed, load)
    readers = Readers(pair.target, history)
    where, loop, cuts = homes(pair), device(), []
    readers.start()
    crew.start()
    try:
        while not accepted_since(history, 0)():
            time.sleep(0.1)
        for number in range(count):
            image = folder / f"cut-{number}.img"
            instant, took, discarded = copy(pair, loop, image, seeded)
            disk, findings = check(image, where, queue)
            cuts.append(_judge(history.of("send", "seen"), prefix, disk, findings, (instant, took, discarded)))
            if not findings and not cuts[-1].findings:
                image.unlink()
    finally:
        crew.stop()
        readers.stop()
        history.close()
    return cuts


def _judge(
    events: Sequence[dict[str, object]], prefix: str, disk: Disk, findings: list[str], when: tuple[float, float, int]
) -> Cut:
    instant, took, discarded = when
    tries = model.attempts(events)
    seen = [
        Seen(str(event["mailbox"]), int(str(event["uid"])), str(event["id"]), float(str(event["wall"])))
        for event in events
        if event["op"] == "seen"
    ]
    findings = [*findings, *after_cut(tries, seen, disk, instant)]
    ours = [sum(name.startswith(prefix) for name in place) for place in (disk.queued, disk.delivered)]
    before = sum(attempt.outcome == model.ACCEPTED and attempt.ended <= instant for attempt in tries)
    return Cut(instant, before, ours[0], ours[1], took, discarded, findings)


def line(cut: Cut) -> str:
    """A copy in one line."""
    what = "; ".join(cut.findings[:5]) if cut.findings else "ok"
    return (
        f"     {cut.acknowledged} acknowledged before, {cut.queued} in the queue and {cut.delivered} delivered on the "
        f"copy ({cut.copy_seconds:.2f} s, {cut.discarded} discarded): {what}"
    )
