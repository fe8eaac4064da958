# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that send: each message under one id until it is acknowledged, and not for ever."""

from __future__ import annotations

import base64
import itertools
import random
import smtplib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .history import History
from .logic import messages
from .logic.model import ACCEPTED, REFUSED, UNDECIDED
from .target import Account, Target

# A connection that is not there after this time will not come: the next try begins.
CONNECT = 0.3
# An answer that takes longer is as good as none; what was sent may still have been taken.
ANSWER = 3.0
LAST_ANSWER = 8.0
RETRY = 0.05
# Messages over one connection with a log-in, as a mail program does it.
OVER_ONE = 20


class Impatient(smtplib.SMTP):
    """SMTP by address that gives up soon; the certificate is checked for the service's name."""

    def __init__(self, host: str, port: int, name: str, helo: str) -> None:
        self.service_name = name
        super().__init__(host, port, local_hostname=helo, timeout=CONNECT)

    def _get_socket(self, host: str, port: int, timeout: float | None) -> socket.socket:
        made = socket.create_connection((host, port), timeout)
        made.settimeout(ANSWER)
        self._host = self.service_name
        return made


@dataclass(frozen=True)
class Route:
    """A way in: `outside` is port 25 as other servers use it, `inside` is submission with a log-in."""

    name: str
    host: str
    port: int
    login: bool


@dataclass(frozen=True)
class Load:
    """How much is sent. It ends by itself: after so many messages, and so many tries for each."""

    # Messages in a second over each way.
    rate: float = 8.0
    workers: int = 4
    messages: int = 4_000
    tries: int = 1_500


def routes(target: Target) -> tuple[Route, Route]:
    return Route("outside", *target.services["smtp"], False), Route("inside", *target.services["submission"], True)


class Sender(threading.Thread):
    """One client on one way in."""

    def __init__(self, crew: Crew, route: Route, number: int) -> None:
        super().__init__(name=f"{route.name}-{number}", daemon=True)
        self.crew, self.route, self.number = crew, route, number
        self.smtp: smtplib.SMTP | None = None
        self.used = 0
        self.random = random.Random(f"{crew.seed} {self.name}")  # noqa: S311

    def run(self) -> None:
        pause = self.crew.load.workers / self.crew.load.rate
        next_one = time.monotonic() + pause * self.number / self.crew.load.workers
        while not self.crew.stopping.wait(max(0.0, next_one - time.monotonic())):
            next_one = max(next_one + pause, time.monotonic() - pause)
            if not (identity := self.crew.next_identity()):
                break
            self.deliver(identity)
        self.close()

    def deliver(self, identity: str) -> None:
        """Try until the message is acknowledged. After the order to end there is a limited time for that."""
        accounts = self.crew.target.accounts
        account, login = self.random.choice(accounts), accounts[self.number % len(accounts)]
        sender = login.address if self.route.login else self.crew.target.sender
        raw, digest = messages.build(identity, sender, account.address, time.time())
        for number in range(self.crew.load.tries):
            if self.crew.given_up():
                return
            began = time.time()
            outcome, stage, word = self.attempt(login, sender, account.address, raw)
            self.crew.history.add(
                "send",
                id=identity,
                to=account.address,
                hash=digest,
                route=self.route.name,
                began=round(began, 6),
                outcome=outcome,
                stage=stage,
                said=word,
            )
            if outcome == ACCEPTED:
                return
            self.close()
            # Refusals that come at once must not become a storm.
            time.sleep(RETRY if number < 200 else 4 * RETRY)

    def attempt(self, login: Account, sender: str, recipient: str, raw: bytes) -> tuple[str, str, str]:
        """Outcome, how far it came, and what was said."""
        stage = "connect"
        try:
            smtp = self.session(login)
            for stage, command in (("mail", f"MAIL FROM:<{sender}>"), ("rcpt", f"RCPT TO:<{recipient}>")):
                code, text = smtp.docmd(command)
                if code != 250:
                    return REFUSED, stage, f"{code} {text.decode(errors='replace')}"
            stage = "data"
            code, text = smtp.docmd("DATA")
            if code != 354:
                return REFUSED, stage, f"{code} {text.decode(errors='replace')}"
            # No line of ours begins with a dot. From the last dot on, silence means that nobody knows.
            smtp.send(raw)
            stage = "sent"
            assert smtp.sock is not None  # noqa: S101  it has just been written to
            smtp.sock.settimeout(LAST_ANSWER)
            smtp.send(b".\r\n")
            code, text = smtp.getreply()
            smtp.sock.settimeout(ANSWER)
            return (ACCEPTED if code == 250 else REFUSED), stage, f"{code} {text.decode(errors='replace')}"
        except (OSError, smtplib.SMTPException) as error:
            return (UNDECIDED if stage == "sent" else REFUSED), stage, f"{type(error).__name__}: {error}"[:120]

    def session(self, login: Account) -> smtplib.SMTP:
        """A connection that is ready for MAIL."""
        if self.smtp and self.route.login and self.used < OVER_ONE:
            self.used += 1
            return self.smtp
        self.close()
        smtp = Impatient(self.route.host, self.route.port, self.crew.target.name, self.crew.target.helo)
        self.smtp, self.used = smtp, 0
        smtp.ehlo()
        if self.route.login:
            smtp.starttls(context=self.crew.tls)
            smtp.ehlo()
            secret = base64.b64encode(f"\0{login.address}\0{login.password}".encode()).decode()
            code, text = smtp.docmd(f"AUTH PLAIN {secret}")
            if code != 235:
                raise smtplib.SMTPAuthenticationError(code, text)
        return smtp

    def close(self) -> None:
        if self.smtp:
            self.smtp.close()
            self.smtp = None


class Crew:
    """All senders of a case."""

    def __init__(self, target: Target, history: History, case: str, seed: str, load: Load) -> None:
        self.target, self.history, self.seed, self.load = target, history, seed, load
        self.tls = target.tls()
        self.stopping = threading.Event()
        self.deadline: float | None = None
        self._count = itertools.count(1)
        self._case = case
        self._lock = threading.Lock()
        self.senders = [Sender(self, route, number) for route in routes(target) for number in range(load.workers)]

    def next_identity(self) -> str | None:
        with self._lock:
            number = next(self._count)
        return f"{self._case}.{number:05d}" if number <= self.load.messages else None

    def given_up(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def start(self) -> None:
        for sender in self.senders:
            sender.start()

    def stop(self, seconds: float = 60) -> None:
        """No new messages; those that are under way get so long to be acknowledged."""
        self.deadline = time.monotonic() + seconds
        self.stopping.set()
        for sender in self.senders:
            sender.join(seconds + LAST_ANSWER + ANSWER * 4)


def accepted_since(history: History, moment: float) -> Callable[[], bool]:
    """Whether every way in has taken a message that was begun after a moment (of the wall's clock)."""

    def check() -> bool:
        done: dict[str, Any] = {
            event["route"]: True
            for event in history.of("send")
            if event["outcome"] == ACCEPTED and event["began"] > moment
        }
        return len(done) == 2

    return check
