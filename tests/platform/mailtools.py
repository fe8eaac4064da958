# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mail program and a stranger's server say to the platform, and a domain of our own to try things on."""

from __future__ import annotations

import base64
import hashlib
import imaplib
import os
import poplib
import re
import shlex
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, SMTPUTF8
from typing import Any
from uuid import uuid4

from mail_client import NamedImap
from pairtools import serving

SUFFIX = "dc=mailroom,dc=example"
PARTNER = "partner@elsewhere.example"
DOMAIN = "mailtest.example"
IDN, IDN_UTF8 = "xn--mller-kva.mailtest.example", "müller.mailtest.example"
PASSWORD = "correct horse battery"
ALL = ("imap", "pop3", "submission", "sieve")


def token(what: str = "test") -> str:
    """A subject that occurs once."""
    return f"{what}-{uuid4().hex}"


def message(sender: str, to: str, subject: str, body: str = "Hello\n", **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender or "nobody@elsewhere.example", to, subject
    made["Message-ID"] = f"<{uuid4()}@test.invalid>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return made


def hashed(password: str) -> str:
    salt = os.urandom(8)
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt).decode()  # noqa: S324


class Directory:
    """Entries of the tests' own domains, written on the provider by its local root identity."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self._collected: list[str] | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Entries that are added inside are written at the end, by one command."""
        self._collected = []
        yield
        ldif, self._collected = "\n".join(self._collected), None
        self.modify(ldif)

    def modify(self, ldif: str, *options: str) -> None:
        command = f"printf %s {shlex.quote(ldif)} | ldapmodify -Q -Y EXTERNAL -H ldapi:/// {' '.join(options)}"
        done = self.provider.run(command)
        assert done.rc == 0, f"{done.stderr}\n{ldif}"

    @staticmethod
    def domain_dn(domain: str) -> str:
        return f"ou={domain},ou=domains,{SUFFIX}"

    def _add(self, dn: str, attributes: list[tuple[str, str]]) -> None:
        lines = [f"dn: {dn}", "changetype: add"]
        lines += [f"{name}:: {base64.b64encode(value.encode()).decode()}" for name, value in attributes]
        text = "\n".join(lines) + "\n"
        if self._collected is None:
            self.modify(text)
        else:
            self._collected.append(text)

    def add_domain(self, domain: str, *names: str) -> None:
        self._add(
            self.domain_dn(domain),
            [("objectClass", "organizationalUnit"), ("objectClass", "mailroomDomain"), ("ou", domain)]
            + [("mailroomDomainName", name) for name in (domain, *names)]
            + [("mailroomState", "active")],
        )

    def add_mailbox(
        self,
        local: str,
        domain: str = DOMAIN,
        *,
        also: tuple[str, ...] = (),
        delivery: tuple[str, ...] = (),
        state: str = "active",
        services: tuple[str, ...] = ALL,
        quota: int | None = None,
        kind: str = "person",
        store: str = "",
        senders: tuple[str, ...] = (),
        identity: str = "",
    ) -> str:
        user = f"{local}@{domain}"
        self._add(
            f"uid={local},{self.domain_dn(domain)}",
            [("objectClass", "inetOrgPerson"), ("objectClass", "mailroomMailbox")]
            + [("uid", local), ("cn", local), ("sn", local), ("mailroomUser", user), ("mailroomState", state)]
            + [("mailroomKind", kind), ("mailroomStore", store or f"{domain}/{local}")]
            + ([("mail", user)] if local.isascii() else [])
            + [("mailroomAddress", address) for address in (user, *also)]
            + [("mailroomDelivery", address) for address in delivery or (user,)]
            + [("mailroomSender", address) for address in senders]
            + ([("mailroomIdentity", identity)] if identity else [])
            + [("mailroomService", service) for service in services]
            + ([("mailroomQuota", str(quota))] if quota else [])
            + [("userPassword", hashed(PASSWORD))],
        )
        return user

    def add_alias(
        self, local: str, delivery: tuple[str, ...], domain: str = DOMAIN, *names: str, state: str = "active"
    ) -> str:
        """An alias; with local part "" it is the catch-all of the domain. `names` are further names of the domain."""
        self._add(
            f"cn={local or '@'},{self.domain_dn(domain)}",
            [("objectClass", "mailroomAlias"), ("cn", local or "@"), ("mailroomState", state)]
            + [("mailroomAddress", f"{local}@{name}") for name in (domain, *names)]
            + [("mailroomDelivery", address) for address in delivery],
        )
        return f"{local}@{domain}"

    def add_group(self, local: str, members: tuple[str, ...], domain: str, posters: tuple[str, ...] = ()) -> str:
        self._add(
            f"cn={local},{self.domain_dn(domain)}",
            [("objectClass", "mailroomGroup"), ("cn", local), ("mailroomState", "active")]
            + [("mailroomAddress", f"{local}@{domain}")]
            + [("mailroomDelivery", address) for address in members]
            + [("mailroomPoster", address) for address in posters],
        )
        return f"{local}@{domain}"

    def delete_domain(self, domain: str) -> None:
        self.provider.run(f"ldapdelete -r -Q -Y EXTERNAL -H ldapi:/// {shlex.quote(self.domain_dn(domain))}")


class Sieve:
    """ManageSieve (RFC 5804), as much of it as the tests need."""

    def __init__(self, host: str, port: int, name: str, context: ssl.SSLContext | None) -> None:
        self.socket: socket.socket = socket.create_connection((host, port), timeout=20)
        self.file = self.socket.makefile("rb")
        self.capabilities = self._answer()
        if context:
            assert self.command(b"STARTTLS")[0] == "OK"
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
            self.file = self.socket.makefile("rb")
            self.capabilities = self._answer()

    def _answer(self) -> tuple[str, str]:
        text = b""
        while True:
            line = self.file.readline()
            assert line, "the server closed the connection"
            text += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if literal:
                text += self.file.read(int(literal[1])) + self.file.readline()
            word = line.split(b" ")[0].strip().upper()
            if word in (b"OK", b"NO", b"BYE"):
                return word.decode(), text.decode()

    def command(self, line: bytes) -> tuple[str, str]:
        self.socket.sendall(line + b"\r\n")
        return self._answer()

    def login(self, user: str, password: str) -> tuple[str, str]:
        secret = base64.b64encode(f"\0{user}\0{password}".encode())
        return self.command(b'AUTHENTICATE "PLAIN" "' + secret + b'"')

    def put(self, name: str, script: str) -> tuple[str, str]:
        data = script.encode()
        return self.command(f'PUTSCRIPT "{name}" {{{len(data)}+}}\r\n'.encode() + data)

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Mail:
    """The platform as clients see it; certificates are checked for the service's name."""

    def __init__(self, info: dict[str, Any], tls: ssl.SSLContext, hosts: Any, wait_for: Any) -> None:
        self.info, self.tls, self.hosts, self.wait_for = info, tls, hosts, wait_for

    # As a server on the internet ---------------------------------------------------------------

    def port25(self, address: str | None = None) -> smtplib.SMTP:
        host, port = self.info["services"]["smtp"]
        smtp = smtplib.SMTP(address or host, port, local_hostname="mx.elsewhere.example", timeout=30)
        smtp.ehlo()
        return smtp

    def dialogue(self, sender: str, recipient: str, *options: str) -> tuple[int, str]:
        """The answer to RCPT TO, or to MAIL FROM if that is refused."""
        with self.port25() as smtp:
            smtp.command_encoding = "utf-8"
            code, text = smtp.docmd(f"MAIL FROM:<{sender}>", " ".join(options))
            if code == 250:
                code, text = smtp.docmd(f"RCPT TO:<{recipient}>")
        return code, text.decode()

    def send(self, recipient: str, subject: str, sender: str = PARTNER, **more: Any) -> None:
        """Mail comes in: one recipient over port 25."""
        with self.port25() as smtp:
            smtp.sendmail(sender, recipient, message(sender, recipient, subject, **more).as_bytes(policy=SMTP))

    # As a user -----------------------------------------------------------------------------------

    def submission(self, user: str, password: str = PASSWORD, service: str = "submission") -> smtplib.SMTP:
        host, port = self.info["services"][service]
        if service == "submissions":
            smtp: smtplib.SMTP = NamedSmtps(host, port, self.info["name"], self.tls)
        else:
            smtp = smtplib.SMTP(host, port, local_hostname="laptop.private.example", timeout=30)
            smtp._host = self.info["name"]  # the name to check in the certificate
            smtp.starttls(context=self.tls)
        smtp.ehlo_or_helo_if_needed()
        # One attempt: smtplib's login() would try each mechanism in turn.
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        code, text = smtp.docmd(f"AUTH PLAIN {secret}")
        if code != 235:
            smtp.close()
            raise smtplib.SMTPAuthenticationError(code, text)
        return smtp

    def imap(self, user: str, password: str = PASSWORD, address: str | None = None) -> imaplib.IMAP4_SSL:
        host, port = self.info["services"]["imap"]
        client = NamedImap(address or host, port, self.info["name"], self.tls)
        if user.isascii():
            client.login(user, password)
        else:
            # The command LOGIN knows ASCII only (RFC 9051); SASL PLAIN is UTF-8 (RFC 4616).
            client.authenticate("PLAIN", lambda _challenge: f"\0{user}\0{password}".encode())
        return client

    def pop3(self, user: str, password: str = PASSWORD) -> poplib.POP3_SSL:
        host, port = self.info["services"]["pop3"]
        client = NamedPop(host, port, self.info["name"], self.tls)
        client.user(user)
        client.pass_(password)
        return client

    def sieve(self, user: str, password: str = PASSWORD) -> Sieve:
        host, port = self.info["services"]["sieve"]
        client = Sieve(host, port, self.info["name"], self.tls)
        assert client.login(user, password)[0] == "OK"
        return client

    def read(self, user: str, subject: str, folder: str = "INBOX", seconds: float = 30) -> EmailMessage:
        """Wait for a mail by its subject; it must be there once."""
        with self.imap(user) as client:

            def look() -> list[bytes]:
                assert client.select(folder, readonly=True)[0] == "OK"
                return client.search(None, "SUBJECT", f'"{subject}"')[1][0].split()

            numbers = self.wait_for(look, f"{subject} in {folder} of {user}", seconds)
            assert len(numbers) == 1
            raw = client.fetch(numbers[0].decode(), "(BODY.PEEK[])")[1][0][1]
        return BytesParser(EmailMessage, policy=SMTPUTF8).parsebytes(raw)

    # On hosts --------------------------------------------------------------------------------------

    def outside_text(self, subject: str, mailbox: str = "partner", seconds: float = 30) -> str:
        """Wait for a mail in a mailbox outside and return its source."""
        host = self.hosts("outside")
        command = f"grep -rlF {shlex.quote(subject)} /srv/mail/{mailbox}/new"
        files = self.wait_for(lambda: host.run(command).stdout.split(), f"{subject} outside", seconds)
        assert len(files) == 1
        return host.file(files[0]).content_string

    def in_store(self, user: str, subject: str, seconds: float = 30) -> str:
        """Wait until the store has a mail for somebody who cannot log in."""
        command = f"doveadm search -u {shlex.quote(user)} mailbox INBOX subject {shlex.quote(subject)}"
        host = self.hosts(serving(self.hosts, self.info))
        return self.wait_for(lambda: host.run(command).stdout, f"{subject} of {user}", seconds)


class NamedPop(poplib.POP3_SSL):
    """POP3 by address, with the certificate checked for a name."""

    def __init__(self, host: str, port: int, name: str, context: ssl.SSLContext) -> None:
        self.name = name
        super().__init__(host, port, timeout=30, context=context)

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        plain = poplib.POP3._create_socket(self, timeout)
        return self.context.wrap_socket(plain, server_hostname=self.name)


class NamedSmtps(smtplib.SMTP_SSL):
    """SMTP over TLS by address, with the certificate checked for a name."""

    def __init__(self, host: str, port: int, name: str, context: ssl.SSLContext) -> None:
        self.name = name
        super().__init__(host, port, local_hostname="laptop.private.example", timeout=30, context=context)

    def _get_socket(self, host: str, port: int, timeout: float | None) -> ssl.SSLSocket:
        plain = smtplib.SMTP._get_socket(self, host, port, timeout)
        return self.context.wrap_socket(plain, server_hostname=self.name)
