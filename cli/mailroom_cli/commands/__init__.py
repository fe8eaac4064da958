# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands, a file for each group. A new one is one file with `add(commands)`, and one line here."""

from . import account, alias, completion, diff, dns, domain, exchange, explain, group, review, run, validate

# In the order of the help.
COMMANDS = (
    validate.add,
    run.add,
    explain.add,
    account.add,
    domain.add,
    group.add,
    alias.add,
    diff.add,
    dns.add,
    review.add,
    exchange.add,
    completion.add,
)
