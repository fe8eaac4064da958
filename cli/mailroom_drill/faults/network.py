# SPDX-License-Identifier: GPL-3.0-or-later
"""Cables that are pulled at this machine's end, so that the node sees no carrier, as with a real one."""

from __future__ import annotations

from . import lab_tools
from .base import MOVES, STAYS, Fault, Scene


class CutNetwork(Fault):
    name = "cut-network"
    title = "the active node loses all its networks"
    expect = MOVES

    def prepare(self, scene: Scene) -> None:
        self.names = lab_tools.links(scene.active)

    def inject(self, scene: Scene) -> None:
        for name in self.names:
            lab_tools.cable(name, up=False)

    def heal(self, scene: Scene) -> None:
        # A node that was fenced came back with new cables; then there is nothing to plug in.
        for name in self.names:
            lab_tools.cable(name, up=True)
        lab_tools.start(scene.active)


class CutClusterLink(CutNetwork):
    """Corosync has a second way, so nothing must happen."""

    name = "cut-cluster-link"
    title = "only the pair's own link is cut"
    expect = STAYS
    holds = 15.0

    def prepare(self, scene: Scene) -> None:
        self.names = lab_tools.links(scene.active, scene.pair.target.links[scene.active][0])


FAULTS = (CutNetwork, CutClusterLink)
