# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that stand for somebody: administrators, agents, contacts, posters, senders that mail goes out under.

Administrators and agents are mailboxes of persons in domains of these files; that one cannot log in at present is
a warning. Senders (`send_as`, `identity`) are hosted addresses that exist, so that answers arrive. Contacts and
posters may be outside.
"""

from __future__ import annotations

from ..findings import Path
from ..model import ACTIVE, EDIT, PERSON, READ, RECEIVE_ONLY, SEND, SEND_ONLY, SHARED, Domain, Mailbox
from ..routing import Thing
from .context import Context, name, removed

# What an agent needs to use a right.
_NEEDED = {READ: ("imap",), EDIT: ("imap",), SEND: ("imap", "submission")}
_HOSTED = "name an address in a domain of these files"


def check(context: Context) -> None:
    for domain in context.domains.values():
        for address in domain.administrators:
            _person(context, domain, address, ("administrators",))
        if domain.identity:
            _sender(context, domain, domain.identity, ("outgoing", "identity"))
        for group in domain.groups:
            for address in group.posters:
                _known(context, group, address, ("posters",))
    for box in context.mailboxes():
        _mailbox(context, box)


def _mailbox(context: Context, box: Mailbox) -> None:
    if box.contact:
        _known(context, box, box.contact, ("expires", "contact"))
    if box.identity and box.identity != context.domains[box.domain].identity:
        _sender(context, box, box.identity, ("identity",))
    for address in box.send_as:
        _sender(context, box, address, ("send_as",))
    if box.send_as and box.kind == RECEIVE_ONLY:
        context.error(box, ("send_as",), "a receive_only mailbox sends nothing", "remove send_as, or change kind")
    if box.forwards and box.kind == SEND_ONLY:
        context.error(box, ("forwards",), "a send_only mailbox receives nothing", "remove forwards, or change kind")
    if box.kind == SHARED:
        _agents(context, box)


def _agents(context: Context, box: Mailbox) -> None:
    if not box.agents and not box.forwards:
        context.warn(box, (), f"nobody can read {box.address}: it has no agents", "add agents:, or forwards:")
    for address, right in box.agents.items():
        local, _at, host = address.rpartition("@")
        field = ("agents", local if host == box.domain else address)
        agent = _person(context, box, address, field)
        for service in _NEEDED[right]:
            if agent is not None and service not in agent.services:
                message = f"{address} has the right {right} but not the service {service}"
                context.warn(box, field, message, f"give it {service}, or take it out of agents")


def _exists(context: Context, thing: Domain | Thing, address: str, field: Path) -> Thing | None:
    """The owner of a hosted address; reports an address that has none, unless that cannot be known."""
    owner, domain = context.routing.named(address), context.domain_of(address)
    if owner is not None and not removed(owner):
        return owner
    if owner is not None:
        context.error(thing, field, f"{address} was removed ({context.place(owner)})", "name somebody else")
    elif domain is None and not context.others_unknown:
        context.error(thing, field, f"{address} is in no hosted domain", _HOSTED)
    elif domain is not None and not domain.incomplete:
        context.error(thing, field, f"{address} does not exist", "correct the address, or add it")
    return None


def _known(context: Context, thing: Thing, address: str, field: Path) -> None:
    """Outside addresses are as good as hosted ones here."""
    if context.domain_of(address) is not None:
        _exists(context, thing, address, field)


def _person(context: Context, thing: Domain | Thing, address: str, field: Path) -> Mailbox | None:
    """The mailbox of a person who can log in; reports what is none."""
    owner = _exists(context, thing, address, field)
    if owner is None:
        return None
    if not isinstance(owner, Mailbox) or owner.kind != PERSON:
        what = f"a {owner.kind} mailbox" if isinstance(owner, Mailbox) else name(owner)
        message = f"{address} is no mailbox of a person but {what} ({context.place(owner)})"
        context.error(thing, field, message, "name persons, each with a mailbox of their own")
        return None
    if owner.state != ACTIVE:
        message = f"{address} cannot log in: it is {owner.state} ({context.place(owner)})"
        context.warn(thing, field, message, "name somebody else, or enable it")
        return None
    return owner


def _sender(context: Context, thing: Domain | Mailbox, address: str, field: Path) -> None:
    """An address that mail is sent under: it must exist, so that answers arrive."""
    by_catch_all = context.routing.named(address) is None and context.routing.receiver(address) is not None
    owner = None if by_catch_all else _exists(context, thing, address, field)
    if owner is thing and field == ("send_as",):
        context.warn(thing, field, f"{address} is its own address", "leave it out")
