# SPDX-License-Identifier: GPL-3.0-or-later
"""Number of mailboxes and sum of quotas against what a domain may have. Only absent mailboxes do not count."""

from __future__ import annotations

from ..model import ABSENT, Domain
from ..quantities import format_size
from .context import Context

# How many names a message lists.
_SHOWN = 3


def check(context: Context) -> None:
    for domain in context.domains.values():
        boxes = [box for box in domain.mailboxes if box.state != ABSENT]
        if domain.max_mailboxes is not None and len(boxes) > domain.max_mailboxes:
            message = f"the domain has {len(boxes)} mailboxes, at most {domain.max_mailboxes} are allowed"
            context.error(domain, ("limits", "mailboxes"), message, "remove some, or raise the limit")
        if domain.max_quota is not None:
            unlimited = sorted(box.address for box in boxes if box.quota is None)
            _quota(context, domain, sum(box.quota or 0 for box in boxes), domain.max_quota, unlimited)


def _quota(context: Context, domain: Domain, total: int, most: int, unlimited: list[str]) -> None:
    field = ("limits", "quota")
    if unlimited:
        shown = ", ".join(unlimited[:_SHOWN]) + (", ..." if len(unlimited) > _SHOWN else "")
        message = f"mailboxes without a quota ({len(unlimited)}) break the limit: {shown}"
        context.error(domain, field, message, "give them a quota, or set one under defaults")
    if total > most:
        message = f"the mailboxes have quotas of {format_size(total)} together, {format_size(most)} is allowed"
        context.error(domain, field, message, "lower some, or raise the limit")
