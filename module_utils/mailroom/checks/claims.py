# SPDX-License-Identifier: GPL-3.0-or-later
"""Every address has one owner, in a hosted domain, and is not reserved; every domain name has one domain.

An address under an alias domain is the same address. An alias domain has no file of its own, and one owner.
"""

from __future__ import annotations

from ..addresses import folded_local_part
from ..model import Domain
from ..routing import Thing, further_addresses, things
from .context import Context, name, removed


def check(context: Context) -> None:
    _clashes(context)
    for domain in context.domains.values():
        reserved = frozenset(domain.reserved)
        for thing in things(domain):
            if reserved and thing.local in reserved:
                _reserved(context, domain, thing, thing.address, ())
            for address in further_addresses(thing):
                _further(context, thing, address)
    _folded_clashes(context)
    _alias_domains(context)


def _folded_clashes(context: Context) -> None:
    owners = context.routing.owners
    for address, thing in owners.items():
        if address.isascii():
            continue
        local, _at, domain = address.rpartition("@")
        folded = folded_local_part(local)
        other = owners.get(f"{folded}@{domain}") if folded else None
        if other is not None and other is not thing:
            message = (
                f"to mail servers {address} is the same as {folded}@{domain} of {name(other)} ({context.place(other)})"
            )
            context.error(thing, (), message, "change one of the two")


def _clashes(context: Context) -> None:
    for thing, address, field in context.routing.clashes:
        if context.domain_of(address) is None:
            continue  # reported as outside, or not known because a file cannot be read
        owner = context.routing.owners[address]
        place = context.place(owner)
        if removed(owner):
            message = f"{address} is reserved: its mailbox was removed ({place})"
            hint = "delete the removed mailbox's lines if the address may be used again"
        else:
            message, hint = f"{address} is already used by {name(owner)} ({place})", "give it to one of them"
        context.error(thing, field, message, hint)


def _further(context: Context, thing: Thing, address: str) -> None:
    domain = context.domain_of(address)
    if domain is None:
        if not context.others_unknown:
            hint = "an alias must be in a domain of these files; mail to other addresses goes elsewhere"
            context.error(thing, ("aliases",), f"{address} is in no hosted domain", hint)
    elif domain.reserved and address.rpartition("@")[0] in domain.reserved:
        _reserved(context, domain, thing, address, ("aliases",))


def _reserved(context: Context, domain: Domain, thing: Thing, address: str, field: tuple[str, ...]) -> None:
    message = f"{address} is reserved ({context.place(domain, ('reserved',))})"
    context.error(thing, field, message, "choose another address, or take it out of reserved")


def _alias_domains(context: Context) -> None:
    claimed: dict[str, Domain] = {}
    for domain in context.domains.values():
        for alias in domain.alias_names:
            field = ("alias_domains",)
            if (other := context.domains.get(alias)) is not None:
                _hosted(context, domain, other)
            elif (first := claimed.setdefault(alias, domain)) is not domain:
                message = f"{alias} is already an alias domain of {first.name} ({context.place(first, field)})"
                context.error(domain, field, message, "leave it in one of them")


def _hosted(context: Context, domain: Domain, other: Domain) -> None:
    """An alias domain that has a file of its own."""
    if domain.name in other.alias_names:
        message = f"{domain.name} and {other.name} are alias domains of each other"
        hint = f"keep the file of one, and the alias in it (the other is in {context.place(other, ('domain',))})"
    else:
        message = f"{other.name} is a domain itself ({context.place(other, ('domain',))})"
        hint = "remove it here, or remove that file"
    context.error(domain, ("alias_domains",), message, hint)
