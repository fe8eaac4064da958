# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of a mailbox as options of the command line, and options as fields of a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from mailroom import model
from mailroom.quantities import parse_size

from .edits import reference
from .errors import USAGE, Failure
from .workspace import DomainFiles
from .yaml_text import Value

TEXTS = {
    "name": "full name",
    "given_name": "given name, if it is not the first words of the name",
    "surname": "surname, if it is not the last word of the name",
    "display_name": "name that recipients see",
    "title": "job title",
    "department": "department",
    "phone": "telephone number",
}
# The order in which new mailboxes are written.
ORDER = (*TEXTS, "kind", "state", "expires", "hold", "renamed_from", "quota", "services", "aliases", "forwards")
ORDER = (*ORDER, "send_as", "identity", "agents", "password")
_SWITCH = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False}

Fields = dict[str, Value]


def add_options(parser: argparse.ArgumentParser, *, new: bool) -> None:
    """Add the options for fields; `new` is for a mailbox that does not exist yet."""
    group = parser.add_argument_group("fields" if new else "fields (an empty text removes one)")
    for name, text in TEXTS.items():
        group.add_argument(f"--{name.replace('_', '-')}", metavar="TEXT", required=new and name == "name", help=text)
    group.add_argument("--quota", metavar="SIZE", help="500M, 2G, unlimited ... (default: the domain's)")
    group.add_argument("--service", metavar="NAME=on|off", action="append", default=[], help="switch one service")
    group.add_argument("--forward", metavar="ADDRESS", action="append", default=[], help="mail goes there as well")
    group.add_argument("--no-copy", action="store_true", help="with --forward: mail is passed on only")
    group.add_argument("--send-as", metavar="ADDRESS", action="append", default=[], help="may send from this as well")
    group.add_argument("--identity", metavar="ADDRESS", help="what mail to the outside leaves under, or `own`")
    group.add_argument("--expires", metavar="YYYY-MM-DD", help="no login from that day on; needs --contact")
    group.add_argument("--contact", metavar="ADDRESS", help="who is asked about the expiry")
    group.add_argument("--hold", metavar="REASON", help="legal hold: no removal while it is there")


def from_options(options: argparse.Namespace, domain: DomainFiles) -> Fields:
    """Return the fields that options name, "" for those to be removed. Raises Failure for what cannot be."""
    found: Fields = {}
    for name in (*TEXTS, "hold"):
        if (text := getattr(options, name)) is not None:
            found[name] = text.strip()
    if options.quota is not None:
        found["quota"] = quota(options.quota)
    if options.service:
        found["services"] = services(options.service)
    if options.forward:
        found["forwards"] = forwards(options.forward, not options.no_copy, domain)
    elif options.no_copy:
        raise Failure("--no-copy says nothing without --forward", code=USAGE)
    if options.send_as:
        found["send_as"] = references(options.send_as, domain)
    if options.identity is not None:
        found["identity"] = options.identity and reference(options.identity, domain)
    if bool(options.expires) != bool(options.contact):
        raise Failure("--expires and --contact go together", code=USAGE)
    if options.expires:
        found["expires"] = {"date": options.expires, "contact": reference(options.contact, domain)}
    elif options.expires == "":
        found["expires"] = ""
    return ordered(found)


def ordered(fields: Fields) -> Fields:
    """The fields in the order in which they are written."""
    return {name: fields[name] for name in ORDER if name in fields}


def references(addresses: Iterable[str], domain: DomainFiles) -> list[str]:
    """Addresses as they are written into a list, each once."""
    return list(dict.fromkeys(reference(address, domain) for address in addresses))


def forwards(addresses: Iterable[str], keep_copy: bool, domain: DomainFiles) -> Value:
    """The field `forwards`."""
    to = references(addresses, domain)
    return to if keep_copy else {"to": to, "keep_copy": False}


def services(switches: Iterable[str]) -> dict[str, Value]:
    """The field `services` out of NAME=on and NAME=off. Raises Failure."""
    found: dict[str, Value] = {}
    for switch in switches:
        name, _is, value = switch.partition("=")
        if name not in model.SERVICES or value.lower() not in _SWITCH:
            known = ", ".join(model.SERVICES)
            raise Failure(f"{switch!r} is not NAME=on or NAME=off", f"services are {known}", code=USAGE)
        found[name] = _SWITCH[value.lower()]
    return found


def quota(text: str) -> str:
    """A size as it is written. Raises Failure."""
    size = text.strip()
    size = size.upper() if size.lower() != "unlimited" else "unlimited"
    try:
        parse_size(size)
    except ValueError as error:
        raise Failure(str(error), code=USAGE) from None
    return size
