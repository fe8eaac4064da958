# SPDX-License-Identifier: GPL-3.0-or-later
"""`--self-test`: wrong configurations, each of which the drill must catch. A drill that passes them proves nothing."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from . import powercut, witness
from . import run as runner
from .case import Plan
from .errors import DrillError
from .logic import witness as witness_logic
from .pair import Pair
from .senders import Load


@contextlib.contextmanager
def fencing_off(pair: Pair) -> Iterator[None]:
    """The cluster believes that a node which does not answer is off."""
    node = next(iter(pair.nodes.values()))
    node.run("pcs property set stonith-enabled=false --force")
    try:
        yield
    finally:
        for one in pair.nodes.values():
            if one.try_run("pcs property set stonith-enabled=true")[0] == 0:
                break


@contextlib.contextmanager
def queue_on_own_disk(pair: Pair) -> Iterator[None]:
    """Accepted mail lies in the node's own disk, which is away when the node is."""
    local = "/var/spool/mailroom-drill-queue"
    # A service in a chroot would not come from here to Dovecot's sockets, which stay where they are: nothing would be
    # delivered at all, and the drill has to find what is lost, not what does not work. `postfix check` is called for
    # the folders that it makes. What it finds fault with is no matter: the case wants mail to flow before the fault.
    change = (
        "cd /etc/postfix && for file in main.cf master.cf; do cp -p $file $file.drill; done && "
        f"mkdir -p {local} && "
        f"postconf -e queue_directory={local} && postconf -F '*/*/chroot=n' && {{ postfix check 2>&1 || true; }} && "
        f"ln -sf {shlex.quote(pair.target.queue)}/private/{{dovecot-lmtp,auth,quota-status}} {local}/private/"
    )
    back = "cd /etc/postfix && for file in main.cf master.cf; do test ! -e $file.drill || mv $file.drill $file; done"
    try:
        for node in pair.nodes.values():
            node.run(f"bash -c {shlex.quote(change)}")
        _restart(pair)
        yield
    finally:
        for node in pair.nodes.values():
            node.try_run(back)
        _restart(pair)
        for node in pair.nodes.values():
            node.try_run(f"rm -rf {local}")


@contextlib.contextmanager
def delivery_before_writing(pair: Pair) -> Iterator[None]:
    """LMTP says yes while the mail is in memory only, and Postfix removes its own copy."""
    change = (
        "cp -p /etc/dovecot/dovecot.conf /etc/dovecot/dovecot.conf.drill && "
        "sed -i 's/^mail_fsync = .*/mail_fsync = never/' /etc/dovecot/dovecot.conf"
    )
    try:
        for node in pair.nodes.values():
            node.run(change)
        pair.nodes[pair.active()].run("doveadm reload")
        yield
    finally:
        for node in pair.nodes.values():
            node.try_run("cd /etc/dovecot && test -e dovecot.conf.drill && mv dovecot.conf.drill dovecot.conf")
        pair.nodes[pair.active()].try_run("doveadm reload")


def _restart(pair: Pair) -> None:
    """By the cluster, which would take anything else for a failure."""
    pair.wait_healthy()
    resource = f"{pair.target.resources}postfix"
    pair.nodes[pair.active()].run(f"crm_resource --resource {resource} --restart", seconds=120)
    pair.wait_healthy()


def _by_fault(plan: Plan, fault: str, number: int) -> list[str]:
    """What the drill found when the fault came over the wrong configuration."""
    started = time.time()
    try:
        verdict = runner.case(plan, fault, number).verdict
    except DrillError as error:
        # Two nodes that both think that they have the mail may serve nobody for longer than a case waits.
        mounts = [one for one in witness.mounts(plan.pair) if one.end >= started]
        return [f"unmet: {error}", *(f"disk: {one}" for one in witness_logic.overlaps(mounts))]
    return [f"{kind}: {one}" for kind, found in verdict.faults().items() for one in found]


def _by_cuts(plan: Plan, number: int) -> list[str]:
    load = Load(rate=20, workers=4)
    cuts = powercut.run(plan.pair, plan.folder, f"{plan.run}.{number}", plan.seed, load, 5)
    for cut in cuts:
        plan.say(powercut.line(cut))
    return [finding for cut in cuts for finding in cut.findings]


Attempt = Callable[[Plan, int], list[str]]
# What is wrong, how it is brought about, what is done to it, and by which words the drill must tell.
WRONG: tuple[tuple[str, Callable[[Pair], contextlib.AbstractContextManager[None]], Attempt, tuple[str, ...]], ...] = (
    ("fencing is off", fencing_off, lambda plan, number: _by_fault(plan, "freeze-active", number), ("disk: ",)),
    (
        "the queue is not on the shared disk",
        queue_on_own_disk,
        lambda plan, number: _by_fault(plan, "kill-with-queue", number),
        ("lost: ",),
    ),
    ("LMTP answers before it writes", delivery_before_writing, _by_cuts, ("lost: ", "corrupt: ")),
)


def run(pair: Pair, options: argparse.Namespace, folder: Path) -> int:
    plan = Plan(pair, folder, options.seed, Load(), options.patience, run=folder.name)
    missed = 0
    for number, (what, wrong, attempt, words) in enumerate(WRONG, 1):
        plan.say(f"Wrong on purpose: {what}")
        pair.wait_healthy()
        with wrong(pair):
            found = attempt(plan, number)
        caught = [one for one in found if one.startswith(words)]
        missed += not caught
        plan.say(f"  {'caught' if caught else 'NOT CAUGHT'}: {what}: {caught[0] if caught else found}")
        pair.clean_up()
        pair.wait_healthy()
    print(f"\n{'The drill caught all of them' if not missed else f'The drill missed {missed}'}")
    return 1 if missed else 0
