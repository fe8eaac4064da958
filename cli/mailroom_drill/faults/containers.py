# SPDX-License-Identifier: GPL-3.0-or-later
"""A node as a whole: killed, shut down, frozen."""

from __future__ import annotations

import signal
import subprocess
import time

from .. import witness
from ..logic import witness as logic
from ..shell import background
from . import lab_tools
from .base import EITHER, STAYS, Fault, Scene


class KillActive(Fault):
    name = "kill-active"
    title = "the active node is killed"

    def inject(self, scene: Scene) -> None:
        lab_tools.kill(scene.active)

    def heal(self, scene: Scene) -> None:
        lab_tools.start(scene.active)


class KillPassive(Fault):
    name = "kill-passive"
    title = "the passive node is killed"
    expect = STAYS

    def inject(self, scene: Scene) -> None:
        lab_tools.kill(scene.peer)

    def heal(self, scene: Scene) -> None:
        lab_tools.start(scene.peer)


class KillWithQueue(KillActive):
    """Delivery hangs for some seconds, so that there is mail in the queue when the node dies."""

    name = "kill-with-queue"
    title = "the active node is killed with mail in its queue"
    seconds = 2.0

    def inject(self, scene: Scene) -> None:
        # Dovecot starts more of them when all are busy, so this goes on until the end.
        stop = "for turn in $(seq {0}); do pkill -STOP -x lmtp; sleep 0.05; done"
        scene.pair.nodes[scene.active].try_run(stop.format(int(self.seconds / 0.05)))
        waiting = len(scene.pair.queue(scene.active))
        scene.history.add("note", text=f"{waiting} messages in the queue when the node was killed")
        scene.strike()
        super().inject(scene)


class KillBoth(Fault):
    name = "kill-both"
    title = "both nodes are killed, and started again"
    expect = EITHER

    def inject(self, scene: Scene) -> None:
        killed = [
            background("podman", "kill", "--signal", "KILL", lab_tools.container(node))
            for node in (scene.active, scene.peer)
        ]
        for one in killed:
            one.wait()
        for node in (scene.active, scene.peer):
            lab_tools.start(node)

    def heal(self, scene: Scene) -> None:
        for node in (scene.active, scene.peer):
            lab_tools.start(node)


class StopActive(KillActive):
    name = "stop-active"
    title = "the active node is shut down"

    def prepare(self, scene: Scene) -> None:
        self.stopping: subprocess.Popen[bytes] | None = None

    def inject(self, scene: Scene) -> None:
        # systemd ends the cluster's daemons first: a planned switch in disguise. Not waited for.
        self.stopping = background("podman", "stop", "--time", "60", lab_tools.container(scene.active))

    def heal(self, scene: Scene) -> None:
        if self.stopping:
            self.stopping.wait()
        super().heal(scene)


class FreezeActive(Fault):
    """All processes stop for longer than the token, then go on: the node does not know that time has passed."""

    name = "freeze-active"
    title = "the active node is frozen for longer than the token"
    tokens = 12.0

    def prepare(self, scene: Scene) -> None:
        self.since, self.process = time.monotonic(), 0

    def inject(self, scene: Scene) -> None:
        self.process = lab_tools.first_process(scene.active)
        lab_tools.signal_all(scene.active, signal.SIGSTOP)
        self.since = time.monotonic()

    def heal(self, scene: Scene) -> None:
        if lab_tools.first_process(scene.active) == self.process:  # Not fenced: it sleeps its time.
            time.sleep(max(0.0, self.since + self.tokens * scene.pair.target.token - time.monotonic()))
        lab_tools.signal_all(scene.active, signal.SIGCONT)
        lab_tools.start(scene.active)


class BrokenFencing(KillActive):
    """While the power switch answers nothing, nobody can know that the old node is off: the peer must not mount."""

    name = "broken-fencing"
    title = "the active node is killed and fencing fails"
    blocks = True

    def prepare(self, scene: Scene) -> None:
        lab_tools.BROKEN.touch()

    def heal(self, scene: Scene) -> None:
        lab_tools.BROKEN.unlink(missing_ok=True)

    def check(self, scene: Scene, start: float, healed: float) -> list[str]:
        had = logic.had_disk(witness.mounts(scene.pair), scene.peer, start, healed)
        return [f"{scene.peer} took the disk while fencing failed"] if had else []


FAULTS = (KillActive, KillPassive, KillWithQueue, KillBoth, StopActive, FreezeActive, BrokenFencing)
