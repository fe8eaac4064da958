# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's mail platform as a mail program and an outside server see it, over real SMTP and IMAP."""

from __future__ import annotations

import imaplib
import smtplib
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
WAIT_SECONDS = 30


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

    def outside_smtp(self, seconds: float = WAIT_SECONDS) -> smtplib.SMTP:
        """Port 25 as any server on the internet sees it."""
        host, port = self.info["services"]["smtp"]
        smtp = smtplib.SMTP(host, port, local_hostname="mx.elsewhere.example", timeout=seconds)
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
