# SPDX-License-Identifier: GPL-3.0-or-later
"""The offline half in one call: find, read, check, normalise account files. Runs on the controller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from .account_set import Accounts
from .build import build
from .cache import Cache
from .collector import paused
from .findings import Finding, errors
from .loader import Decrypt, Document, load
from .parses import Parses
from .validate import validate


def read_accounts(
    path: str, schema_file: str, decrypt: Decrypt | None, today: date, kept: Cache | None = None
) -> Accounts:
    """Read the account files at `path` and return the accounts with all findings, sorted by place.

    `today` decides which mailboxes have expired: those count as disabled. With `kept`, files that were read before
    are not parsed again. Nothing is raised for what files contain; look at `findings` before using `domains`.
    """
    with paused():
        if kept is None:
            return judge(*load(path, decrypt), schema_file, today)
        parses = Parses(schema_file, decrypt, kept)
        accounts = judge(*load(path, decrypt, parses.read), schema_file, today)
        parses.keep({finding.file for finding in errors(accounts.findings)})
        return accounts


def judge(documents: Sequence[Document], unreadable: Sequence[Finding], schema_file: str, today: date) -> Accounts:
    """Check and normalise files that were read; `unreadable` says what is wrong with the others."""
    accounts = build(documents, schema_file, today)
    # What an unreadable file holds is unknown, so references cannot be judged.
    for domain in accounts.domains.values():
        domain.incomplete = domain.incomplete or bool(unreadable)
    validate(accounts, today, others_unknown=bool(unreadable))
    accounts.findings = sorted({*unreadable, *accounts.findings})
    return accounts
