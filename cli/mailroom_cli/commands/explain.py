# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom explain: what the account files say about one address, offline."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import date

from mailroom import explain as logic
from mailroom.explain import Explanation
from mailroom.findings import errors

from .. import arguments, complete, reading
from ..context import Context
from ..errors import OK, UNKNOWN, USAGE, Failure

_HEADINGS = {
    logic.RECEIVES: "Receives",
    logic.WAY: "Its mail goes",
    logic.SENDS: "Who may send as it",
    logic.POSTS: "Who may post",
    logic.IDENTITY: "Outgoing identity",
    logic.QUOTA: "Quota",
    logic.LOGIN: "Login",
}


def add(commands: arguments.Commands) -> None:
    """Declare the command."""
    parser = arguments.command(
        commands,
        "explain",
        "say why an address receives mail or not, where its mail goes, and who may use it",
        run,
        """mailroom explain sales@widget.example
        mailroom explain alice+shop@widget.example --json""",
    )
    complete.by(complete.addresses, parser.add_argument("address", metavar="ADDRESS"))


def run(context: Context, options: argparse.Namespace) -> int:
    """mailroom explain"""
    accounts = reading.read(context.accounts)
    try:
        found = logic.explain(accounts, options.address, date.today())
    except ValueError as error:
        raise Failure(str(error), code=USAGE) from None
    context.print(_text(found))
    bad = errors(accounts.findings)
    if bad:
        context.note(f"The account files have {len(bad)} errors, so this may not be all: see mailroom validate")
    context.data({"ok": bool(found.kind), **asdict(found)})
    return OK if found.kind else UNKNOWN


def _text(found: Explanation) -> str:
    lines = [logic.shown(found.address)]
    for topic, heading in _HEADINGS.items():
        facts = found.of(topic)
        if not facts:
            continue
        verdict = f": {'yes' if found.receives else 'no'}" if topic == logic.RECEIVES else ""
        lines.append(f"{heading}{verdict}")
        lines += [f"  {fact.text}" + (f"  [{fact.place}]" if fact.place else "") for fact in facts]
    if found.receives:
        ends = [logic.shown(address) for address in found.mailboxes]
        ends += [f"{logic.shown(address)} (outside)" for address in found.outside]
        lines += ["Ends at", *(f"  {end}" for end in ends or ["nowhere"])]
    if found.similar:
        lines.append(f"Did you mean {' or '.join(found.similar)}?")
    return "\n".join(lines)
