# SPDX-License-Identifier: GPL-3.0-or-later
"""What begins and ends: mailboxes that expire, are held, or were called something else before.

An end within 30 days or in the past is a warning; from its day on the mailbox counts as disabled. A mailbox on hold
cannot be absent. The old name of a renamed mailbox is no mailbox any more, and became only one other.
"""

from __future__ import annotations

from datetime import date

from ..model import ABSENT, Mailbox
from .context import Context

# Days before its end from which on a mailbox is reported.
_NOTICE = 30


def check(context: Context) -> None:
    renamed: dict[str, Mailbox] = {}
    for domain in context.domains.values():
        for box in domain.mailboxes:
            if box.expires and box.state != ABSENT:
                _expires(context, box)
            if box.hold and box.state == ABSENT:
                hint = "use state: disabled or quarantined, or take the hold out first"
                context.error(box, ("hold",), "a mailbox on hold cannot be absent", hint)
            if box.renamed_from:
                _renamed(context, box, renamed)


def _expires(context: Context, box: Mailbox) -> None:
    days = (date.fromisoformat(box.expires) - context.today).days
    if days > _NOTICE:
        return
    hint = f"ask {box.contact or 'the contact'}, then set a later date or state: absent"
    when = f"in {days} day{'' if days == 1 else 's'}"
    message = f"expired on {box.expires} and counts as disabled" if days <= 0 else f"expires on {box.expires}, {when}"
    context.warn(box, ("expires", "date"), message, hint)


def _renamed(context: Context, box: Mailbox, renamed: dict[str, Mailbox]) -> None:
    old, field = box.renamed_from, ("renamed_from",)
    domain = context.domain_of(old)
    owner = context.routing.named(old)
    if old == box.address:
        context.error(box, field, f"{old} is the address that it has", "name the address that it had before")
    elif domain is None:
        if not context.others_unknown:
            hint = "add the old domain's file; if the rename was applied, take this field out"
            context.error(box, field, f"{old} is in no hosted domain", hint)
    elif isinstance(owner, Mailbox) and owner.address == old:
        message = f"{old} is still a mailbox ({context.place(owner)})"
        context.error(box, field, message, "delete its lines: they became this mailbox")
    if (first := renamed.setdefault(old, box)) is not box:
        message = f"{old} was already renamed to {first.address} ({context.place(first)})"
        context.error(box, field, message, "keep renamed_from in one of them")
