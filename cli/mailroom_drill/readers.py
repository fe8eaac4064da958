# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that read: IMAP sessions that stay, come back when they were cut, and remember every UID that they saw."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
import threading
import time

from .history import History
from .logic import messages
from .logic.model import Copy, Folder
from .senders import ANSWER, CONNECT, RETRY
from .target import Account, Target

PAUSE = 0.15
HEAD = f"(UID BODY.PEEK[HEADER.FIELDS ({messages.HEADER})])"
_UID = re.compile(rb"UID (\d+)")


class Impatient(imaplib.IMAP4_SSL):
    """IMAP by address that gives up soon; the certificate is checked for the service's name."""

    def __init__(self, target: Target, context: ssl.SSLContext, answer: float = ANSWER) -> None:
        self.service_name, self.answer = target.name, answer
        super().__init__(*target.services["imap"], ssl_context=context, timeout=CONNECT)

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        plain = socket.create_connection((self.host, self.port), timeout)
        plain.settimeout(self.answer)
        context: ssl.SSLContext = self.ssl_context
        return context.wrap_socket(plain, server_hostname=self.service_name)


def _fetched(data: list[object]) -> list[tuple[int, bytes]]:
    """UID and literal of each message in the answer to a FETCH; the UID stands before or behind the literal."""
    found = []
    for number, part in enumerate(data):
        if not isinstance(part, tuple):
            continue
        rest = data[number + 1] if number + 1 < len(data) else b""
        match = _UID.search(part[0]) or _UID.search(rest if isinstance(rest, bytes) else b"")
        if match:
            found.append((int(match[1]), part[1]))
    return found


def _validity(imap: imaplib.IMAP4) -> int:
    return int(imap.response("UIDVALIDITY")[1][0])


def read_all(target: Target, account: Account, known: int = 0) -> tuple[Folder, list[Copy]]:
    """All UIDs of an inbox, and all messages that are above a UID there or in any other folder."""
    with Impatient(target, target.tls(), answer=60) as imap:
        imap.login(account.address, account.password)
        names = [line.split(b' "/" ')[-1].strip(b'"').decode() for line in imap.list()[1] if isinstance(line, bytes)]
        folder, copies = Folder(0, {}), []
        for name in sorted(names):
            if imap.select(f'"{name}"', readonly=True)[0] != "OK":
                continue
            inbox = name.upper() == "INBOX"
            if inbox:
                heads = imap.uid("FETCH", "1:*", HEAD)[1]
                folder = Folder(_validity(imap), {uid: messages.read(raw)[0] for uid, raw in _fetched(heads)})
            above = known if inbox else 0
            for uid, raw in _fetched(imap.uid("FETCH", f"{above + 1}:*", "(UID BODY.PEEK[])")[1]):
                # `N:*` is the last message where there is none above N.
                if uid > above:
                    identity, digest = messages.read(raw)
                    copies.append(Copy(account.address, identity, digest, uid=uid, where=f"{name} UID {uid}"))
    return folder, copies


def remove(target: Target, account: Account, prefix: str) -> None:
    """Remove the drill's own messages from a mailbox, and no others."""
    with Impatient(target, target.tls(), answer=60) as imap:
        imap.login(account.address, account.password)
        imap.select("INBOX")
        found = imap.uid("SEARCH", "HEADER", messages.HEADER, prefix)[1][0].split()
        for start in range(0, len(found), 500):
            part = b",".join(found[start : start + 500]).decode()
            imap.uid("STORE", part, "+FLAGS.SILENT", r"(\Deleted)")
            imap.uid("EXPUNGE", part)


class Reader(threading.Thread):
    """A mail program at one mailbox."""

    def __init__(self, target: Target, history: History, account: Account, number: int) -> None:
        super().__init__(name=f"imap-{number}", daemon=True)
        self.target, self.history, self.account = target, history, account
        self.tls = target.tls()
        self.stopping = threading.Event()
        self.next_uid = 1

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.session()
            except (OSError, imaplib.IMAP4.error) as error:
                said = f"{type(error).__name__}: {error}"[:120]
                self.history.add("imap", mailbox=self.account.address, good=False, said=said)
                self.stopping.wait(RETRY)

    def session(self) -> None:
        imap = Impatient(self.target, self.tls)
        try:
            imap.login(self.account.address, self.account.password)
            imap.select("INBOX", readonly=True)
            validity = _validity(imap)
            self.look(imap, validity)
            while not self.stopping.wait(PAUSE):
                imap.noop()
                self.history.add("imap", mailbox=self.account.address, good=True)
                if imap.untagged_responses.pop("EXISTS", None):
                    self.look(imap, validity)
        finally:
            imap.shutdown()

    def look(self, imap: imaplib.IMAP4, validity: int) -> None:
        """Remember the UIDs that are new."""
        data = imap.uid("FETCH", f"{self.next_uid}:*", HEAD)[1]
        for uid, raw in _fetched(data):
            if uid >= self.next_uid:
                identity = messages.read(raw)[0]
                self.history.add("seen", mailbox=self.account.address, validity=validity, uid=uid, id=identity)
                self.next_uid = uid + 1


class Readers:
    """Sessions at several mailboxes, spread in time so that together they ask about every 50 ms."""

    def __init__(self, target: Target, history: History, count: int = 3) -> None:
        accounts = [target.accounts[number % len(target.accounts)] for number in range(count)]
        self.readers = [Reader(target, history, account, number) for number, account in enumerate(accounts)]

    def start(self) -> None:
        for reader in self.readers:
            reader.start()
            time.sleep(PAUSE / len(self.readers))

    def stop(self) -> None:
        for reader in self.readers:
            reader.stopping.set()
        for reader in self.readers:
            reader.join(ANSWER * 4)
