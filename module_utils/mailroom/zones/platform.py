# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says about DNS: hosts and services with their addresses, networks, name servers, times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from ..findings import Finding, Path, field_name
from ..schema import compile_schema
from .claims import INVENTORY
from .model import EXTERNAL, INTERNAL, MOST_TTL, VIEWS
from .names import absolute, is_host
from .special import special_network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Times:
    """Times of a zone in seconds (RFC 1035, 3.3.13).

    A secondary that missed a NOTIFY asks after an hour and serves on for two weeks; "there is no such name" is
    forgotten after five minutes, so that a new name is found soon.
    """

    refresh: int = 3600
    retry: int = 600
    expire: int = 1209600
    negative: int = 300

    def changed(self, given: Mapping[str, int]) -> Times:
        """Return times with some of them given by name."""
        return Times(**{**vars(self), **given})

    def __str__(self) -> str:
        return f"{self.refresh} {self.retry} {self.expire} {self.negative}"


@dataclass(frozen=True)
class Host:
    """A host or a service: names (absolute, the first is what its addresses lead back to) and addresses.

    Addresses are in their one spelling. `aliases` are names that lead to the first one (CNAME). A `one_sided`
    service is meant to be there on one side only.
    """

    names: tuple[str, ...]
    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    service: bool = False
    one_sided: bool = False
    path: Path = ()

    def addresses(self, view: str) -> tuple[str, ...]:
        """What a side is told. Inside also learns of what only has an outside address."""
        return self.outside if view == EXTERNAL else self.inside or self.outside

    @property
    def what(self) -> str:
        """How messages call it."""
        return f"{'service' if self.service else 'host'} {self.names[0].removesuffix('.')}"


@dataclass(frozen=True)
class ReverseNetwork:
    """A network whose addresses lead back to names, in some views; `zone` "" is the usual name of its zone."""

    prefix: Network
    views: tuple[str, ...]
    zone: str = ""
    path: Path = ()


@dataclass(frozen=True)
class Platform:
    """All of it. Names are absolute; `contact` is a name too (RFC 1035, 8); `mail` is as in the schema."""

    domain: str
    nameservers: tuple[str, ...]
    contact: str
    ttl: int = 3600
    times: Times = Times()
    hosts: tuple[Host, ...] = ()
    networks: tuple[ReverseNetwork, ...] = ()
    helo: tuple[str, ...] = ()
    mail: Mapping[str, Any] = field(default_factory=dict)
    documentation: bool = False
    special: frozenset[str] = frozenset()


def contact_name(address: str) -> str:
    r"""Return an address of mail as the name that SOA holds: first.last@x.example is first\.last.x.example."""
    local, _at, domain = address.rpartition("@")
    escaped = local.replace("\\", "\\\\").replace(".", "\\.")
    return f"{escaped}.{absolute(domain)}"


def read_platform(data: Any, schema: Mapping[str, Any]) -> tuple[Platform | None, list[Finding]]:
    """Return what the inventory says, and what is wrong with it; with findings there is no platform.

    `data` has the form of $defs/platform in `schema`, the content of schemas/zone.schema.json.
    """
    check = compile_schema({"$ref": "#/$defs/platform", "$defs": schema["$defs"]})
    findings = [_finding(*violation) for violation in check(data)]
    if findings:
        return None, findings
    reader = _Reader(data)
    platform = reader.platform()
    return (None if reader.findings else platform), reader.findings


def _finding(path: Path, message: str, hint: str = "") -> Finding:
    return Finding(INVENTORY, 1, field_name(path), message, hint)


class _Reader:
    """Reads data that the schema has passed."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._domain = "."
        self.findings: list[Finding] = []

    def platform(self) -> Platform | None:
        data = self._data
        domain = self._try(("domain",), absolute, data["domain"])
        if domain is None:
            return None  # All other names depend on it.
        self._domain = domain
        ttl = data.get("ttl", 3600)
        if ttl > MOST_TTL:
            self.findings.append(_finding(("ttl",), f"{ttl} is more than {MOST_TTL}, the longest TTL (RFC 2181)"))
        hosts = [self._host(("hosts", n), [item["name"]], item) for n, item in enumerate(data.get("hosts", []))]
        services = [
            self._host(("services", n), item["names"], item, service=True)
            for n, item in enumerate(data.get("services", []))
        ]
        self._unique(hosts)
        documentation = data.get("documentation_addresses", False)
        given = enumerate(data.get("networks", []))
        networks = [self._network(("networks", n), item, documentation) for n, item in given]
        return Platform(
            domain=self._domain,
            nameservers=self._names(("nameservers",), data["nameservers"]),
            contact=self._try(("contact",), contact_name, data["contact"]) or "",
            ttl=ttl,
            times=Times().changed(data.get("soa", {})),
            hosts=(*hosts, *services),
            networks=tuple(item for item in networks if item),
            helo=self._names(("helo",), data.get("helo", [])),
            mail=data.get("mail", {}),
            documentation=documentation,
            special=frozenset(self._names(("special_addresses",), data.get("special_addresses", []))),
        )

    def _host(self, path: Path, names: Sequence[str], item: Mapping[str, Any], *, service: bool = False) -> Host:
        where = (*path, "names" if service else "name")
        return Host(
            names=self._names(where, names) or (self._domain,),
            inside=self._addresses((*path, "inside"), item.get("inside", [])),
            outside=self._addresses((*path, "outside"), item.get("outside", [])),
            aliases=self._names((*path, "aliases"), item.get("aliases", [])),
            service=service,
            one_sided=item.get("one_sided", False),
            path=path,
        )

    def _names(self, path: Path, given: Sequence[str]) -> tuple[str, ...]:
        """Names of hosts; one label is below the platform's domain."""

        def read(text: str) -> str:
            name = absolute(text if "." in text else f"{text}.{self._domain}")
            if not is_host(name):
                raise ValueError(f"{text!r} is not a name of a host: letters, digits and - only")
            return name

        return tuple(name for text in given if (name := self._try(path, read, text)))

    def _addresses(self, path: Path, given: Sequence[str]) -> tuple[str, ...]:
        def read(text: str) -> str:
            try:
                if "%" in text:
                    raise ValueError
                return str(ip_address(text))
            except ValueError:
                raise ValueError(f"{text!r} is not an address") from None

        found = tuple(address for text in given if (address := self._try(path, read, text)))
        return tuple(dict.fromkeys(found))

    def _network(self, path: Path, item: Mapping[str, Any], documentation: bool) -> ReverseNetwork | None:
        prefix = self._try((*path, "prefix"), ip_network, item["prefix"])
        zone = self._try((*path, "zone"), absolute, item["zone"]) if "zone" in item else ""
        if prefix is None or zone is None:
            return None
        private = special_network(prefix, documentation=documentation)
        views = tuple(item.get("views", [INTERNAL] if private else VIEWS))
        if private and EXTERNAL in views:
            message = f"{prefix} is {private}, and its reverse zone has no place outside"
            self.findings.append(_finding((*path, "views"), message, "leave out external"))
        return ReverseNetwork(prefix, views, zone, path)

    def _unique(self, hosts: Sequence[Host]) -> None:
        """Two hosts with one name or address are a mistake; a service may have those of a host."""
        seen: dict[str, Host] = {}
        for host in hosts:
            for value in (*host.names, *host.inside, *host.outside):
                if (other := seen.setdefault(value, host)) is not host:
                    message = f"{value.removesuffix('.')} is also {other.what} ({field_name(other.path)})"
                    self.findings.append(_finding(host.path, message, "each host has names and addresses of its own"))

    def _try(self, path: Path, read: Callable[[str], Any], text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            self.findings.append(_finding(path, str(error)))
            return None
