# SPDX-License-Identifier: GPL-3.0-or-later
"""Single daemons that are killed. All of it can be done over SSH, so it can be done to anybody's own pair."""

from __future__ import annotations

from typing import ClassVar

from .base import EITHER, MOVES, STAYS, Fault, Scene


class _KillUnit(Fault):
    unit: ClassVar[str]
    on_own_pair = True

    def inject(self, scene: Scene) -> None:
        scene.pair.nodes[scene.active].run(f"systemctl kill --signal=KILL {self.unit}", seconds=15)


class KillPostfix(_KillUnit):
    name, title, unit = "kill-postfix", "Postfix is killed", "postfix.service"
    expect = EITHER


class KillDovecot(_KillUnit):
    name, title, unit = "kill-dovecot", "Dovecot is killed", "dovecot.service"
    expect = EITHER


class KillReplica(_KillUnit):
    name, title, unit = "kill-replica", "the directory replica is killed", "slapd.service"
    expect = STAYS


class KillCorosync(_KillUnit):
    name, title, unit = "kill-corosync", "Corosync is killed", "corosync.service"
    expect = MOVES


class KillPacemaker(_KillUnit):
    """pacemakerd and all that it started, at once."""

    name, title, unit = "kill-pacemaker", "Pacemaker is killed", "pacemaker.service"
    expect = EITHER


FAULTS = (KillPostfix, KillDovecot, KillReplica, KillCorosync, KillPacemaker)
