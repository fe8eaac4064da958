# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has which address, and where mail for it goes in the end: through aliases, groups, forwards, catch-alls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .addresses import canonical_local_part
from .model import ABSENT, Alias, Domain, Group, Mailbox

Thing = Mailbox | Alias | Group
# Names the field of an object that an address stands in, for findings.
Targets = list[tuple[str, tuple[str, ...]]]


def things(domain: Domain) -> list[Thing]:
    """All that has addresses in a domain, mailboxes first. The catch-all is among the aliases."""
    return [*domain.mailboxes, *domain.groups, *domain.aliases]


def is_catch_all(thing: Thing) -> bool:
    return isinstance(thing, Alias) and not thing.local


def further_addresses(thing: Thing) -> tuple[str, ...]:
    """Each address beside its own that an object receives for."""
    return thing.aliases if isinstance(thing, Mailbox) and thing.state != ABSENT else ()


def targets(thing: Thing) -> Targets:
    """Each address that an object hands mail to, with the field (below the object) that says so."""
    if isinstance(thing, Alias):
        return [(address, ()) for address in thing.targets]
    if isinstance(thing, Group):
        return [(address, ("members",)) for address in thing.members]
    if not thing.forwards or thing.state == ABSENT:
        return []
    return [(address, ("forwards",)) for address in thing.forwards]


class Routing:
    """The owners of all addresses of the hosted domains, by canonical address.

    An address that several objects want belongs to the first: one that has it as its own comes before those that
    have it as a further one. `clashes` holds the others, as (object, address, field).
    """

    def __init__(self, domains: Mapping[str, Domain]) -> None:
        self.owners: dict[str, Thing] = {}
        self.catch_alls: dict[str, Alias] = {}
        self.clashes: list[tuple[Thing, str, tuple[str, ...]]] = []
        everything = [thing for domain in domains.values() for thing in things(domain)]
        for thing in everything:
            if isinstance(thing, Alias) and not thing.local:
                self.catch_alls[thing.domain] = thing
            else:
                self._claim(thing, thing.address, ())
        for thing in everything:
            for address in further_addresses(thing):
                self._claim(thing, address, ("aliases",))

    def _claim(self, thing: Thing, address: str, field: tuple[str, ...]) -> None:
        if self.owners.setdefault(address, thing) is not thing:
            self.clashes.append((thing, address, field))

    def named(self, address: str) -> Thing | None:
        """The object that has an address, with or without an extension (alice+shop); no catch-all."""
        found = self.owners.get(address)
        if found is None:
            local, _at, host = address.rpartition("@")
            if "+" in local or local.lower() != local:
                found = self.owners.get(f"{canonical_local_part(local).partition('+')[0]}@{host}")
        return found

    def receiver(self, address: str) -> Thing | None:
        """The object that gets mail for an address, if need be the catch-all of its domain."""
        return self.named(address) or self.catch_alls.get(address.rpartition("@")[2])

    def ends(self, start: Thing) -> tuple[list[Mailbox], list[str]]:
        """Where mail for an object ends: in which mailboxes, and at which addresses outside."""
        boxes: list[Mailbox] = []
        outside: list[str] = []
        seen, queue = {id(start)}, [start]
        while queue:
            thing = queue.pop()
            if isinstance(thing, Mailbox) and thing.address in thing.delivery:
                boxes.append(thing)
            for address, _field in targets(thing):
                owner = self.receiver(address)
                if owner is None:
                    outside.append(address)
                elif id(owner) not in seen:
                    seen.add(id(owner))
                    queue.append(owner)
        return boxes, outside

    def people(self, addresses: Iterable[str]) -> list[str]:
        """The addresses that the people behind some addresses send from: groups and aliases give their members.

        Of a mailbox all addresses, in the order in which they are found, without repetition.
        """
        found: dict[str, None] = {}
        seen: set[int] = set()
        queue = list(addresses)[::-1]
        while queue:
            address = queue.pop()
            owner = self.named(address)
            if owner is None:
                found[address] = None
            elif id(owner) in seen:
                continue
            elif isinstance(owner, Mailbox):
                found |= dict.fromkeys((owner.address, *owner.aliases))
                seen.add(id(owner))
            else:
                queue += [target for target, _field in reversed(targets(owner))]
                seen.add(id(owner))
        return list(found)
