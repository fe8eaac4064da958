# SPDX-License-Identifier: GPL-3.0-or-later
"""All spellings of an address: under each name of its domain, in A-labels and U-labels, and as mail servers fold it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .addresses import domain_to_unicode, folded_local_part
from .model import Domain


class Spelling:
    """Spells addresses out. `names` leads from the main name of a domain to all its names."""

    def __init__(self, names: Mapping[str, Sequence[str]] | None = None) -> None:
        self._names = dict(names or {})

    @classmethod
    def of(cls, domains: Iterable[Domain]) -> Spelling:
        """The spelling in these hosted domains."""
        return cls({domain.name: domain.names for domain in domains})

    def __call__(self, addresses: Iterable[str]) -> list[str]:
        """Each canonical address in all spellings, itself first, without repetition."""
        found: list[str] = []
        for address in addresses:
            local, _at, host = address.rpartition("@")
            names = self._names.get(host) or self._learn(host)
            found += [f"{local}@{name}" for name in names]
            if not local.isascii() and (folded := folded_local_part(local)):
                found += [f"{folded}@{name}" for name in names]
        return found if len(found) < 2 else list(dict.fromkeys(found))

    def _learn(self, host: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys((host, domain_to_unicode(host))))
        self._names[host] = names
        return names
