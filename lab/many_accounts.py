# SPDX-License-Identifier: GPL-3.0-or-later
"""Account files for a load: the same mailboxes in the same domains each time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

# A hash that the account files accept. Nobody knows a password for it, and nothing hashes one for 100,000 of them.
NO_PASSWORD = "{ARGON2}$argon2id$v=19$m=8,t=1,p=1$bWFpbHJvb20$" + "A" * 43
# Unlike any domain of the lab or of its tests.
ENDING = ".bench.test"
GIVEN = ("Ada", "Benoît", "Chiara", "Dmitri", "Elif", "Fatima", "Gökhan", "Hana", "Ivan", "José", "Karin")
FAMILY = ("Adler", "Bošković", "Castro", "Duarte", "Evans", "Fischer", "García", "Horváth", "Ito", "Jansen", "Kowalski")


def domain(number: int) -> str:
    return f"d{number:04}{ENDING}"


def local(number: int) -> str:
    """The local part of a mailbox: a name as people have it, and what makes it unlike the next one's."""
    return f"u{hashlib.sha256(str(number).encode()).hexdigest()[:6]}.{number}"


def write(folder: Path, domains: int, mailboxes: int) -> None:
    """Write a file for each domain, each with the same number of mailboxes and two aliases."""
    for number in range(domains):
        (folder / f"{domain(number)}.yml").write_text("\n".join(_lines(number, mailboxes // domains)) + "\n")


def _lines(number: int, mailboxes: int) -> Iterator[str]:
    first = number * mailboxes
    yield f"domain: {domain(number)}"
    yield f"customer: customer{number % 50}"
    yield "defaults: {quota: 2G}"
    yield "mailboxes:"
    for box in range(first, first + mailboxes):
        name = f"{GIVEN[box % len(GIVEN)]} {FAMILY[box // len(GIVEN) % len(FAMILY)]}"
        also = f", aliases: [also.{box}]" if box % 4 == 0 else ""
        yield f'  {local(box)}: {{name: {name}, password: "{NO_PASSWORD}"{also}}}'
    yield f"aliases:\n  postmaster: [{local(first)}]\n  abuse: [{local(first)}]"
