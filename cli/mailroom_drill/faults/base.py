# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fault is: how it begins, how it ends, and what must come of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from ..history import History
from ..pair import Pair

# What must come of a fault: the group on the other node, on the same, or either (both are right answers to it).
MOVES, STAYS, EITHER = "moves", "stays", "either"


@dataclass
class Scene:
    """What a fault acts on. `active` and `peer` are as before the fault."""

    pair: Pair
    history: History
    active: str
    peer: str
    random: random.Random
    # How long a fault that must change nothing is looked at.
    patience: float = 20.0
    # When the fault began, by both clocks.
    struck: float = 0.0
    struck_mono: float = 0.0

    def strike(self) -> None:
        """Now. Called before inject(), and by a fault that first prepares its ground."""
        event = self.history.add("fault", node=self.active)
        self.struck, self.struck_mono = event["wall"], event["mono"]


class Fault:
    """Begins with inject(), ends with heal(); both may be called when the nodes are in any state."""

    name: ClassVar[str]
    title: ClassVar[str]
    expect: ClassVar[str] = MOVES
    in_lab: ClassVar[bool] = True
    on_own_pair: ClassVar[bool] = False
    # Whether it lasts until it is healed: then service is awaited after that, and must not be there before.
    blocks: ClassVar[bool] = False
    # Seconds from the fault's beginning to its end; 0: it is healed when the service is back.
    holds: ClassVar[float] = 0.0

    def prepare(self, scene: Scene) -> None:
        """What has to be in place before the clock starts."""

    def inject(self, scene: Scene) -> None:
        raise NotImplementedError

    def heal(self, scene: Scene) -> None:
        """Undo what the fault left behind."""

    def check(self, scene: Scene, start: float, healed: float) -> list[str]:
        """What the fault itself wants to see, beyond the verdict on the mail; nothing if all is well."""
        return []
