# SPDX-License-Identifier: GPL-3.0-or-later
"""How accounts look in the directory. The one place that knows the schema's attributes."""

from __future__ import annotations

from collections.abc import Iterable

from .addresses import domain_to_ascii, domain_to_unicode
from .diff import Description, Rules
from .dn import depth as dn_depth
from .dn import join as dn_join
from .dn import split as dn_split
from .model import ABSENT, Alias, Domain, Mailbox
from .passwords import PENDING
from .plan import Entry

ENTRIES = dict[str, dict[str, list[str]]]

MARK = "mailroomManagedBy"
BY_FILES, BY_MODULE = "accounts", "module"
ADDRESS = "mailroomAddress"
PASSWORD = "userPassword"  # noqa: S105  the attribute's name
DOMAIN, MAILBOX, ALIAS = "domain", "mailbox", "alias"

# What the project decides in its entries. All else (photos, the password) belongs to others.
OWNED = (
    "cn",
    "description",
    "displayName",
    "givenName",
    "mail",
    "mailroomAddress",
    "mailroomCustomer",
    "mailroomDelivery",
    "mailroomDomainName",
    "mailroomManagedBy",
    "mailroomQuota",
    "mailroomService",
    "mailroomState",
    "sn",
    "telephoneNumber",
    "title",
)
# On mailboxes `ou` is the department, on domains it is the name; read with the rest.
READ = (*OWNED, "objectClass", "ou", "uid")


def rules(mark: str = BY_FILES, *, keep_password: bool = True) -> Rules:
    """The rules of ownership for entries with one mark."""
    return Rules(
        mark=(MARK, mark),
        owned=(*OWNED, "ou"),
        create_only=(PASSWORD,) if keep_password else (),
        secrets=(PASSWORD,),
    )


def domain_dn(domain: str, base: str) -> str:
    """The DN of a domain (A-labels) below `base`, the DN of ou=domains."""
    return dn_join("ou", domain, base)


def entry_dn(thing: Mailbox | Alias, base: str) -> str:
    """The DN of a mailbox or an alias."""
    attribute = "uid" if isinstance(thing, Mailbox) else "cn"
    return dn_join(attribute, thing.local, domain_dn(thing.domain, base))


def spellings(addresses: Iterable[str]) -> list[str]:
    """Each address with its domain in A-labels and, where they differ, in U-labels."""
    found: list[str] = []
    for address in addresses:
        local, _at, domain = address.rpartition("@")
        found += dict.fromkeys((address, f"{local}@{domain_to_unicode(domain)}"))
    return found


def domain_entry(domain: Domain, mark: str = BY_FILES) -> dict[str, list[str]]:
    """The entry of a domain."""
    return _filled(
        {
            "objectClass": ["organizationalUnit", "mailroomDomain"],
            "ou": [domain.name],
            "mailroomDomainName": list(domain.names),
            "mailroomState": [domain.state],
            "mailroomCustomer": [domain.customer],
            "mailroomQuota": _number(domain.quota),
            "mailroomService": sorted(domain.services),
            MARK: [mark],
        }
    )


def mailbox_entry(box: Mailbox, mark: str = BY_FILES) -> dict[str, list[str]]:
    """The entry of a mailbox."""
    return _filled(
        {
            "objectClass": ["inetOrgPerson", "mailroomMailbox"],
            "uid": [box.local],
            "mail": [box.address],
            "cn": [box.name],
            "sn": [box.surname],
            "givenName": [box.given_name],
            "displayName": [box.display_name],
            "title": [box.title],
            "ou": [box.department],
            "telephoneNumber": [box.phone],
            ADDRESS: spellings((box.address, *box.aliases)),
            "mailroomDelivery": list(box.delivery),
            "mailroomQuota": _number(box.quota),
            "mailroomState": [box.state],
            "mailroomService": sorted(box.services),
            MARK: [mark],
            PASSWORD: [box.password],
        }
    )


def alias_entry(alias: Alias, mark: str = BY_FILES) -> dict[str, list[str]]:
    """The entry of an alias."""
    return {
        "objectClass": ["mailroomAlias"],
        "cn": [alias.local],
        ADDRESS: spellings((alias.address,)),
        "mailroomDelivery": list(alias.targets),
        "mailroomState": ["active"],
        MARK: [mark],
    }


def entries(domains: Iterable[Domain], base: str) -> ENTRIES:
    """All entries that the domains should have below `base`, by DN. Absent mailboxes have none.

    The password of a mailbox that names none is PENDING: it is made when the mailbox turns out to be new.
    """
    found: ENTRIES = {}
    for domain in domains:
        found[domain_dn(domain.name, base)] = domain_entry(domain)
        for box in domain.mailboxes:
            if box.state != ABSENT:
                entry = mailbox_entry(box)
                entry.setdefault(PASSWORD, [PENDING])
                found[entry_dn(box, base)] = entry
        for alias in domain.aliases:
            found[entry_dn(alias, base)] = alias_entry(alias)
    return found


class Describe:
    """Says what an entry below `base` is, from its DN, as people write it: kind, address, domain."""

    def __init__(self, base: str) -> None:
        self._depth = dn_depth(base)

    def __call__(self, dn: str, entry: Entry) -> Description:
        rdns = dn_split(dn)
        own = rdns[: max(len(rdns) - self._depth, 0)]
        if not own:
            return Description()
        domain = _readable(own[-1][1])
        if len(own) == 1:
            return Description(domain, DOMAIN if own[0][0] == "ou" else "entry", domain)
        kind = {"uid": MAILBOX, "cn": ALIAS}.get(own[0][0], "entry") if len(own) == 2 else "entry"
        return Description(domain, kind, f"{own[0][1]}@{domain}" if kind != "entry" else dn)


def _readable(domain: str) -> str:
    try:
        return domain_to_unicode(domain_to_ascii(domain))
    except ValueError:
        return domain


def _filled(entry: dict[str, list[str]]) -> dict[str, list[str]]:
    """The entry without empty values (LDAP has no empty attributes)."""
    kept = {name: [value for value in values if value] for name, values in entry.items()}
    return {name: values for name, values in kept.items() if values}


def _number(value: int | None) -> list[str]:
    return [] if value is None else [str(value)]
