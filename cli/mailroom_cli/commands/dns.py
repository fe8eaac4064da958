# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom dns: the plan for all zones, and the records of one domain for another provider."""

from __future__ import annotations

import argparse
from typing import Any

from .. import arguments, complete, play, project, rendering
from ..context import Context
from ..errors import OK, PENDING, REFUSED, UNKNOWN, USAGE, Failure

_NAMES = {
    "allow_zone_removals": ("ZONE", "remove a zone with all that is in it"),
    "allow_mail_removals": ("NAME", "take mail records, or the addresses of a mail domain, away"),
    "allow_nameserver_removals": ("HOST", "a host ceases to be a name server"),
    "allow_tlsa_breaks": ("HOST", "change all published keys of a mail host at once"),
    "allow_special_addresses": ("NAME", "show the outside an address that it cannot reach"),
    "allow_adoptions": ("ZONE", "replace a zone that somebody else made"),
}


def add(commands: arguments.Commands) -> None:
    """Declare the commands."""
    below = arguments.group(commands, "dns", "zones of the name servers")
    parser = arguments.command(
        below,
        "plan",
        "show what would change in zones, by zone and view; changes nothing",
        plan,
        """mailroom dns plan
        mailroom dns plan --format markdown >plan.md
        mailroom dns plan --allow-zone-removals gadget.example""",
    )
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text", help="default: text")
    gates = parser.add_argument_group("gates, each lifted by naming what is meant (may be given often)")
    gates.add_argument(
        "--allow-record-removals", metavar="ZONE=NUMBER", action="append", default=[], help="so many records, exactly"
    )
    for name, (what, text) in _NAMES.items():
        option = f"--{name.replace('_', '-')}"
        gates.add_argument(option, dest=name, metavar=what, action="append", default=[], help=text)
    parser.epilog = "What follows -- goes to ansible-playbook.\n\n" + (parser.epilog or "")
    parser = arguments.command(
        below,
        "records",
        "print the records of a domain, to publish them elsewhere",
        records,
        """mailroom dns records widget.example
        mailroom dns records widget.example --format table""",
    )
    complete.by(complete.domains, parser.add_argument("domain", metavar="DOMAIN"))
    parser.add_argument("--format", choices=("zone", "table"), default="zone", help="default: zone, for zone files")
    parser.add_argument("--view", choices=("internal", "external"), default="external", help="default: external")


def plan(context: Context, options: argparse.Namespace) -> int:
    """mailroom dns plan"""
    style = "json" if context.json else options.format
    # A program that asks for JSON in this way wants a refusal in JSON too.
    context.json = style == "json"
    wishes = play.Wishes(_variables(options), rest=["--tags", "dns_zones", *options.rest])
    outcome = play.run(context, wishes, check=True, playbook=project.DNS_PLAYBOOK, module="dns_zones")
    failure = outcome.failure()
    # A plan that a gate refuses is a plan to look at.
    if failure is not None and (failure.code != REFUSED or style == "json"):
        raise failure
    if not outcome.result:
        raise Failure("there is no name server in the inventory", "see docs/dns.md, or mailroom dns records DOMAIN")
    print(rendering.plan(outcome.result, outcome.text, style), end="")
    if failure is not None:
        raise failure
    if style == "text":
        for warning in outcome.result.get("warnings", []):
            context.note(f"warning: {warning}")
    return PENDING if outcome.result.get("changed") else OK


def _variables(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = {f"mailroom_{name}": given for name in _NAMES if (given := getattr(options, name))}
    if options.allow_record_removals:
        found["mailroom_allow_record_removals"] = dict(map(_removals, options.allow_record_removals))
    return found


def _removals(text: str) -> tuple[str, int]:
    zone, _is, number = text.rpartition("=")
    if not zone or not number.isdecimal():
        raise Failure(f"{text!r} is not ZONE=NUMBER", code=USAGE)
    return zone, int(number)


def records(context: Context, options: argparse.Namespace) -> int:
    """mailroom dns records"""
    wishes = play.Wishes({"mailroom_dns_domain": options.domain, "mailroom_dns_view": options.view}, rest=options.rest)
    outcome = play.run(context, wishes, check=True, playbook=project.RECORDS_PLAYBOOK, module="dns_records")
    if outcome.result.get("unknown"):
        raise Failure(str(outcome.result["msg"]), code=UNKNOWN)
    if (failure := outcome.failure()) is not None:
        raise failure
    context.print(outcome.result[options.format])
    context.data({"ok": True, "domain": options.domain, "view": options.view, "records": outcome.result["records"]})
    return OK
