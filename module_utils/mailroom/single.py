# SPDX-License-Identifier: GPL-3.0-or-later
"""Single objects as the modules mailbox and mail_domain see them: what is there, and what was asked for.

Fields that were not asked for (None) stay as they are, or get their defaults in a new object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .addresses import canonical_local_part, check_local_part, domain_to_ascii, parse_address, qualify
from .directory import (
    ADDRESS,
    BY_FILES,
    BY_MODULE,
    DELIVERY,
    DIGEST,
    LIFE,
    MARK,
    OPERATIONAL,
    PASSWORD,
    QUOTA,
    SERVICE,
    STATE,
    domain_entry,
    mailbox_entry,
)
from .model import ACTIVE, DISABLED, Domain, Mailbox, name_parts, services_with
from .passwords import is_hash, vaulted_problem
from .plan import Entry
from .quantities import parse_size
from .reuse import DOMAIN_NAME
from .spelling import Spelling

_TEXTS = {
    "name": "cn",
    "display_name": "displayName",
    "given_name": "givenName",
    "surname": "sn",
    "title": "title",
    "department": "ou",
    "phone": "telephoneNumber",
}
# The attributes that each field decides.
_FIELDS = {
    **{field: (attribute,) for field, attribute in _TEXTS.items()},
    "name": ("cn", "displayName", "givenName", "sn"),
    "quota": (QUOTA,),
    "services": (SERVICE,),
    "aliases": (ADDRESS,),
    "forwards": (DELIVERY,),
    "keep_copy": (DELIVERY,),
    "customer": ("mailroomCustomer",),
    "state": (STATE,),
}
_STATES = {"present": ACTIVE, "disabled": DISABLED}


def mailbox_named(address: str) -> Mailbox:
    """Return a bare mailbox with this address. Raises ValueError if no hosted mailbox can have it."""
    local, domain = parse_address(address)
    check_local_part(local)
    return Mailbox(local, domain, "")


def desired_mailbox(address: str, wanted: Mapping[str, Any], live: Entry | None, domain: Entry) -> dict[str, list[str]]:
    """Return the entry of a mailbox.

    `wanted` has the fields of the module (see its documentation), `live` is the mailbox's entry if there is
    one, `domain` that of its domain, whose defaults a new mailbox takes. Raises ValueError with a reason.
    """
    box = mailbox_named(address)
    if live is None:
        if not wanted.get("name"):
            raise ValueError(f"{address} is new: it needs a name")
        box.quota, box.services = _quota(domain), _services(domain)
    hosted = {domain_to_ascii(name): box.domain for name in domain.get(DOMAIN_NAME, ())}
    if live is not None:
        box = _from_entry(box, live, hosted)
    texts = {field: wanted[field] for field in _TEXTS if wanted.get(field) is not None}
    if "name" in texts and texts["name"] != box.name:
        given, surname = name_parts(texts["name"])
        texts = {"given_name": given, "surname": surname, "display_name": texts["name"], **texts}
    box = replace(box, **texts, state=_STATES[wanted["state"]])
    if wanted.get("quota") is not None:
        box.quota = parse_size(wanted["quota"])
    if wanted.get("services") is not None:
        box.services = services_with(box.services, wanted["services"])
    if wanted.get("aliases") is not None:
        box.aliases = tuple(_own(value, box.domain, hosted) for value in wanted["aliases"])
    if wanted.get("forwards") is not None:
        box.forwards = _canonical(wanted["forwards"], box.domain, hosted)
    if wanted.get("keep_copy") is not None:
        box.keep_copy = wanted["keep_copy"]
    spell = Spelling({box.domain: list(domain.get(DOMAIN_NAME, ()))})
    return _kept(mailbox_entry(box, _mark(live), spell), wanted, live)


def desired_domain(name: str, wanted: Mapping[str, Any], live: Entry | None) -> dict[str, list[str]]:
    """Return the entry of a domain, from the fields of the module and the live entry. Raises ValueError."""
    domain = Domain(domain_to_ascii(name), state=_STATES[wanted["state"]])
    if live is not None:
        domain.quota, domain.services = _quota(live), _services(live)
    if wanted.get("customer") is not None:
        domain.customer = wanted["customer"]
    if wanted.get("quota") is not None:
        domain.quota = parse_size(wanted["quota"])
    if wanted.get("services") is not None:
        domain.services = services_with(domain.services, wanted["services"])
    return _kept(domain_entry(domain, _mark(live)), wanted, live)


def check_password(value: str) -> None:
    """Raise ValueError if a password is neither a strong hash nor clear text that is long enough."""
    if not is_hash(value) and (problem := vaulted_problem(value)):
        raise ValueError(problem.replace("vaulted password", "the password"))


def _kept(entry: Mapping[str, list[str]], wanted: Mapping[str, Any], live: Entry | None) -> dict[str, list[str]]:
    """The entry with all that nobody asked to change as it is. The plan notes the rest of it."""
    if live is None:
        return {name: values for name, values in entry.items() if name != DIGEST}
    fields = [field for field in _FIELDS if wanted.get(field) is not None]
    if _mark(live) == BY_FILES and wanted["state"] == "present":
        # The files say in which state it is; who only resets a password means no other.
        fields.remove("state")
    asked = {attribute for field in fields for attribute in _FIELDS[field]}
    left = {DIGEST, PASSWORD, *LIFE, *OPERATIONAL, *asked}
    found = {name: list(values) for name, values in live.items() if name not in left}
    return {**found, **{name: values for name, values in entry.items() if name in asked}}


def _from_entry(box: Mailbox, live: Entry, hosted: Mapping[str, str]) -> Mailbox:
    delivery = _canonical(live.get(DELIVERY, ()), box.domain, hosted)
    addresses = _canonical(live.get(ADDRESS, ()), box.domain, hosted)
    texts: dict[str, Any] = {field: _one(live, attribute) for field, attribute in _TEXTS.items()}
    return replace(
        box,
        **texts,
        quota=_quota(live),
        services=_services(live),
        aliases=tuple(value for value in addresses if value != box.address),
        forwards=tuple(value for value in delivery if value != box.address),
        keep_copy=box.address in delivery,
    )


def _mark(live: Entry | None) -> str:
    return BY_FILES if live is not None and _one(live, MARK) == BY_FILES else BY_MODULE


def _own(value: str, domain: str, hosted: Mapping[str, str]) -> str:
    local, _at, host = qualify(value, domain, hosted).rpartition("@")
    local = canonical_local_part(local)
    check_local_part(local)
    return f"{local}@{host}"


def _canonical(values: Iterable[str], domain: str, hosted: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(qualify(value, domain, hosted) for value in values))


def _one(entry: Entry, attribute: str) -> str:
    return next(iter(entry.get(attribute, ())), "")


def _quota(entry: Entry) -> int | None:
    value = _one(entry, QUOTA)
    return int(value) if value else None


def _services(entry: Entry) -> frozenset[str]:
    return frozenset(entry.get(SERVICE, ()))
