# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks across the whole model; what each looks for is said in `checks`."""

from __future__ import annotations

from datetime import date

from .account_set import Accounts
from .checks import circles, claims, delivery, life, limits, names, people
from .checks.context import Context


def validate(accounts: Accounts, today: date, *, others_unknown: bool = False) -> None:
    """Add findings on what is wrong between objects to `accounts.findings`.

    With `others_unknown`, some files could not be read, so what is missing here may be there.
    """
    context = Context(accounts, today, others_unknown)
    for subject in (claims, delivery, circles, people, limits, life, names):
        subject.check(context)
