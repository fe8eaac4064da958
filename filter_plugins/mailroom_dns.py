# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of DNS are told, from inventory data: hosts and services, certificates, names of web servers."""

from __future__ import annotations

import base64
import datetime
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if os.path.join(_ROOT, "module_utils") not in sys.path:
    sys.path.insert(0, os.path.join(_ROOT, "module_utils"))

from mailroom import cache
from mailroom.findings import errors
from mailroom.read import read_accounts
from mailroom.zones.domains import mail_domains

INSIDE = ("lan", "branch")
OUTSIDE = ("wan",)


def dns_platform(
    settings: Mapping[str, Any],
    hosts: Iterable[Mapping[str, Any]],
    services: Iterable[Mapping[str, Any]] = (),
    networks: Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
    inside: Iterable[str] = INSIDE,
    outside: Iterable[str] = OUTSIDE,
) -> dict[str, Any]:
    """Return `platform` of dns_zones from settings and from what hosts and services say of themselves.

    Each host has a `name` or `names`, of which the first counts, and its addresses: as `inside` and `outside`, or as
    `networks` by name ({ip4, ip6} or a list), of which those in `inside` and `outside` count. Services are told in the
    same way, and all their `names` count. `networks` are prefixes as dns_zones takes them, or {name: [{subnet}]}.
    """
    sides = {"inside": tuple(inside), "outside": tuple(outside)}
    found = dict(settings)
    found["hosts"] = [*found.get("hosts", []), *(_host(item, sides) for item in hosts)]
    found["services"] = [*found.get("services", []), *(_service(item, sides) for item in services)]
    found["networks"] = [*found.get("networks", []), *_networks(networks, (*sides["inside"], *sides["outside"]))]
    return found


def _host(item: Mapping[str, Any], sides: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    name = item.get("name") or next(iter(item.get("names", ())), None)
    if not name:
        raise AnsibleFilterError(f"dns_platform: a host without a name: {dict(item)!r}")
    kept = {"aliases": list(item["aliases"])} if "aliases" in item else {}
    return {"name": str(name), **_addresses(item, sides), **kept}


def _service(item: Mapping[str, Any], sides: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    if not item.get("names"):
        raise AnsibleFilterError(f"dns_platform: a service without `names`: {dict(item)!r}")
    kept = {"one_sided": bool(item["one_sided"])} if "one_sided" in item else {}
    return {"names": [str(name) for name in item["names"]], **_addresses(item, sides), **kept}


def _addresses(item: Mapping[str, Any], sides: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    given = item.get("networks", {})
    return {
        side: [*map(str, item.get(side, ())), *(one for name in names if name in given for one in _of(given[name]))]
        for side, names in sides.items()
    }


def _of(network: Any) -> list[str]:
    """Addresses of a network, as {ip4, ip6} or as a list."""
    return [str(value) for value in (network.values() if isinstance(network, Mapping) else network)]


def _networks(networks: Mapping[str, Any] | Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    if isinstance(networks, Mapping):
        return [{"prefix": str(part["subnet"])} for name in names for part in networks.get(name, ())]
    return [dict(item) for item in networks]


def dns_certificates(
    names: Mapping[str, Sequence[str]], variables: Mapping[str, Mapping[str, Any]], folder: str
) -> dict[str, list[str]]:
    """Return certificates (PEM) by name of mail server, from the hosts behind each name.

    A host's certificate, and the public half of the key that it will use next, are what the play has just read
    (`mailroom_dns_certificate`, a list of answers of slurp, in `hostvars`), or else what an earlier play left in
    `folder`: a host that is down for a while keeps its records.
    """
    return {
        name: [pem for host in hosts for pem in _certificate(host, variables, folder)] for name, hosts in names.items()
    }


def dns_certificate(answers: Iterable[Mapping[str, Any]]) -> str:
    """Return what slurp has read as one PEM text: a certificate, and perhaps a public key."""
    found = (base64.b64decode(answer["content"]).decode().strip() for answer in answers if "content" in answer)
    return "".join(f"{text}\n" for text in found)


def _certificate(host: str, variables: Mapping[str, Mapping[str, Any]], folder: str) -> list[str]:
    answer = variables.get(host, {}).get("mailroom_dns_certificate") or {}
    if text := dns_certificate(answer.get("results", ())):
        return _parts(text)
    path = os.path.join(folder, f"{host}.pem")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as stream:
            return _parts(stream.read())
    if answer.get("results") and not any(each.get("unreachable") for each in [answer, *answer["results"]]):
        return []  # It answers, and has none yet.
    raise AnsibleFilterError(
        f"The certificate of {host} is not known: the host was not asked or does not answer, and there is no {path}. "
        "Without it others could not send mail to it; run this while it is up, and without leaving it out."
    )


def _parts(text: str) -> list[str]:
    """The host's own certificate, which comes first, and keys; not the chain behind it."""
    certificates = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)[:1]
    return certificates + re.findall(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", text, re.S)


def mail_names(accounts: str, labels: Iterable[str] = ("",)) -> list[str]:
    """Return all names of mail domains in account files, with each of some labels before them ("" for none)."""
    schema = os.path.join(_ROOT, "schemas", "domain.schema.json")
    kept = cache.Cache(cache.default_folder())
    found = read_accounts(os.path.expanduser(accounts), schema, None, datetime.date.today(), kept)
    if problems := errors(found.findings):
        raise AnsibleFilterError(f"mail_names: the account files have errors: {problems[0]}")
    domains = sorted(domain.name.removesuffix(".") for domain in mail_domains(found))
    return [f"{label}.{domain}" if label else domain for domain in domains for label in labels]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        return {
            "dns_platform": dns_platform,
            "dns_certificate": dns_certificate,
            "dns_certificates": dns_certificates,
            "mail_names": mail_names,
        }
