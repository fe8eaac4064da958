# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a plan before anything is written: removals beyond a measure must have been named."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from .addresses import domain_to_unicode
from .directory import ALIAS, DOMAIN, MAILBOX
from .plan import DELETE, Plan, Refusal

_PLURALS = {MAILBOX: "mailboxes", ALIAS: "aliases"}


@dataclass(frozen=True)
class Limits:
    """What may be removed from a domain without being named, for mailboxes and for aliases each.

    Fewer than `few` always; else up to `share` (0 to 1) of what is there, and never more than `many`.
    """

    few: int = 3
    share: float = 0.2
    many: int = 10


def removal_refusals(
    plan: Plan,
    present: Mapping[tuple[str, str], int],
    allowed: Mapping[str, int],
    limits: Limits | None = None,
) -> tuple[Refusal, ...]:
    """Return why the removals of a plan need a word first, one refusal for each domain.

    `present` counts the project's live objects by (domain, kind). `allowed` names, by domain in any spelling,
    the exact number of objects (without the domain itself) that may go: a number left over from another day
    lifts nothing.
    """
    limits = limits or Limits()
    named = {_spelling(domain): count for domain, count in allowed.items()}
    removed = Counter((step.group, step.kind) for step in plan.of(DELETE))
    found = []
    for domain in sorted({group for group, _kind in removed}):
        total = sum(count for (group, kind), count in removed.items() if group == domain and kind != DOMAIN)
        reasons = _reasons(domain, removed, present, limits)
        if reasons and named.get(_spelling(domain)) != total:
            found.append(Refusal(f"{domain}: {' and '.join(reasons)} would be removed.", _hint(domain, total)))
    return tuple(found)


def _reasons(
    domain: str,
    removed: Mapping[tuple[str, str], int],
    present: Mapping[tuple[str, str], int],
    limits: Limits,
) -> list[str]:
    counts = [(kind, removed.get((domain, kind), 0), present.get((domain, kind), 0)) for kind in _PLURALS]
    if removed.get((domain, DOMAIN)):
        return ["the domain", *(f"{gone} {_PLURALS[kind]}" for kind, gone, _there in counts if gone)]
    return [
        f"{gone} of {there} {_PLURALS[kind]}"
        for kind, gone, there in counts
        if gone > limits.many or (gone >= limits.few and gone > limits.share * there)
    ]


def _hint(domain: str, total: int) -> str:
    typed = json.dumps({"mailroom_allow_removals": {domain: total}}, ensure_ascii=False)
    return f"If that is meant, name it: allow_removals: {{{domain}: {total}}} (with the playbook: -e '{typed}')"


def _spelling(domain: str) -> str:
    try:
        return domain_to_unicode(domain)
    except ValueError:
        return domain
