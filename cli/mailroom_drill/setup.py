# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill needs in place, and takes away again."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from . import lab_accounts, readers, witness
from .errors import DrillError
from .faults import lab_tools
from .pair import Pair
from .shell import Node, wait_for
from .target import ROOT, STATE, Target, from_file, of_lab


def lab_target() -> tuple[Target, Node]:
    """The lab that is up, with mailboxes of the drill's own, and its directory provider."""
    done = subprocess.run(["ansible-playbook", "lab/info.yml"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DrillError(f"lab/info.yml failed; is the lab up? {done.stdout[-600:]}")
    info = json.loads((STATE / "info.json").read_text())
    target = of_lab(info, lab_accounts.accounts())
    provider, _port = info["services"]["ldap"]
    return target, Node(target, "the directory provider", f"root@{provider}")


@contextlib.contextmanager
def ground(file: Path | None, confirm: str | None) -> Iterator[Pair]:
    """A pair that is ready to be drilled. What was put there for the drill is removed at its end."""
    if file:
        target, provider = from_file(file), None
        if confirm != target.name:
            raise DrillError(f"this breaks {target.name} on purpose; say --confirm {target.name} if that is meant")
    else:
        target, provider = lab_target()
        target = dataclasses.replace(target, token=_token(target))
    pair = Pair(target)
    run_mark = time.strftime("%Y%m%d")
    try:
        if provider:
            lab_tools.BROKEN.unlink(missing_ok=True)
            lab_accounts.make(target, provider)
            known = f"postmap -q {target.accounts[-1].address} ldap:/etc/postfix/ldap/mailboxes.cf"
            nodes = list(pair.nodes.values())
            wait_for(lambda: all(node.try_run(known)[0] == 0 for node in nodes), "the replicas know the mailboxes", 60)
        witness.install(pair)
        home = pair.active()
        yield pair
        # Where it was; after a failure it stays as it is, to be looked at.
        pair.wait_healthy()
        if pair.active() != home:
            pair.switch(home)
            pair.wait_healthy()
        pair.clean_up()
    finally:
        lab_tools.BROKEN.unlink(missing_ok=True) if provider else None
        witness.remove(pair)
        if provider:
            lab_accounts.remove_entries(provider)
            for name in pair.mounted():
                lab_accounts.remove_mail(pair.nodes[name], target.mount)
        else:
            for account in target.accounts:
                readers.remove(target, account, run_mark)


def _token(target: Target) -> float:
    """Corosync's own token in seconds, as a node that is frozen for long is frozen for longer than that."""
    for name, place in target.nodes.items():
        text = Node(target, name, place).try_run("corosync-cmapctl -g runtime.config.totem.token")[1]
        if text.strip():
            return int(text.split()[-1]) / 1000
    return 1.0
