# SPDX-License-Identifier: GPL-3.0-or-later
"""How accounts look in the directory. The one place that knows the schema's attributes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from .addresses import domain_to_ascii, domain_to_unicode
from .collector import paused
from .diff import Description, Rules
from .dn import depth as dn_depth
from .dn import join as dn_join
from .dn import split as dn_split
from .model import (
    ABSENT,
    ACTIVE,
    ANYONE,
    DISABLED,
    INTERNAL,
    MEMBERS,
    SEND,
    SHARED,
    Alias,
    Domain,
    Group,
    Mailbox,
)
from .passwords import PENDING
from .plan import Entry
from .routing import Routing
from .spelling import Spelling

ENTRIES = dict[str, dict[str, list[str]]]

MARK = "mailroomManagedBy"
BY_FILES, BY_MODULE = "accounts", "module"
ADDRESS = "mailroomAddress"
ADMINISTRATOR = "mailroomAdministrator"
AGENT = "mailroomAgent"
CONTACT = "mailroomContact"
DELIVERY = "mailroomDelivery"
DIGEST = "mailroomDigest"
EXPIRES = "mailroomExpires"
HOLD = "mailroomHold"
IDENTITY = "mailroomIdentity"
KIND = "mailroomKind"
POSTER = "mailroomPoster"
QUOTA = "mailroomQuota"
SENDER = "mailroomSender"
SERVICE = "mailroomService"
STATE = "mailroomState"
USER = "mailroomUser"
PASSWORD = "userPassword"  # noqa: S105  the attribute's name
# The life of a mailbox; these depend on what is there, so the plan adds them.
STORE = "mailroomStore"
REMOVED = "mailroomRemoved"
PURGE = "mailroomPurge"
FORMER = "mailroomFormerAddress"
LIFE = (STORE, REMOVED, PURGE, FORMER)

DOMAIN, MAILBOX, GROUP, ALIAS = "domain", "mailbox", "group", "alias"
# The relative name of a domain's catch-all; no local part has this character.
CATCH_ALL = "@"

# What the project decides in its entries. All else (photos, the password) belongs to others.
OWNED = (
    "cn",
    "description",
    "displayName",
    "givenName",
    "mail",
    ADDRESS,
    ADMINISTRATOR,
    AGENT,
    CONTACT,
    "mailroomCustomer",
    DELIVERY,
    DIGEST,
    "mailroomDomainName",
    EXPIRES,
    FORMER,
    HOLD,
    IDENTITY,
    KIND,
    MARK,
    POSTER,
    PURGE,
    QUOTA,
    REMOVED,
    SENDER,
    SERVICE,
    STATE,
    STORE,
    USER,
    "sn",
    "telephoneNumber",
    "title",
)
# What the server notes by itself: who made and changed an entry, and when.
OPERATIONAL = ("createTimestamp", "creatorsName", "modifiersName", "modifyTimestamp")
# On mailboxes `ou` is the department, on domains it is the name; read with the rest.
READ = (*OWNED, *OPERATIONAL, "objectClass", "ou", "uid")
# What the digest of an entry is made of, sorted.
_DIGESTED = tuple(sorted({*OWNED, "ou"} - {DIGEST, *LIFE}))


def rules(mark: str = BY_FILES, *, keep_password: bool = True) -> Rules:
    """The rules of ownership for entries with one mark."""
    return Rules(
        mark=(MARK, mark),
        owned=(*OWNED, "ou"),
        # The plan for accounts has these from the life of the entry, not from the files.
        silent=(DIGEST, FORMER, PURGE, REMOVED, *OPERATIONAL),
        create_only=(PASSWORD, STORE) if keep_password else (STORE,),
        secrets=(PASSWORD,),
    )


def domain_dn(domain: str, base: str) -> str:
    """The DN of a domain (A-labels) below `base`, the DN of ou=domains."""
    return dn_join("ou", domain, base)


def entry_dn(thing: Mailbox | Group | Alias, base: str) -> str:
    """The DN of a mailbox, a group or an alias."""
    return _entry_dn(thing, domain_dn(thing.domain, base))


def _entry_dn(thing: Mailbox | Group | Alias, domain: str) -> str:
    # No character of a local part needs escaping in a DN.
    return f"{'uid' if isinstance(thing, Mailbox) else 'cn'}={thing.local or CATCH_ALL},{domain}"


def digest(entry: Entry) -> str:
    """Return 16 hexadecimal digits that tell whether somebody else changed what the project owns in an entry.

    The order of values, the password and the attributes of LIFE do not count: those have other keepers.
    """
    parts = [name + "\0" + "\0".join(sorted(entry[name])) for name in _DIGESTED if name in entry]
    return blake2b("\0\0".join(parts).encode(), digest_size=8).hexdigest()


def domain_entry(domain: Domain, mark: str = BY_FILES) -> dict[str, list[str]]:
    """The entry of a domain."""
    return _finished(
        {
            "objectClass": ["organizationalUnit", "mailroomDomain"],
            "ou": [domain.name],
            "mailroomDomainName": list(domain.names),
            STATE: [domain.state],
            "mailroomCustomer": [domain.customer],
            QUOTA: _number(domain.quota),
            SERVICE: sorted(domain.services),
            ADMINISTRATOR: list(domain.administrators),
            MARK: [mark],
        }
    )


def mailbox_entry(
    box: Mailbox, mark: str = BY_FILES, spell: Spelling | None = None, senders: Iterable[str] = ()
) -> dict[str, list[str]]:
    """The entry of a mailbox. `senders` are addresses that it may send from beside its own."""
    spell = spell or Spelling()
    return _finished(
        {
            "objectClass": ["inetOrgPerson", "mailroomMailbox"],
            "uid": [box.local],
            USER: [box.address],
            KIND: [box.kind],
            # IA5 (RFC 4524), so an internationalised local part has none.
            "mail": [box.address] if box.local.isascii() else [],
            "cn": [box.name],
            "sn": [box.surname],
            "givenName": [box.given_name],
            "displayName": [box.display_name],
            "title": [box.title],
            "ou": [box.department],
            "telephoneNumber": [box.phone],
            ADDRESS: spell((box.address, *box.aliases)),
            DELIVERY: list(box.delivery),
            SENDER: spell(senders),
            IDENTITY: [box.identity],
            AGENT: [f"{address} {right}" for address, right in box.agents.items()],
            QUOTA: _number(box.quota),
            STATE: [box.state],
            SERVICE: list(_in_order(box.services)),
            EXPIRES: [box.expires],
            CONTACT: [box.contact],
            HOLD: [box.hold],
            MARK: [mark],
            PASSWORD: [box.password],
        }
    )


def group_entry(group: Group, spell: Spelling, posters: Iterable[str], mark: str = BY_FILES) -> dict[str, list[str]]:
    """The entry of a group. `posters` are addresses, or the word INTERNAL alone; none means anyone."""
    return _finished(
        {
            "objectClass": ["mailroomGroup"],
            "cn": [group.local],
            "displayName": [group.name],
            ADDRESS: spell((group.address,)),
            DELIVERY: list(group.members),
            POSTER: list(posters),
            STATE: [ACTIVE],
            MARK: [mark],
        }
    )


def alias_entry(alias: Alias, mark: str = BY_FILES, spell: Spelling | None = None) -> dict[str, list[str]]:
    """The entry of an alias, or of a catch-all."""
    spell = spell or Spelling()
    return _finished(
        {
            "objectClass": ["mailroomAlias"],
            "cn": [alias.local or CATCH_ALL],
            ADDRESS: spell((alias.address,)),
            DELIVERY: list(alias.targets),
            STATE: [ACTIVE],
            MARK: [mark],
        }
    )


def entries(domains: Iterable[Domain], base: str) -> ENTRIES:
    """All entries that the domains should have below `base`, by DN. Absent mailboxes have none.

    The password of a mailbox that names none is PENDING: it is made when the mailbox turns out to be new.
    The attributes of LIFE are not among them, as they depend on what is there already.
    """
    with paused():
        return _entries({domain.name: domain for domain in domains}, base)


def _entries(by_name: dict[str, Domain], base: str) -> ENTRIES:
    spell, routing = Spelling.of(by_name.values()), Routing(by_name)
    senders = _senders(by_name.values())
    found: ENTRIES = {}
    for domain in by_name.values():
        above = domain_dn(domain.name, base)
        found[above] = domain_entry(domain)
        for box in domain.mailboxes:
            if box.state != ABSENT:
                entry = mailbox_entry(box, spell=spell, senders=senders.get(box.address, ()))
                if box.kind != SHARED:
                    entry.setdefault(PASSWORD, [PENDING])
                found[_entry_dn(box, above)] = entry
        for group in domain.groups:
            found[_entry_dn(group, above)] = group_entry(group, spell, _posters(group, spell, routing))
        for alias in domain.aliases:
            found[_entry_dn(alias, above)] = alias_entry(alias, spell=spell)
    return found


def renames(domains: Iterable[Domain], base: str) -> dict[str, str]:
    """The DNs that renamed mailboxes should have, each with the DN that it had before (`renamed_from`)."""
    found = {}
    for domain in domains:
        for box in domain.mailboxes:
            if box.renamed_from and box.state != ABSENT:
                local, _at, host = box.renamed_from.rpartition("@")
                found[entry_dn(box, base)] = dn_join("uid", local, domain_dn(host, base))
    return found


def _senders(domains: Iterable[Domain]) -> dict[str, list[str]]:
    """Further addresses that mailboxes may send from: what they name, and shared mailboxes that they work with."""
    found: dict[str, list[str]] = {}
    for domain in domains:
        for box in domain.mailboxes:
            if box.send_as:
                found.setdefault(box.address, []).extend(box.send_as)
            if box.state in (ACTIVE, DISABLED):
                for agent, right in box.agents.items():
                    if right == SEND:
                        found.setdefault(agent, []).extend((box.address, *box.aliases))
    return found


def _posters(group: Group, spell: Spelling, routing: Routing) -> list[str]:
    if group.post == ANYONE:
        return []
    if group.post == INTERNAL:
        return [INTERNAL]
    return spell(routing.people(group.members if group.post == MEMBERS else group.posters))


class Describe:
    """Says what an entry below `base` is, as people write it: kind, address, domain."""

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
        attribute, local = own[0]
        kind = {"uid": MAILBOX, "cn": ALIAS}.get(attribute, "entry") if len(own) == 2 else "entry"
        if kind == "entry":
            return Description(domain, kind, dn)
        if kind == ALIAS and any(value.lower() == "mailroomgroup" for value in entry.get("objectClass", ())):
            kind = GROUP
        return Description(domain, kind, f"{'' if local == CATCH_ALL else local}@{domain}")


def _readable(domain: str) -> str:
    try:
        return domain_to_unicode(domain_to_ascii(domain))
    except ValueError:
        return domain


def _finished(entry: dict[str, list[str]]) -> dict[str, list[str]]:
    """The entry without empty values (LDAP has no empty attributes), with its digest."""
    kept = {}
    for name, values in entry.items():
        if values and values[0]:
            kept[name] = values
    kept[DIGEST] = [digest(kept)]
    return kept


@lru_cache(maxsize=64)
def _in_order(services: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(services))


def _number(value: int | None) -> list[str]:
    return [] if value is None else [str(value)]
