# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes in the lab that only the drill uses. On anybody's own pair the drill makes none."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable

from .shell import Node
from .target import Account, Target

DOMAIN = "drill.example"
BASE = f"ou={DOMAIN},ou=domains,dc=mailroom,dc=example"
MODIFY = "ldapmodify -Q -Y EXTERNAL -H ldapi:///"


def accounts(count: int = 4) -> tuple[Account, ...]:
    return tuple(Account(f"box{number}@{DOMAIN}", secrets.token_hex(12)) for number in range(1, count + 1))


def _hashed(password: str) -> str:
    # Quick to check: a log-in of the drill shall not take the processors from the daemons that it looks at.
    salt = os.urandom(8)
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt).digest() + salt).decode()  # noqa: S324


def ldif(made: Iterable[Account]) -> str:
    """The domain and its mailboxes as the directory's own schema wants them."""
    blocks = [
        f"dn: {BASE}\nchangetype: add\nobjectClass: organizationalUnit\nobjectClass: mailroomDomain\nou: {DOMAIN}\n"
        f"mailroomDomainName: {DOMAIN}\nmailroomState: active\n"
    ]
    for account in made:
        local = account.address.partition("@")[0]
        blocks.append(
            f"dn: uid={local},{BASE}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: mailroomMailbox\n"
            f"uid: {local}\ncn: {local}\nsn: {local}\nmail: {account.address}\nmailroomUser: {account.address}\n"
            f"mailroomState: active\nmailroomKind: person\nmailroomStore: {DOMAIN}/{local}\n"
            f"mailroomAddress: {account.address}\nmailroomDelivery: {account.address}\n"
            f"mailroomSender: {account.address}\n"
            "mailroomService: imap\nmailroomService: submission\n"
            f"userPassword: {_hashed(account.password)}\n"
        )
    return "\n".join(blocks)


def make(target: Target, provider: Node) -> None:
    """Made anew each time, as nobody keeps their passwords."""
    remove_entries(provider)
    provider.run(MODIFY, ldif(target.accounts))


def remove_entries(provider: Node) -> None:
    provider.try_run(f"ldapdelete -r -Q -Y EXTERNAL -H ldapi:/// {BASE}")


def remove_mail(node: Node, mount: str) -> None:
    node.try_run(f"rm -rf {mount}/mail/{DOMAIN}")
