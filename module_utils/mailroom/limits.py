# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a plan may do without a word, and the words that lift each gate."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Limits:
    """What may be removed from a domain without being named, for mailboxes, aliases and groups each, and for how
    long the rest of what was removed is kept.

    Fewer than `few` always; else up to `share` (0 to 1) of what is there, and never more than `many`. Mail of a
    removed mailbox is kept for `quarantine_days`, its addresses for `reserve_days`.
    """

    few: int = 3
    share: float = 0.2
    many: int = 10
    quarantine_days: int = 30
    reserve_days: int = 90

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Limits:
        """Return limits from settings by name; those left out keep their defaults. Raises ValueError with a reason."""
        known = {item.name: item.default for item in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise ValueError(f"unknown limits: {', '.join(unknown)}; known are {', '.join(known)}")
        return cls(**{name: _number(name, value, share=name == "share") for name, value in values.items()})


def _number(name: str, value: Any, *, share: bool) -> Any:
    try:
        number = float(value) if share else int(str(value))
    except (TypeError, ValueError):
        number = -1
    if isinstance(value, bool) or number < 0 or (share and number > 1):
        raise ValueError(f"limit {name} is {value!r}: it must be {'0 to 1' if share else 'a whole number, 0 or more'}")
    return number


@dataclass(frozen=True)
class Allowed:
    """What was named to lift a gate: domains and addresses in any spelling.

    removals           exact number of mailboxes, aliases and groups that may go, by domain
    domain_removals    domains that may go with the mail in them
    quota_below_use    addresses whose quota may be less than what they use
    no_administrator   domains that may lose their last administrator
    reuse              addresses that may go to another person before their time
    """

    removals: Mapping[str, Any] = field(default_factory=dict)
    domain_removals: Collection[str] = ()
    quota_below_use: Collection[str] = ()
    no_administrator: Collection[str] = ()
    reuse: Collection[str] = ()


def lift(word: str, value: Mapping[str, int] | Collection[str]) -> str:
    """Return what to type to lift a gate: as argument of the module, and as variable of the play."""
    if isinstance(value, Mapping):
        shown = "{" + ", ".join(f"{name}: {count}" for name, count in value.items()) + "}"
    else:
        value = list(value)
        shown = f"[{', '.join(value)}]"
    typed = json.dumps({f"mailroom_allow_{word}": value}, ensure_ascii=False)
    return f"If that is meant, name it: allow_{word}: {shown} (with the playbook: -e '{typed}')"
