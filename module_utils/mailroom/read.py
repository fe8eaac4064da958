# SPDX-License-Identifier: GPL-3.0-or-later
"""The offline half in one call: find, read, check, normalise account files. Runs on the controller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from .account_set import Accounts
from .build import build
from .collector import paused
from .findings import Finding
from .loader import Decrypt, Document, load
from .validate import validate


def read_accounts(path: str, schema_file: str, decrypt: Decrypt | None, today: date) -> Accounts:
    """Read the account files at `path` and return the accounts with all findings, sorted by place.

    `today` decides which mailboxes have expired: those count as disabled.
    Nothing is raised for what files contain; look at `findings` before using `domains`.
    """
    with paused():
        documents, unreadable = load(path, decrypt)
        return judge(documents, unreadable, schema_file, today)


def judge(documents: Sequence[Document], unreadable: Sequence[Finding], schema_file: str, today: date) -> Accounts:
    """Check and normalise files that were read; `unreadable` says what is wrong with the others."""
    accounts = build(documents, schema_file, today)
    # What an unreadable file holds is unknown, so references cannot be judged.
    for domain in accounts.domains.values():
        domain.incomplete = domain.incomplete or bool(unreadable)
    validate(accounts, today, others_unknown=bool(unreadable))
    accounts.findings = sorted({*unreadable, *accounts.findings})
    return accounts
