# SPDX-License-Identifier: GPL-3.0-or-later
"""A power cut. Killing a container keeps the page cache, which is the machine's, so it proves nothing about fsync."""

from __future__ import annotations

import shlex

from . import lab_tools
from .base import Scene
from .containers import KillActive

# The file system's own order to stop: at once, nothing is written any more, the journal neither. What was in memory
# only is lost, and the disk is as a power cut leaves it. ext4 and XFS share the number (EXT4_IOC_SHUTDOWN,
# XFS_IOC_GOINGDOWN).
SHUTDOWN, NO_LOG = 0x8004587D, 2
PROGRAM = "import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), {0}, struct.pack('I', {1}))"


class PowerCut(KillActive):
    name = "power-cut"
    title = "the active node loses power, and what was not on the disk is lost"

    def inject(self, scene: Scene) -> None:
        program = shlex.quote(PROGRAM.format(SHUTDOWN, NO_LOG))
        scene.pair.nodes[scene.active].run(f"python3 -c {program} {shlex.quote(scene.pair.target.mount)}")
        lab_tools.kill(scene.active)


FAULTS = (PowerCut,)
