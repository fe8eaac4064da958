# SPDX-License-Identifier: GPL-3.0-or-later
"""The pair while it is drilled: who is active, is it well, and the orders that an administrator would give."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

from .errors import DrillError
from .logic import crm, phases
from .logic.model import Copy
from .shell import Node, wait_for
from .target import Target

HEALTHY_SECONDS = 180.0
# How far the clocks of a node and of this machine may be apart, in seconds.
CLOCKS = 60.0
CALL = "\nmain(read, maildir_time)\n"


class Pair:
    """Both nodes."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.nodes = {name: Node(target, name, place) for name, place in target.nodes.items()}

    def other(self, name: str) -> str:
        return next(node for node in self.nodes if node != name)

    # What is --------------------------------------------------------------------------------------

    def status(self) -> crm.Status:
        """The cluster's state, from the first node that answers and knows."""
        best = crm.status("")
        for node in self.nodes.values():
            code, text, _error = node.try_run("crm_mon --one-shot --output-as=xml", seconds=15)
            if code == 0:
                found = crm.status(text)
                if found.place(self.target.resources):
                    return found
                best = found
        return best

    def troubles(self) -> list[str]:
        return self.status().healthy(self.target.resources)

    def mounted(self) -> list[str]:
        """The nodes that have the shared disk, asked of the kernel and not of the cluster."""
        command = f"mountpoint -q {shlex.quote(self.target.mount)}"
        with ThreadPoolExecutor() as pool:
            found = pool.map(lambda node: node.try_run(command, seconds=10)[0], self.nodes.values())
        return [name for name, status in zip(self.nodes, found, strict=True) if status == 0]

    def active(self) -> str:
        found = self.mounted()
        if len(found) != 1:
            raise DrillError(f"{len(found)} nodes have {self.target.mount} mounted ({', '.join(found)}); one must")
        return found[0]

    # What is to be -------------------------------------------------------------------------------

    def clean_up(self) -> None:
        """Forget failures, so that they do not count in the next case."""
        for node in self.nodes.values():
            command = "crm_resource --cleanup >/dev/null 2>&1; stonith_admin --cleanup --history='*' >/dev/null 2>&1"
            if node.try_run(command, seconds=60)[0] != 255:
                return

    def wait_healthy(self, seconds: float = HEALTHY_SECONDS) -> None:
        """Both nodes in, the group on one of them, nothing failed."""
        last: list[str] = []
        cleaned = 0

        def well() -> bool:
            nonlocal last, cleaned
            last = self.troubles()
            if last and any("fail" in trouble or "does not run" in trouble for trouble in last) and cleaned < 10:
                cleaned += 1
                self.clean_up()
            return not last

        try:
            wait_for(well, "the pair is healthy", seconds, 1.0)
        except DrillError as error:
            raise DrillError(f"{error}; {'; '.join(last)}") from None

    def order_switch(self, to: str, by: str) -> None:
        """Ask for the group on a node. The constraint that this makes goes with `forget_switch`."""
        resource = shlex.quote(self.target.group)
        self.nodes[by].run(f"crm_resource --resource {resource} --move --node {shlex.quote(to)} --quiet")

    def forget_switch(self) -> None:
        resource = shlex.quote(self.target.group)
        for node in self.nodes.values():
            if node.try_run(f"crm_resource --resource {resource} --clear --quiet", seconds=30)[0] == 0:
                return

    def switch(self, to: str, seconds: float = 60) -> None:
        """A planned switch, until the other side has everything running."""
        self.order_switch(to, by=to)
        try:
            wait_for(lambda: self.status().place(self.target.resources) == to, f"the group runs on {to}", seconds)
        finally:
            self.forget_switch()

    # Mail -----------------------------------------------------------------------------------------

    def queue(self, node: str) -> list[dict[str, object]]:
        text = self.nodes[node].run("postqueue -j")
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def drain(self, seconds: float = 120) -> None:
        """Wait until the queue is empty; everything is tried at once."""
        node = self.active()
        self.nodes[node].run("postqueue -f")
        wait_for(lambda: not self.queue(node), f"the queue of {node} is empty", seconds, 0.5)

    def files(self, mailboxes: Sequence[str], since: float) -> list[Copy]:
        """What was stored in the mailboxes' files on the shared disk since a moment, and a bit before it.

        The node's clock is not this machine's. What is from before is told apart by its id.
        """
        source = resources.files(__package__)
        program = (source / "logic/messages.py").read_text() + (source / "files/mailboxes.py").read_text() + CALL
        text = self.nodes[self.active()].run(
            f"python3 - {since - CLOCKS:.0f} {shlex.join(mailboxes)}", program, seconds=120
        )
        return [Copy(**json.loads(line)) for line in text.splitlines()]

    # Journals -------------------------------------------------------------------------------------

    def journals(self, since: float) -> list[phases.Line]:
        """What the cluster wrote on both nodes since a moment."""
        units = " ".join(f"--unit={unit}" for unit in ("corosync", "pacemaker"))
        command = f"journalctl --no-pager --output=short-unix --since=@{since - 1:.0f} {units}"
        found = []
        for name, node in self.nodes.items():
            status, text, _error = node.try_run(command)
            found += phases.journal(text, name) if status == 0 else []
        return found
