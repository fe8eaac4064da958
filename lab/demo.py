# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: build the platform in the lab, then use it as people would and show what really happened.

A line of the tour that does not come out as it should is marked and makes the exit status 1. The log of each build
step is .lab/STEP.log.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from mail_client import ROOT, Platform
from tour import (
    ALICE,
    ANN,
    STATE,
    Tour,
    alias_and_forward,
    answer_goes_out,
    mail_comes_in,
    new_mailbox,
    refusals,
    take_over,
)


def build(step: str, *playbooks: str) -> None:
    """Run playbooks as one step; on failure show the end of the log and stop."""
    log = STATE / f"{step}.log"
    STATE.mkdir(mode=0o700, exist_ok=True)
    print(f"  {step:<12}", end="", flush=True)
    started = time.monotonic()
    with log.open("w") as output:
        done = subprocess.run(["ansible-playbook", *playbooks], cwd=ROOT, stdout=output, stderr=output, check=False)
    print(f"{time.monotonic() - started:6.0f} s   (.lab/{log.name})")
    if done.returncode:
        print("\n".join(log.read_text().splitlines()[-40:]))
        sys.exit(f"{step} failed; the whole log is .lab/{log.name}. Mend the cause and run `make demo` again.")


def goodbye(lab: Platform) -> None:
    print(f"\nTry it by hand: server {lab.info['name']}, CA certificate {lab.info['ca']}")
    for service, (host, port) in lab.info["services"].items():
        print(f"  {service:<12} {host}:{port}")
    for address in (ALICE, ANN):
        print(f"  {address:<36} {lab.passwords[address]}")
    print("All of it as JSON: make -s lab-info. A shell: make lab-shell HOST=mail1. Remove it: make lab-down.")


def main() -> int:
    started = time.monotonic()
    print("Building the platform in local containers:")
    build("create", "lab/create.yml", "lab/prepare.yml")
    build("converge", "lab/converge.yml")
    build("info", "lab/info.yml")
    lab = Platform(json.loads((STATE / "info.json").read_text()))
    tour = Tour()
    print("\nMail comes in, is read and answered:")
    mail_comes_in(tour, lab)
    answer_goes_out(tour, lab)
    alias_and_forward(tour, lab, alias="alice@widget.example", forward="travel.desk@widget.example")
    print("\nWhat has to be refused is refused:")
    refusals(tour, lab)
    print("\nA new mailbox is a line of YAML:")
    new_mailbox(tour, lab)
    if lab.info["pair"]:
        print("\nA mail host dies, and mail goes on:")
        take_over(tour, lab, lab.info["pair"])
    goodbye(lab)
    verdict = f"{tour.failed} lines FAILED" if tour.failed else "Everything came out as it should"
    print(f"\n{verdict}, {time.monotonic() - started:.0f} s in all.")
    return 1 if tour.failed else 0


if __name__ == "__main__":
    sys.exit(main())
