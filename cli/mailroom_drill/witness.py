# SPDX-License-Identifier: GPL-3.0-or-later
"""The witness on each node: installed by the drill, asked at the end of each case, and removed."""

from __future__ import annotations

import shlex
from importlib import resources

from .logic import witness
from .pair import Pair

UNIT = "mailroom-drill-witness.service"
FOLDER = "/var/lib/mailroom-drill"
SHARED = ".mailroom-drill-witness"
# Who must not be able to write where the disk is not mounted: a daemon that did would hide mail below the mount.
USERS = ("vmail", "postfix")


def install(pair: Pair) -> None:
    source = resources.files(__package__) / "files"
    program = (source / "witness.py").read_text()
    for name, node in pair.nodes.items():
        unit = (source / UNIT).read_text().replace("@MOUNT@", pair.target.mount).replace("@NODE@", name)
        node.run(f"install -d -m 700 {FOLDER} && cat >{FOLDER}/witness.py", program)
        node.run(f"cat >/etc/systemd/system/{UNIT} && systemctl daemon-reload && systemctl enable --now {UNIT}", unit)


def remove(pair: Pair) -> None:
    """Also where installing it stopped half way."""
    for node in pair.nodes.values():
        node.try_run(
            f"systemctl disable --now {UNIT}; rm -rf {FOLDER} /etc/systemd/system/{UNIT}; systemctl daemon-reload"
        )
    shared = shlex.quote(f"{pair.target.mount}/{SHARED}")
    for name in pair.mounted():
        pair.nodes[name].try_run(f"rm -f {shared}")


def mounts(pair: Pair) -> list[witness.Mounted]:
    """Who had the disk when, from the nodes' own files and the one on the disk."""
    texts = [node.try_run(f"cat {FOLDER}/witness.log")[1] for node in pair.nodes.values()]
    for name in pair.mounted():
        texts.append(pair.nodes[name].try_run(f"cat {shlex.quote(pair.target.mount)}/{SHARED}")[1])
    return witness.intervals(texts)


def unmounted_is_closed(pair: Pair) -> list[str]:
    """Try to write where the disk is not mounted, as the mail daemons' users."""
    found = []
    active = pair.mounted()
    place = shlex.quote(f"{pair.target.mount}/.mailroom-drill-write")
    for name, node in pair.nodes.items():
        if name in active:
            continue
        for user in USERS:
            if node.try_run(f"runuser -u {user} -- touch {place}")[0] == 0:
                node.try_run(f"rm -f {place}")
                found.append(f"{user} can write to {pair.target.mount} of {name}, where the disk is not mounted")
    return found
