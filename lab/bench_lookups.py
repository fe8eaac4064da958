# SPDX-License-Identifier: GPL-3.0-or-later
"""The look-ups that daemons make for each mail and log-in, timed; each is also checked for its answer."""

from __future__ import annotations

import shlex
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from bench_tools import Host
from mail_client import Platform

# Look-ups in one process, so that starting it does not hide what they take.
KEYS = 4000
TABLES = ("domains", "own-sender-domains", "mailboxes", "aliases", "senders")
# Those that every look-up knows: a send-only mailbox receives nothing, a shared one has no log-in.
ACTIVE = "'(&(objectClass=mailroomMailbox)(mailroomState=active)(mailroomKind=person))'"
# Postfix slows a client down after ten errors.
UNKNOWN = 8


def sample(mail: Host, suffix: str, count: int = KEYS) -> list[str]:
    """Addresses of people with active mailboxes from all over the tree, again and again if it has less."""
    search = f"ldapsearch -LLL -Q -Y EXTERNAL -H ldapi:/// -o ldif-wrap=no -b {suffix} {ACTIVE} mail"
    found = sorted(line.split()[1] for line in mail.run(search).splitlines() if line.startswith("mail: "))
    return [found[number * max(len(found), count) // count % len(found)] for number in range(count)]


def look_ups(mail: Host, info: dict[str, Any], addresses: list[str]) -> dict[str, float]:
    """Milliseconds for each kind of look-up."""
    took = {}
    domains = [address.partition("@")[2] for address in addresses]
    for table in TABLES:
        keys = domains if "domains" in table else addresses
        command = f"postmap -q - proxy:ldap:/etc/postfix/ldap/{table}.cf"
        took[f"Postfix, {table}: hit"] = _many(mail, command, keys, len(keys))
        took[f"Postfix, {table}: miss"] = _many(mail, command, [f"x{key}" for key in keys], 0)
    command = "xargs -s 1000000 doveadm user -u 2>&1 | grep ^userdb:"
    took["Dovecot, user: hit"] = _many(mail, command, addresses, len(addresses))
    command = 'xargs -s 1000000 doveadm user -u 2>&1 | grep "doesn\'t exist"'
    took["Dovecot, user: miss"] = _many(mail, command, [f"x{address}" for address in addresses], len(addresses))
    lab = Platform(info)
    # The same mailbox in both trees, so that the password's hash takes the same time.
    user = next(iter(lab.passwords))
    took["IMAP log-in with TLS"] = _each([lambda: lab.imap(user).logout()] * 20)
    took |= _recipients(lab, addresses)
    return took


def _many(mail: Host, command: str, keys: list[str], answers: int) -> float:
    """Milliseconds for one of many look-ups in one process; the fastest of five runs, as other work only slows them."""
    once = f"time {{ {command}; }} </run/bench.keys >/run/bench.$i"
    script = f"cat >/run/bench.keys; TIMEFORMAT=%R; for i in 1 2 3 4 5; do {once}; done 2>&1"
    script += "; wc -l </run/bench.5; rm /run/bench.*"
    *seconds, lines = mail.run(f"bash -c {shlex.quote(script)}", "".join(f"{key}\n" for key in keys)).split()
    if int(lines) != answers:
        sys.exit(f"{command}: {lines} answers for {len(keys)} keys, expected {answers}")
    return min(map(float, seconds)) / len(keys) * 1000


def _each(actions: list[Callable[[], object]]) -> float:
    """Milliseconds that the faster quarter of the actions stays below."""
    times = []
    for action in actions:
        started = time.monotonic()
        action()
        times.append(time.monotonic() - started)
    return statistics.quantiles(times, n=4)[0] * 1000


def _recipients(lab: Platform, addresses: list[str]) -> dict[str, float]:
    with lab.outside_smtp() as smtp:
        smtp.mail("partner@elsewhere.example")

        def rcpt(address: str, code: int) -> None:
            answer = smtp.rcpt(address)
            if answer[0] != code:
                sys.exit(f"RCPT TO {address}: {answer}, expected {code}")

        known = addresses[:: max(len(addresses) // 200, 1)]
        # The first time, the check of the quota makes folders for a mailbox, which is no look-up.
        for to in known:
            rcpt(to, 250)
        return {
            "SMTP, RCPT TO: taken": _each([lambda to=to: rcpt(to, 250) for to in known]),  # type: ignore[misc]
            "SMTP, RCPT TO: refused": _each([lambda to=to: rcpt(f"x{to}", 550) for to in known[:UNKNOWN]]),  # type: ignore[misc]
        }
