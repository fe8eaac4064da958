# SPDX-License-Identifier: GPL-3.0-or-later
"""Planned switches, undisturbed and disturbed."""

from __future__ import annotations

import time
from typing import ClassVar

from . import lab_tools
from .base import EITHER, Fault, Scene


class PlannedSwitch(Fault):
    name = "planned-switch"
    title = "planned switch to the other node"
    on_own_pair = True

    def inject(self, scene: Scene) -> None:
        scene.pair.order_switch(scene.peer, by=scene.peer)

    def heal(self, scene: Scene) -> None:
        scene.pair.forget_switch()


class _KilledSwitch(PlannedSwitch):
    """A node is killed at a random moment of a switch, so the group may end on either node."""

    on_own_pair = False
    expect = EITHER
    moments: ClassVar[tuple[float, float]] = (0.0, 1.5)

    def victim(self, scene: Scene) -> str:
        raise NotImplementedError

    def inject(self, scene: Scene) -> None:
        super().inject(scene)
        moment = scene.random.uniform(*self.moments)
        scene.history.add("note", text=f"{self.victim(scene)} is killed {moment:.2f} s into the switch")
        time.sleep(moment)
        lab_tools.kill(self.victim(scene))

    def heal(self, scene: Scene) -> None:
        lab_tools.start(self.victim(scene))
        super().heal(scene)


class KillOldDuringSwitch(_KilledSwitch):
    name = "kill-old-in-switch"
    title = "planned switch, and the old node is killed in it"

    def victim(self, scene: Scene) -> str:
        return scene.active


class KillNewDuringSwitch(_KilledSwitch):
    name = "kill-new-in-switch"
    title = "planned switch, and the new node is killed in it"

    def victim(self, scene: Scene) -> str:
        return scene.peer


FAULTS = (PlannedSwitch, KillOldDuringSwitch, KillNewDuringSwitch)
