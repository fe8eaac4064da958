# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a whole node or link that SSH can bring about, for anybody's own pair. They undo themselves."""

from __future__ import annotations

from typing import ClassVar

from ..errors import DrillError
from .base import STAYS, Fault, Scene


class CrashNode(Fault):
    """The kernel starts anew at once: no unmount, no sync, no goodbye."""

    name = "crash-node"
    title = "the active node crashes (sysrq)"
    in_lab = False
    on_own_pair = True
    order: ClassVar[str] = "echo 1 >/proc/sys/kernel/sysrq; (sleep 0.2; echo b >/proc/sysrq-trigger) >/dev/null 2>&1 &"

    def inject(self, scene: Scene) -> None:
        scene.pair.nodes[scene.active].try_run(self.order, seconds=10)


class DropClusterLink(Fault):
    """Packets of the pair's own link are dropped. A timer on the node takes the rule away even if the drill dies."""

    name = "drop-cluster-link"
    title = "packets of the pair's own link are dropped (nftables)"
    in_lab = False
    on_own_pair = True
    expect = STAYS
    holds = 15.0
    table: ClassVar[str] = "mailroom_drill"

    def inject(self, scene: Scene) -> None:
        links = scene.pair.target.links
        if not links.get(scene.active):
            raise DrillError(f"links: {scene.active}: the file does not name its addresses on the pair's own link")
        rules = "".join(
            f"add rule inet {self.table} {chain} {'ip6' if ':' in address else 'ip'} {side} {address} drop\n"
            for address in links[scene.active]
            for chain, side in (("in", "daddr"), ("out", "saddr"))
        )
        text = (
            f"add table inet {self.table}\n"
            f"add chain inet {self.table} in {{ type filter hook input priority -300; }}\n"
            f"add chain inet {self.table} out {{ type filter hook output priority -300; }}\n{rules}"
        )
        timer = f"systemd-run --collect --on-active=120 nft delete table inet {self.table}"
        scene.pair.nodes[scene.active].run(f"{timer} && nft -f -", text)

    def heal(self, scene: Scene) -> None:
        scene.pair.nodes[scene.active].try_run(f"nft delete table inet {self.table}")


FAULTS = (CrashNode, DropClusterLink)
