# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail domains out of the account files. Runs on the controller."""

from __future__ import annotations

from collections.abc import Iterator

from ..account_set import Accounts
from .claims import Source
from .mail import MailDomain
from .names import absolute


def mail_domains(accounts: Accounts) -> Iterator[MailDomain]:
    """Yield all names of the account files' domains, alias domains too.

    A disabled domain still publishes: its mail is refused by us for as long as it is disabled, not by nobody for ever.
    """
    for domain in accounts.domains.values():
        for name in (domain.name, *domain.alias_names):
            field = "domain" if name == domain.name else "alias_domains"
            document = accounts.documents[domain.sources.get(field, domain.source)]
            yield MailDomain(absolute(name), Source("mail domain", document, (field,)))
