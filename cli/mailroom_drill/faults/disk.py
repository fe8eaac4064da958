# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared disk, full."""

from __future__ import annotations

import shlex

from ..shell import wait_for
from .base import STAYS, Fault, Scene


class FillDisk(Fault):
    """Mail is refused for the time being, so it waits with its senders, and comes in when there is room again."""

    name = "fill-disk"
    title = "the shared disk is full"
    expect = STAYS
    blocks = True
    file = ".mailroom-drill-full"

    def inject(self, scene: Scene) -> None:
        place = shlex.quote(f"{scene.pair.target.mount}/{self.file}")
        # What root may use is filled as well: in large pieces first, then to the last byte.
        command = f"fallocate --length $(df --block-size=1 --output=avail {place} | tail -1) {place}"
        fill = f"touch {place}; {command}; cat /dev/zero >>{place}; sync {place}; true"
        scene.pair.nodes[scene.active].try_run(fill, seconds=120)

    def heal(self, scene: Scene) -> None:
        place = shlex.quote(f"{scene.pair.target.mount}/{self.file}")

        def removed() -> bool:
            nodes = [scene.pair.nodes[name] for name in scene.pair.mounted()]
            if not nodes:
                scene.pair.clean_up()  # Both nodes have given up; they try again.
            return any(node.try_run(f"rm -f {place}")[0] == 0 for node in nodes)

        wait_for(removed, "the disk is mounted somewhere, to be emptied", 120, 2.0)


FAULTS = (FillDisk,)
