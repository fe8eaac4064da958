# SPDX-License-Identifier: GPL-3.0-or-later
"""Names against the naming rule of their domain, and names that people take for one another.

Both are warnings. Look-alikes are addresses of one domain (and hosted domains) that differ only in 0 and o, in 1, l
and i, in rn and m, in vv and w, in accents, in Cyrillic or Greek letters of Latin shape, or in separators, and that
belong to different people. Reserved names are compared too.
"""

from __future__ import annotations

from ..addresses import domain_to_unicode
from ..lookalike import skeleton
from ..model import ABSENT, Domain, Mailbox
from ..naming import breach, suggestion
from ..routing import Thing, further_addresses, targets, things
from .context import Context, removed


def check(context: Context) -> None:
    _domains(context)
    for domain in context.domains.values():
        for box in domain.mailboxes:
            if box.state != ABSENT and (problem := breach(domain, box)):
                example = suggestion(box.given_name, box.surname) or "ann.lee"
                hint = f"for example {example}, with renamed_from: {box.local}; or naming: any"
                context.warn(box, (), problem, hint)
        _addresses(context, domain)


def _domains(context: Context) -> None:
    """Names of different domains; those of one domain may look as they like."""
    seen: dict[str, tuple[str, Domain]] = {}
    for domain in context.domains.values():
        for alias in (domain.name, *domain.alias_names):
            shown = domain_to_unicode(alias)
            other, owner = seen.setdefault(_skeleton_of_domain(shown), (shown, domain))
            if owner is not domain and other != shown:
                message = f"{shown} looks like {other} ({context.place(owner, ('domain',))})"
                field = "domain" if alias == domain.name else "alias_domains"
                context.warn(domain, (field,), message, "make sure that it is meant")


def _skeleton_of_domain(name: str) -> str:
    return ".".join(skeleton(label) for label in name.split("."))


def _addresses(context: Context, domain: Domain) -> None:
    """Addresses of different people in one domain."""
    seen: dict[str, tuple[str, Thing | None]] = {skeleton(local): (local, None) for local in domain.reserved}
    for thing in things(domain):
        if removed(thing):
            continue
        for address in (thing.address, *further_addresses(thing)):
            local, _at, host = address.rpartition("@")
            if host != domain.name or not local:
                continue
            other, owner = seen.setdefault(skeleton(local), (local, thing))
            if other != local and owner is not thing and not _together(context, thing, owner):
                place = context.place(domain, ("reserved",)) if owner is None else context.place(owner)
                message = f"{address} looks like {other}@{domain.name} ({place})"
                context.warn(thing, (), message, "make sure that it is meant, or choose a name that differs more")


def _together(context: Context, one: Thing, other: Thing | None) -> bool:
    """Whether an alias leads to the other and nowhere else: then nobody is taken for somebody else."""
    if other is None:
        return False
    for alias, goal in ((one, other), (other, one)):
        ways = [] if isinstance(alias, Mailbox) else targets(alias)
        if len(ways) == 1 and context.routing.named(ways[0][0]) is goal:
            return True
    return False
