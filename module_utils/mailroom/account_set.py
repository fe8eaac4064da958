# SPDX-License-Identifier: GPL-3.0-or-later
"""What account files hold, once read: the model, the documents it came from, and what was found wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .findings import Finding, Path
from .loader import Document
from .model import Addressed, Domain


@dataclass
class Accounts:
    """All domains by name (A-labels), with what was found wrong while they were built.

    `vaulted` holds clear passwords (address to password) out of vaulted values that were not hashes. `hosted`
    leads from each name of a domain, its alias names too, to its main name.
    """

    documents: Sequence[Document]
    domains: dict[str, Domain] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    vaulted: dict[str, str] = field(default_factory=dict, repr=False)
    hosted: Mapping[str, str] = field(default_factory=dict)

    def report(self, thing: Domain | Addressed, below: Path, *text: str) -> None:
        """Add a finding (message, hint, severity) on a field below an object, or on a field of a domain."""
        if isinstance(thing, Domain):
            path, source = below, thing.sources.get(str(below[0]), thing.source)
        else:
            path, source = (*thing.path, *below), thing.source
        self.findings.append(self.documents[source].finding(path, *text))

    def place(self, thing: Domain | Addressed, below: Path = ()) -> str:
        """Return file:line of an object, or of a field of it."""
        if isinstance(thing, Domain):
            document, path = self.documents[thing.sources.get(str(below[0]), thing.source)], below
        else:
            document, path = self.documents[thing.source], (*thing.path, *below)
        return f"{document.file}:{document.line(path)}"
