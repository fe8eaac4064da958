# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom plan and mailroom apply: what playbooks/accounts.yml would do, and doing it."""

from __future__ import annotations

import argparse
from typing import Any

from .. import arguments, complete, play, rendering
from ..context import Context
from ..errors import OK, PENDING, REFUSED, USAGE, Failure
from ..workspace import split_address

_ADDRESSES = {
    "allow_reuse": ("ADDRESS", "give an address to somebody else that was freed recently"),
    "allow_quota_below_use": ("ADDRESS", "set a quota below what the mailbox holds"),
    "allow_no_administrator": ("DOMAIN", "take the last administrator from a domain"),
    "allow_domain_removals": ("DOMAIN", "remove a domain with mail in it"),
}


def add(commands: arguments.Commands) -> None:
    """Declare the commands."""
    parser = arguments.command(
        commands,
        "plan",
        "show what would change on the live system; changes nothing",
        plan,
        """mailroom plan
        mailroom plan --format markdown >plan.md
        mailroom plan -- --ask-vault-pass""",
    )
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="default: text")
    _options(parser)
    parser = arguments.command(
        commands,
        "apply",
        "make the live system what the account files say",
        apply,
        """mailroom apply
        mailroom apply --plan sha256:5d1f...
        mailroom apply --allow-removals widget.example=12
        mailroom apply --reset-password ann.lee@widget.example""",
    )
    parser.add_argument("--plan", metavar="CHECKSUM", help="refuse if the plan is no longer the one with this checksum")
    _options(parser)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="HOSTS", default="", help="these hosts of the inventory only")
    gates = parser.add_argument_group("gates, each lifted by naming what is meant (may be given often)")
    gates.add_argument(
        "--allow-removals", metavar="DOMAIN=NUMBER", action="append", default=[], help="so many removals, exactly"
    )
    for name, (what, text) in _ADDRESSES.items():
        option = name.removesuffix("s") if name == "allow_domain_removals" else name
        action = gates.add_argument(
            f"--{option.replace('_', '-')}", dest=name, metavar=what, action="append", default=[], help=text
        )
        complete.by(complete.addresses if what == "ADDRESS" else complete.domains, action)
    complete.by(
        complete.addresses,
        gates.add_argument(
            "--reset-password",
            metavar="ADDRESS",
            action="append",
            default=[],
            help="set the password anew: the one in the file, or a one-time password",
        ),
    )
    parser.epilog = "What follows -- goes to ansible-playbook.\n\n" + (parser.epilog or "")


def wishes(options: argparse.Namespace) -> play.Wishes:
    """What the options ask for. Raises Failure for what is no removal or no address."""
    found: dict[str, Any] = {}
    if options.allow_removals:
        found["mailroom_allow_removals"] = dict(map(_removals, options.allow_removals))
    for name, (what, _text) in _ADDRESSES.items():
        if given := getattr(options, name):
            found[f"mailroom_{name}"] = [_address(text) if what == "ADDRESS" else text for text in given]
    if options.reset_password:
        found["mailroom_reset_passwords"] = [_address(text) for text in options.reset_password]
    if getattr(options, "plan", None):
        found["mailroom_checksum"] = options.plan
    return play.Wishes(found, options.limit, options.rest)


def _removals(text: str) -> tuple[str, int]:
    domain, _is, number = text.rpartition("=")
    if not domain or not number.isdecimal():
        raise Failure(f"{text!r} is not DOMAIN=NUMBER", code=USAGE)
    return domain, int(number)


def _address(text: str) -> str:
    return "@".join(split_address(text))


def plan(context: Context, options: argparse.Namespace) -> int:
    """mailroom plan"""
    style = "json" if context.json else options.format
    # A program that asks for JSON in this way wants a refusal in JSON too.
    context.json = style == "json"
    outcome = play.run(context, wishes(options), check=True)
    failure = outcome.failure()
    # A plan that a gate refuses is a plan to look at.
    if failure is not None and failure.code != REFUSED:
        raise failure
    if style == "json" and failure is not None:
        raise failure
    print(rendering.plan(outcome.result, outcome.text, style), end="")
    if failure is not None:
        raise failure
    if style == "text":
        for warning in outcome.result.get("warnings", []):
            context.note(f"warning: {warning}")
    return PENDING if outcome.result.get("changed") else OK


def apply(context: Context, options: argparse.Namespace) -> int:
    """mailroom apply"""
    return play.apply(context, wishes(options))
