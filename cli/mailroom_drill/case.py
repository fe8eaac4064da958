# SPDX-License-Identifier: GPL-3.0-or-later
"""One fault under load: before, the fault, the way back, and the judgement."""

from __future__ import annotations

import contextlib
import imaplib
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import witness
from .errors import DrillError
from .faults.base import MOVES, STAYS, Fault, Scene
from .history import History
from .logic import model, outage, phases
from .logic import witness as witness_logic
from .logic.model import ACCEPTED, Copy, Disturbance, Folder
from .logic.outage import Outage
from .logic.verdict import Verdict, compare_folders, judge
from .pair import Pair
from .readers import Readers, read_all
from .senders import Crew, Load, accepted_since
from .target import Account

# How long load runs before the fault, and how long the service is looked at after it.
WARM, COOL = 3.0, 2.0
# A fault that moves nothing is looked at for this long.
LOOK = 12.0
SERVICE_SECONDS = 120.0
# A silence of this many seconds is an outage; a shorter one may lie between two clients.
NOTICED = 1.0


@dataclass
class Result:
    """What a case showed."""

    name: str
    title: str
    active: str
    now: str = ""
    started: float = 0.0
    struck: float = 0.0
    healed: float = 0.0
    ended: float = 0.0
    outages: dict[str, Outage] = field(default_factory=dict)
    phases: list[phases.Phase] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    # Moments of good answers, for the timeline.
    good: dict[str, list[float]] = field(default_factory=dict)
    mounts: list[witness_logic.Mounted] = field(default_factory=list)
    # Mailboxes that were not answered for far longer than others.
    closed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def smtp(self) -> Outage:
        return outage.worst(self.outages[name] for name in ("outside", "inside"))

    @property
    def imap(self) -> Outage:
        return self.outages["imap"]

    def as_dict(self) -> dict[str, Any]:
        made = asdict(self)
        made["verdict"] = self.verdict.as_dict()
        made["seconds"] = {phase.name: round(phase.seconds, 3) for phase in self.phases}
        return made


@dataclass
class Plan:
    """What all cases of a run share."""

    pair: Pair
    folder: Path
    seed: str
    load: Load = field(default_factory=Load)
    patience: float = 20.0
    run: str = ""
    # Told as it happens: the drill takes long.
    say: Callable[[str], None] = lambda text: print(text, flush=True)


class Case:
    """Runs one fault."""

    def __init__(self, plan: Plan, fault: Fault, number: int) -> None:
        self.plan, self.fault, self.pair = plan, fault, plan.pair
        self.prefix = f"{plan.run}.{number}-{fault.name}"
        self.history = History(plan.folder / f"{number:02d}-{fault.name}.jsonl")

    def go(self) -> Result:
        """Run and judge. Whatever goes wrong, the fault is healed before this ends."""
        pair, fault = self.pair, self.fault
        pair.wait_healthy()
        pair.clean_up()
        active = pair.active()
        seeded = random.Random(f"{self.plan.seed} {self.prefix.partition('.')[2]}")  # noqa: S311
        scene = Scene(pair, self.history, active, pair.other(active), seeded, self.plan.patience)
        result = Result(fault.name, fault.title, active, started=time.time())
        before = self.read({})[0]
        fault.prepare(scene)
        crew = Crew(pair.target, self.history, self.prefix, self.plan.seed, self.plan.load)
        readers = Readers(pair.target, self.history)
        for reader in readers.readers:
            reader.next_uid = max(before[reader.account.address].messages, default=0) + 1
        readers.start()
        crew.start()
        closed: list[str] = []
        try:
            self.wait(accepted_since(self.history, time.time()), "mail flows before the fault", 30)
            time.sleep(WARM + scene.random.random())
            closed = witness.unmounted_is_closed(pair)
            scene.strike()
            fault.inject(scene)
            self.until_back(scene)
            fault.heal(scene)
            result.healed = self.history.add("healed")["wall"]
            self.service_after(time.time())
            pair.wait_healthy()
            time.sleep(COOL)
        finally:
            self.history.add("stop")
            if scene.struck and not result.healed:
                with contextlib.suppress(DrillError):
                    fault.heal(scene)
            crew.stop()
            readers.stop()
        result.struck, result.ended, result.now = scene.struck, time.time(), pair.active()
        pair.drain()
        self.judge(result, scene, before, closed)
        self.history.close()
        return result

    # The way back --------------------------------------------------------------------------------

    def wait(self, check: Callable[[], Any], what: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not check():
            if time.monotonic() > end:
                raise DrillError(f"{self.fault.name}: {what}: not after {seconds:.0f} s")
            time.sleep(0.1)

    def service_after(self, moment: float) -> None:
        """Every way in takes mail again, and a reader is there."""
        sent = accepted_since(self.history, moment)

        def reads() -> bool:
            return any(event["good"] and event["wall"] > moment for event in self.history.of("imap"))

        self.wait(lambda: sent() and reads(), "the service is back", SERVICE_SECONDS)

    def until_back(self, scene: Scene) -> None:
        """Wait for what the fault must bring: the other node, or the same one after a good look."""
        fault = self.fault
        if fault.blocks:
            time.sleep(scene.patience)
            return
        if fault.holds:
            time.sleep(fault.holds)
        if fault.expect == MOVES:
            self.wait(lambda: scene.pair.mounted() == [scene.peer], f"{scene.peer} has the disk", SERVICE_SECONDS)
            self.service_after(time.time())
        else:
            time.sleep(max(0.0, LOOK - fault.holds))
            self.service_after(time.time())

    # The judgement -------------------------------------------------------------------------------

    def read(self, before: Mapping[str, Folder]) -> tuple[dict[str, Folder], list[Copy]]:
        """All mailboxes over IMAP: their UIDs, and what is in them beyond those that were there before."""
        target = self.pair.target

        def one(account: Account) -> tuple[Folder, list[Copy]]:
            known = before[account.address].messages if before else {}
            try:
                return read_all(target, account, max(known, default=0))
            except (OSError, imaplib.IMAP4.error) as error:
                raise DrillError(f"the mailbox {account.address} cannot be read over IMAP: {error}") from error

        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(one, target.accounts))
        folders = {account.address: folder for account, (folder, _copies) in zip(target.accounts, found, strict=True)}
        return folders, [copy for _folder, copies in found for copy in copies]

    def judge(self, result: Result, scene: Scene, before: Mapping[str, Folder], closed: Iterable[str]) -> None:
        pair, events = self.pair, self.history.events
        self.times(result, scene, events)
        after, over_imap = self.read(before)
        in_files = [copy for copy in pair.files(list(after), result.started) if copy.identity.startswith(self.prefix)]
        over_imap = model.fresh(over_imap, before, self.prefix)
        verdict = judge(model.attempts(events), over_imap, in_files, [self.disturbance(result, scene)])
        seen, contradictions = model.seen(events)
        verdict.uids = [*contradictions, *compare_folders(before, after), *compare_folders(seen, after)]
        result.mounts = [one for one in witness.mounts(pair) if one.end >= result.started]
        verdict.disk = [*closed, *witness.unmounted_is_closed(pair), *witness_logic.overlaps(result.mounts)]
        verdict.unmet = [*self.fault.check(scene, result.struck, result.healed), *self._place(result)]
        verdict.unmet += [f"{name}: no answer any more" for name, one in result.outages.items() if one.ended is None]
        verdict.unmet += result.closed
        result.verdict = verdict
        result.notes = [event["text"] for event in events if event["op"] == "note"]

    def disturbance(self, result: Result, scene: Scene) -> Disturbance:
        """From the fault until all ways were open again; what is delivered later is delivered once."""
        wall = scene.struck - scene.struck_mono
        ends = [one.ended + wall for one in result.outages.values() if one.ended is not None and one.gap >= NOTICED]
        return Disturbance(scene.struck, max([scene.struck + NOTICED, *ends]))

    def _place(self, result: Result) -> list[str]:
        moved = result.now != result.active
        if (self.fault.expect == MOVES and not moved) or (self.fault.expect == STAYS and moved):
            return [f"the group was on {result.active} and is on {result.now}: wanted is that it {self.fault.expect}"]
        return []

    def times(self, result: Result, scene: Scene, events: Iterable[Mapping[str, Any]]) -> None:
        """Silences by the clock that never jumps, and what the cluster did in them by the wall's."""
        moments: dict[str, list[float]] = {"outside": [], "inside": [], "imap": []}
        readers: dict[str, list[float]] = {}
        healed = stopped = scene.struck_mono
        for event in events:
            if event["op"] == "send" and event["outcome"] == ACCEPTED:
                moments[event["route"]].append(event["mono"])
            elif event["op"] == "imap":
                good = [event["mono"]] if event["good"] else []
                moments["imap"] += good
                readers.setdefault(event["mailbox"], []).extend(good)
            elif event["op"] == "healed":
                healed = event["mono"]
            elif event["op"] == "stop":
                stopped = event["mono"]
        # A fault that blocks until it is healed is not the cluster's to end: its time begins then.
        origin = healed if self.fault.blocks else scene.struck_mono
        for name, found in moments.items():
            result.outages[name] = outage.outage(found, origin, stopped)
            result.good[name] = [round(moment - origin, 3) for moment in found]
        result.closed = outage.closed(readers, origin, stopped, result.imap)
        back = result.smtp.ended
        if back is not None and result.smtp.gap >= NOTICED:
            wall = scene.struck - scene.struck_mono
            result.phases = phases.phases(self.pair.journals(scene.struck), origin + wall, back + wall)


def safe(name: str) -> str:
    """A name for files and ids."""
    return re.sub(r"[^A-Za-z0-9-]", "-", name)
