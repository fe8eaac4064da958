# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail that is handed on arrives: targets exist and take it, and somebody reads it.

A target that exists only because a catch-all takes it is a warning: it may be a slip of the pen. An active domain
needs a postmaster, and should have abuse (a warning); a catch-all counts, a group only if anyone may post to it.
"""

from __future__ import annotations

from ..findings import ERROR, WARNING, Path
from ..model import ACTIVE, ANYONE, QUARANTINED, SEND_ONLY, SHARED, Alias, Domain, Group, Mailbox
from ..routing import Thing, is_catch_all, targets, things
from .context import Context, name, removed

# RFC 5321 demands the first; RFC 2142 asks for the second.
REQUIRED_LOCAL_PARTS = (("postmaster", ERROR), ("abuse", WARNING))


def check(context: Context) -> None:
    for domain in context.domains.values():
        for thing in things(domain):
            for address, field in targets(thing):
                _target(context, thing, address, field)
            if not isinstance(thing, Mailbox):
                _read(context, thing)
        _required(context, domain)


def _target(context: Context, thing: Thing, address: str, field: Path) -> None:
    domain = context.domain_of(address)
    if domain is None:
        return
    owner = context.routing.named(address)
    if owner is None:
        if not domain.incomplete:
            _missing(context, thing, address, field)
    elif owner is thing and isinstance(thing, Mailbox):
        context.error(thing, field, f"{address} is the mailbox itself", "use keep_copy for a local copy")
    elif isinstance(owner, Mailbox):
        _refusing(context, thing, owner, address, field)
    if domain.state != ACTIVE and context.domains[thing.domain].state == ACTIVE:
        message = f"mail for {address} is refused: its domain is disabled"
        context.warn(thing, field, message, "send the mail elsewhere")


def _missing(context: Context, thing: Thing, address: str, field: Path) -> None:
    catch_all = context.routing.receiver(address)
    if catch_all is None or catch_all is thing:
        hint = "correct the target, or add it as a mailbox or alias"
        context.error(thing, field, f"{address} does not exist", hint)
        return
    message = f"{address} does not exist, so its mail goes to the catch-all ({context.place(catch_all)})"
    context.warn(thing, field, message, "correct the target, or name whom the catch-all names")


def _refusing(context: Context, thing: Thing, owner: Mailbox, address: str, field: Path) -> None:
    place = context.place
    if removed(owner):
        context.error(thing, field, f"{address} was removed ({place(owner)})", "send the mail elsewhere")
    elif owner.kind == SEND_ONLY:
        message = f"{address} receives nothing: it is send_only ({place(owner)})"
        context.error(thing, field, message, "send the mail elsewhere")
    elif owner.state == QUARANTINED:
        message = f"mail for {address} is refused: it is quarantined ({place(owner)})"
        context.warn(thing, field, message, "send the mail elsewhere")


def _read(context: Context, thing: Alias | Group) -> None:
    """Warn of an alias, group or catch-all whose mail ends where nobody reads it."""
    if not _somebody_reads(context, thing):
        message = f"nobody reads mail for {_called(thing)}: it ends in mailboxes that nobody can log in to"
        context.warn(thing, (), message, "add somebody who does")


def _somebody_reads(context: Context, thing: Thing) -> bool:
    """False only if all its mail ends in mailboxes, and nobody can log in to any of them."""
    boxes, outside = context.routing.ends(thing)
    return not boxes or bool(outside) or any(_is_read(box) for box in boxes)


def _called(thing: Alias | Group) -> str:
    return name(thing) if is_catch_all(thing) else thing.address


def _is_read(box: Mailbox) -> bool:
    return box.state == ACTIVE and box.kind != SEND_ONLY and (box.kind != SHARED or bool(box.agents))


def _required(context: Context, domain: Domain) -> None:
    if domain.incomplete or domain.state != ACTIVE:
        return
    for local, severity in REQUIRED_LOCAL_PARTS:
        address = f"{local}@{domain.name}"
        owner = context.routing.receiver(address)
        if owner is None or (isinstance(owner, Mailbox) and not owner.receives):
            hint = f"add {local} under aliases: with somebody who reads its mail"
            context.accounts.report(domain, ("domain",), f"{address} leads nowhere", hint, severity)
        elif isinstance(owner, Group) and owner.post != ANYONE:
            message = f"{address} does not take mail from everybody"
            context.accounts.report(owner, ("posters",), message, "leave posters out", severity)
        elif isinstance(owner, Mailbox) and not _somebody_reads(context, owner):
            message = f"nobody reads mail for {address}: nobody can log in to the mailbox"
            context.warn(owner, (), message, "forward it to somebody who does, or make it an alias")
