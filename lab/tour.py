# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make demo` shows: each line is an action on the running daemons and its real outcome."""

from __future__ import annotations

import difflib
import json
import shlex
import shutil
import smtplib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from mail_client import ROOT, Platform, message, until

STATE = ROOT / ".lab"
ALICE = "alice.liddell@widget.example"
ANN = "ann@widget.example"
PARTNER = "partner@elsewhere.example"


class Tour:
    """Prints one line for each thing that was tried, and remembers whether all came out as they should."""

    def __init__(self) -> None:
        self.failed = 0

    def show(self, what: str, good: bool, outcome: str) -> None:
        self.failed += not good
        print(f"  {'ok  ' if good else 'FAIL'}  {what}\n          {outcome}")


def on_host(host: str, *command: str) -> str:
    """Run a command on a lab host and return what it printed."""
    return subprocess.run([ROOT / "lab/shell", host, *command], text=True, capture_output=True, check=True).stdout


def refused(tour: Tour, what: str, code: int, attempt: Callable[[], Any]) -> None:
    """Show an attempt that has to be refused with a certain SMTP code."""
    try:
        attempt()
    except smtplib.SMTPRecipientsRefused as error:
        got, text = next(iter(error.recipients.values()))
    except smtplib.SMTPResponseException as error:
        got, text = error.smtp_code, error.smtp_error  # type: ignore[assignment] # bytes in fact
    else:
        tour.show(what, False, "was accepted")
        return
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    tour.show(what, got == code, f"{got} {' '.join(words.split())}")


def mail_comes_in(tour: Tour, lab: Platform) -> None:
    subject = f"Hello {uuid4()}"
    started = time.monotonic()
    with lab.outside_smtp() as smtp:
        smtp.send_message(message(PARTNER, ALICE, subject))
    dialogue = time.monotonic() - started
    found = lab.read(ALICE, subject)
    tour.show(
        f"mail from outside reaches {ALICE}",
        found is not None,
        f"SMTP dialogue {dialogue * 1000:.0f} ms, in folder {found[0]} after {time.monotonic() - started:.2f} s"
        if found
        else "it did not arrive",
    )
    if found:
        for header in ("Return-Path", "Delivered-To", "Received"):
            print(f"          {header}: {' '.join(str(found[1][header]).split())[:110]}")


def answer_goes_out(tour: Tour, lab: Platform) -> None:
    subject = f"Re: Hello {uuid4()}"
    with lab.submission(ALICE) as smtp:
        smtp.send_message(message(ALICE, PARTNER, subject))
    text = until(
        lambda: on_host("outside", "grep", "-rhs", "-A99", "-B99", shlex.quote(subject), "/srv/mail", "||", "true")
    )
    clean = "10.80.1.1" not in text
    tour.show(
        f"her answer over submission reaches {PARTNER}",
        bool(text) and clean,
        f"arrived; her computer's address is {'not ' if clean else ''}in the headers" if text else "it did not arrive",
    )


def alias_and_forward(tour: Tour, lab: Platform, alias: str, forward: str) -> None:
    subject = f"Alias {uuid4()}"
    with lab.outside_smtp() as smtp:
        smtp.send_message(message(PARTNER, alias, subject))
    found = lab.read(ALICE, subject)
    tour.show(f"the alias {alias} leads to {ALICE}", found is not None, f"in {found[0]}" if found else "not there")
    subject = f"Forward {uuid4()}"
    with lab.submission(ALICE) as smtp:
        smtp.send_message(message(ALICE, forward, subject))
    text = until(lambda: on_host("outside", "grep", "-rls", shlex.quote(subject), "/srv/mail", "||", "true"))
    tour.show(f"the forward of {forward} leads outside", bool(text), "arrived outside" if text else "not there")


def refusals(tour: Tour, lab: Platform) -> None:
    refused(tour, "a wrong password", 535, lambda: lab.submission(ALICE, "not the password"))

    def outside_to(recipient: str, sender: str = PARTNER) -> Callable[[], Any]:
        def attempt() -> None:
            with lab.outside_smtp() as smtp:
                smtp.send_message(message(sender, recipient, "to be refused"))

        return attempt

    refused(
        tour,
        "an unknown recipient (alice.lidell, one letter short)",
        550,
        outside_to("alice.lidell@widget.example"),
    )
    refused(tour, "an outsider who relays", 554, outside_to("someone@third.example"))
    refused(tour, "an outsider who claims to be one of our users", 553, outside_to(ANN, sender=ALICE))

    def forged() -> None:
        with lab.submission(ALICE) as smtp:
            smtp.send_message(message(ANN, PARTNER, "to be refused"))

    refused(tour, f"{ALICE} who sends as {ANN}", 553, forged)


def new_mailbox(tour: Tour, lab: Platform) -> None:
    """Add a line to a copy of the account files, apply, use, and apply the original again."""
    copy = STATE / "demo-accounts"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "inventories/lab/accounts", copy)
    passwords = STATE / "demo-passwords.json"
    passwords.unlink(missing_ok=True)
    file = copy / "widget.example.yml"
    before = file.read_text()
    # A name of its own for each tour: that of the last one is reserved, and would come back with the password of then.
    local = f"guest{time.time_ns() // 10**9}"
    after = before.replace("\nmailboxes:\n", f"\nmailboxes:\n  {local}: {{name: Guest of the Tour}}\n", 1)
    file.write_text(after)
    for line in difflib.unified_diff(
        before.splitlines(), after.splitlines(), "widget.example.yml", "with a line more", "", "", 1, ""
    ):
        print(f"          {line}")

    def apply(path: Path) -> float:
        started = time.monotonic()
        subprocess.run(
            [
                "ansible-playbook",
                "playbooks/accounts.yml",
                "-e",
                f"mailroom_accounts_dir={path}",
                "-e",
                f"mailroom_passwords_file={passwords}",
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        return time.monotonic() - started

    took = apply(copy)
    address = f"{local}@widget.example"
    subject = f"Welcome {uuid4()}"
    started = time.monotonic()
    with lab.outside_smtp() as smtp:
        smtp.send_message(message(PARTNER, address, subject))
    found = lab.read(address, subject, json.loads(passwords.read_text())[address])
    tour.show(
        f"{address} is usable after ansible-playbook playbooks/accounts.yml",
        found is not None,
        f"play {took:.1f} s, first mail read {time.monotonic() - started:.2f} s later" if found else "no mail there",
    )
    took = apply(ROOT / "inventories/lab/accounts")

    def attempt() -> None:
        with lab.outside_smtp() as smtp:
            smtp.send_message(message(PARTNER, address, "to be refused"))

    refused(tour, f"the line taken back ({took:.1f} s): mail to {address}", 550, attempt)


def serving(nodes: list[str]) -> str:
    """The node that has the mail, "" while none has."""
    return next((node for node in nodes if on_host(node, "mailroom-store", "active", "||", "true").strip()), "")


def power_cut(node: str) -> None:
    """End a host in a second, without a word to anybody: PID 1 goes, and nothing is stopped or unmounted."""
    # In the background, as a connection to a host that is gone would wait for ever.
    on_host(
        node,
        "systemd-run",
        "--quiet",
        "--on-active=1",
        "--timer-property=AccuracySec=100ms",
        "systemctl",
        "poweroff",
        "-ff",
    )


def silence(lab: Platform) -> float | None:
    """Wait for a gap in the service of port 25 and for its end; return how long it was, None if it did not end."""
    end = time.monotonic() + 60
    answered, gone = time.monotonic(), False
    while time.monotonic() < end:
        try:
            lab.outside_smtp(seconds=1).close()
        except (OSError, smtplib.SMTPException):
            gone = True
        else:
            if gone:
                return time.monotonic() - answered
            answered = time.monotonic()
        time.sleep(0.05)
    return None


def take_over(tour: Tour, lab: Platform, nodes: list[str]) -> None:
    """Cut the power of the node that has the mail, and see mail go on at the other one."""
    before, after = f"Before {uuid4()}", f"After {uuid4()}"

    def send(subject: str) -> None:
        with lab.outside_smtp() as smtp:
            smtp.send_message(message(PARTNER, ALICE, subject))

    send(before)
    dead = serving(nodes)
    spare = next(node for node in nodes if node != dead)
    power_cut(dead)
    gap = silence(lab)
    if gap is not None:
        send(after)
    there = gap is not None and all(lab.read(ALICE, subject) for subject in (before, after))
    outcome = f"no answer on port 25 for {gap:.1f} s; what came before and after is in the mailbox"
    tour.show(f"{dead} loses its power; {spare} fences it and has the mail", there, outcome if there else "it did not")
    back = until(lambda: dead in online(spare))
    tour.show(f"{dead} is switched on again and is the spare now", bool(back), f"online: {online(spare)}")


def online(asked: str) -> str:
    """The nodes of the pair that a node calls online."""
    return on_host(asked, "crm_mon", "-1", "--include=none,nodes", "|", "sed", "-n", "'s/.*Online: //p'").strip()
