# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that prove by themselves who they are and that nothing in them changed."""

from __future__ import annotations

import hashlib
import random
import re
from email.utils import formatdate

HEADER = "X-Mailroom-Drill"
_FIND = re.compile(rb"^X-Mailroom-Drill:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
# Most mail is small; some is larger than what a daemon writes at once.
SIZES = (600, 600, 2_000, 2_000, 4_000, 4_000, 9_000, 9_000, 70_000)


def body_hash(body: bytes) -> str:
    """The hash of a body, the same for SMTP's line ends and those of files, and for blank lines at the end."""
    text = body.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
    return hashlib.sha256(text).hexdigest()


def build(identity: str, sender: str, recipient: str, wall: float) -> tuple[bytes, str]:
    """The message of an id as it goes over SMTP, and the hash of its body. The same id gives the same body."""
    source = random.Random(identity)  # noqa: S311  not a secret
    size = source.choice(SIZES)
    lines = ["".join(source.choices(_LETTERS, k=71)) for _ in range(size // 72 + 1)]
    body = "\r\n".join(lines) + "\r\n"
    head = [
        f"From: <{sender}>",
        f"To: <{recipient}>",
        f"Subject: drill {identity}",
        f"Date: {formatdate(wall)}",
        f"Message-ID: <{identity}@drill.invalid>",
        f"{HEADER}: {identity}",
    ]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode(), body_hash(body.encode())


def read(raw: bytes) -> tuple[str, str]:
    """Id (empty if it is none of ours) and body hash of a message, from IMAP or a file."""
    text = raw.replace(b"\r\n", b"\n")
    head, _blank, body = text.partition(b"\n\n")
    found = _FIND.search(head)
    return (found[1].decode(errors="replace") if found else ""), body_hash(body)


def maildir_time(name: str) -> float:
    """When a file of a Maildir was stored, from its name (SECONDS.MmicrosecondsPid.host); 0 if the name is another."""
    found = re.match(r"(\d+)\.M(\d+)P", name)
    return int(found[1]) + int(found[2]) / 1_000_000 if found else 0.0
