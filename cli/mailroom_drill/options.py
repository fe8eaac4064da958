# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the drill."""

from __future__ import annotations

import argparse
from pathlib import Path

from .faults import ALL


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="make drill FLAGS=...",
        description="Faults on a mail pair under load, and proof that nothing it accepted was lost (docs/drill.md).",
        epilog="Faults: " + ", ".join(sorted(ALL)),
    )
    made.add_argument("--faults", metavar="A,B", help="only these, in this order; default: all on offer")
    made.add_argument("--seed", default="mailroom", help="gives the order of the faults and all random moments")
    made.add_argument("--repeat", type=int, default=1, help="all of it so many times")
    made.add_argument("--rate", type=float, help="messages a second over each way; default 8, on your own pair 1")
    made.add_argument("--patience", type=float, default=20, help="seconds for which failed fencing is looked at")
    made.add_argument("--cuts", type=int, default=10, help="copies of the lab's disk at random instants; 0: none")
    made.add_argument("--self-test", action="store_true", help="drill wrong configurations: each must be caught")
    made.add_argument("--figures", action="store_true", help="20 kills, 20 switches, defaults, load, unchanged play")
    made.add_argument("--kills", type=int, default=20, help="kills and switches of --figures")
    made.add_argument("--busy", type=float, default=600, help="seconds of full load of --figures")
    made.add_argument("--pair", type=Path, metavar="FILE", help="your own pair instead of the lab (docs/drill.md)")
    made.add_argument("--confirm", metavar="NAME", help="the name in that file: yes, break it")
    made.add_argument("--list", action="store_true", help="the faults that the pair is offered")
    return made
