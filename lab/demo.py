# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: build the platform in the lab, then use it as people would and show what really happened.

Every line of the tour is an action on the running daemons; a line that does not come out as it should is marked and
makes the exit status 1. The log of each build step is .lab/STEP.log.
"""

from __future__ import annotations

import difflib
import imaplib
import json
import shutil
import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".lab"
WAIT_SECONDS = 30

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


def on_host(host: str, *command: str) -> str:
    """Run a command on a lab host and return what it printed."""
    return subprocess.run([ROOT / "lab/shell", host, *command], text=True, capture_output=True, check=True).stdout


def until(check: Callable[[], Any]) -> Any:
    """Return the first true result of `check`, or the last one after WAIT_SECONDS."""
    end = time.monotonic() + WAIT_SECONDS
    while not (found := check()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


class Platform:
    """A mail client and an outside correspondent of the lab."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info
        self.passwords = {account["address"]: account["password"] for account in info["accounts"]}
        self.tls = ssl.create_default_context(cafile=str(ROOT / info["ca"]))

    def outside_smtp(self) -> smtplib.SMTP:
        """Port 25 as any server on the internet sees it."""
        host, port = self.info["services"]["smtp"]
        smtp = smtplib.SMTP(host, port, local_hostname="mx.elsewhere.example", timeout=WAIT_SECONDS)
        smtp.ehlo()
        return smtp

    def submission(self, user: str, password: str | None = None) -> smtplib.SMTP:
        """Port 587 with STARTTLS and a login."""
        host, port = self.info["services"]["submission"]
        smtp = smtplib.SMTP(host, port, timeout=WAIT_SECONDS)
        smtp._host = self.info["name"]  # type: ignore[attr-defined] # the name to check in the certificate
        smtp.starttls(context=self.tls)
        smtp.login(user, password or self.passwords[user])
        return smtp

    def imap(self, user: str, password: str | None = None) -> imaplib.IMAP4_SSL:
        host, port = self.info["services"]["imap"]
        imap = NamedImap(host, port, self.info["name"], self.tls)
        imap.login(user, password or self.passwords[user])
        return imap

    def read(self, user: str, subject: str, password: str | None = None) -> tuple[str, EmailMessage] | None:
        """Wait for a message by its subject; return its folder and itself."""
        with self.imap(user, password) as imap:

            def look() -> tuple[str, EmailMessage] | None:
                for folder in ("INBOX", "Junk"):
                    if imap.select(folder, readonly=True)[0] != "OK":
                        continue
                    numbers = imap.search(None, "SUBJECT", f'"{subject}"')[1][0].split()
                    if numbers:
                        raw = imap.fetch(numbers[-1].decode(), "(RFC822)")[1][0][1]  # type: ignore[index]
                        return folder, BytesParser(EmailMessage, policy=default).parsebytes(raw)  # type: ignore[arg-type]
                return None

            return until(look)  # type: ignore[no-any-return]


class NamedImap(imaplib.IMAP4_SSL):
    """IMAP by address, with the certificate checked for a name: the lab's names are in no public DNS."""

    def __init__(self, host: str, port: int, name: str, context: ssl.SSLContext) -> None:
        self.name = name
        super().__init__(host, port, ssl_context=context, timeout=WAIT_SECONDS)

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        plain = imaplib.IMAP4._create_socket(self, timeout)  # type: ignore[attr-defined]
        context: ssl.SSLContext = self.ssl_context
        return context.wrap_socket(plain, server_hostname=self.name)


def message(sender: str, recipient: str, subject: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, recipient, subject
    made["Message-ID"] = f"<{uuid4()}@{sender.rpartition('@')[2]}>"
    made.set_content("Sent by the tour of the lab.\n")
    return made


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
        lambda: on_host("outside", "grep", "-rhs", "-A99", "-B99", subject, "/srv/mail", "/home", "||", "true")
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
    text = until(lambda: on_host("outside", "grep", "-rls", subject, "/srv/mail", "/home", "||", "true"))
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
    after = before.replace("\nmailboxes:\n", "\nmailboxes:\n  grace.hopper: {name: Grace Hopper}\n", 1)
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
    address = "grace.hopper@widget.example"
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
    alias_and_forward(tour, lab, alias="alice@widget.example", forward="forwarded@widget.example")
    print("\nWhat has to be refused is refused:")
    refusals(tour, lab)
    print("\nA new mailbox is a line of YAML:")
    new_mailbox(tour, lab)
    goodbye(lab)
    verdict = f"{tour.failed} lines FAILED" if tour.failed else "Everything came out as it should"
    print(f"\n{verdict}, {time.monotonic() - started:.0f} s in all.")
    return 1 if tour.failed else 0


if __name__ == "__main__":
    sys.exit(main())
