# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an address receives mail or does not, where its mail goes, who may use it; each with the line that says so."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from . import model
from .account_set import Accounts
from .addresses import canonical_local_part, domain_to_unicode, parse_address
from .findings import Path
from .model import Domain, Group, Mailbox
from .quantities import format_size
from .routing import Routing, Thing, is_catch_all, targets

# What a fact is about.
RECEIVES, WAY, SENDS, POSTS, IDENTITY, QUOTA, LOGIN = "receives", "way", "sends", "posts", "identity", "quota", "login"


@dataclass(frozen=True)
class Fact:
    """One thing that holds, as a sentence without its full stop, and file:line of the rule ("" for the usual case)."""

    topic: str
    text: str
    place: str = ""


@dataclass
class Explanation:
    """All about one address. `address` is canonical.

    `hosted`: its domain is in the files. `receives`: mail for it is taken here. `mailboxes` and `outside` are the
    addresses at which its mail ends. `similar` are addresses that come close to one that nobody has.
    """

    address: str
    hosted: bool = True
    receives: bool = False
    kind: str = ""
    facts: list[Fact] = field(default_factory=list)
    mailboxes: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    similar: list[str] = field(default_factory=list)

    def of(self, topic: str) -> list[Fact]:
        """The facts about one topic, in their order."""
        return [fact for fact in self.facts if fact.topic == topic]


def explain(accounts: Accounts, address: str, today: date) -> Explanation:
    """Return what the account files say about an address in any spelling. Raises ValueError if it is none."""
    local, host = parse_address(address)
    name = accounts.hosted.get(host)
    if name is None:
        return _elsewhere(accounts, local, host)
    return _Explainer(accounts, f"{canonical_local_part(local)}@{name}", host, today).run()


def shown(address: str) -> str:
    """An address with its domain as people write it."""
    local, _at, host = address.rpartition("@")
    return f"{local}@{domain_to_unicode(host)}"


def _elsewhere(accounts: Accounts, local: str, host: str) -> Explanation:
    found = Explanation(f"{local}@{host}", hosted=False)
    found.facts.append(Fact(RECEIVES, f"{domain_to_unicode(host)} is not hosted here, so its mail goes elsewhere"))
    found.similar = [f"{local}@{domain_to_unicode(name)}" for name in difflib.get_close_matches(host, accounts.hosted)]
    return found


class _Explainer:
    def __init__(self, accounts: Accounts, address: str, host: str, today: date) -> None:
        self.accounts = accounts
        self.address = address
        self.host = host
        self.today = today
        self.domain = accounts.domains[address.rpartition("@")[2]]
        self.routing = Routing(accounts.domains)
        self.found = Explanation(address)

    def run(self) -> Explanation:
        """Collect all facts."""
        self._domain()
        owner = self.routing.receiver(self.address)
        if owner is None:
            self._say(RECEIVES, "no mailbox, alias, group or catch-all has this address: mail for it is refused")
            self.found.similar = self._similar()
            return self.found
        self.found.kind = _kind(owner)
        self._how(owner)
        reasons = self._refused(owner)
        self.found.facts += reasons
        self.found.receives = not reasons
        if self.found.receives:
            self._way(owner)
        self._senders()
        if isinstance(owner, Group):
            self._posters(owner)
        if isinstance(owner, Mailbox) and owner.state != model.ABSENT:
            self._mailbox(owner)
        return self.found

    def _say(self, topic: str, text: str, thing: Domain | Thing | None = None, below: Path = ()) -> None:
        self.found.facts.append(Fact(topic, text, self.accounts.place(thing, below) if thing is not None else ""))

    def _domain(self) -> None:
        if self.host in self.domain.alias_names:
            text = f"{domain_to_unicode(self.host)} is a further name of {domain_to_unicode(self.domain.name)}"
            position = self.domain.alias_names.index(self.host)
            self._say(RECEIVES, text, self.domain, ("alias_domains", position))

    def _how(self, owner: Thing) -> None:
        """By which rule the owner has the address."""
        name = shown(owner.address)
        if is_catch_all(owner):
            self._say(RECEIVES, "nobody has this address, so the catch-all of the domain takes it", owner)
            return
        base = self.address
        if base not in self.routing.owners:
            base = canonical_local_part(base.rpartition("@")[0]).partition("+")[0] + "@" + self.domain.name
            self._say(RECEIVES, f"what follows the + does not matter: this is {shown(base)}")
        if base == owner.address:
            self._say(RECEIVES, f"{name} is {_named(owner)}", owner)
        elif isinstance(owner, Mailbox):
            position = owner.aliases.index(base)
            self._say(
                RECEIVES, f"{shown(base)} is a further address of {_named(owner)} {name}", owner, ("aliases", position)
            )

    def _refused(self, owner: Thing) -> list[Fact]:
        """Why mail for the owner is refused; nothing if it is taken."""
        place, found = self.accounts.place, []
        if self.domain.state != model.ACTIVE:
            text = (
                f"mail for all of {domain_to_unicode(self.domain.name)} is refused: the domain is {self.domain.state}"
            )
            found.append(Fact(RECEIVES, text, place(self.domain, ("state",))))
        if isinstance(owner, Mailbox):
            if owner.state == model.ABSENT:
                text = "the mailbox was removed; its address is reserved"
                found.append(Fact(RECEIVES, text, place(owner, ("state",))))
            elif owner.state == model.QUARANTINED:
                text = "the mailbox is quarantined: no login, mail is refused, stored mail is kept"
                found.append(Fact(RECEIVES, text, place(owner, ("state",))))
            if owner.kind == model.SEND_ONLY:
                text = "the mailbox only sends: mail for it is refused"
                found.append(Fact(RECEIVES, text, place(owner, ("kind",))))
        return found

    def _way(self, start: Thing) -> None:
        """Each step from the address to where its mail ends."""
        seen, queue = {id(start)}, [start]
        while queue:
            thing = queue.pop(0)
            if isinstance(thing, Mailbox) and thing.address in thing.delivery:
                self._ends_in(thing)
            for position, (address, below) in enumerate(targets(thing)):
                owner = self.routing.receiver(address)
                text = f"{_shown(thing)} -> {shown(address)}"
                if owner is None:
                    hosted = address.rpartition("@")[2] in self.accounts.domains
                    text += " (nobody has this address)" if hosted else " (outside)"
                    if not hosted:
                        self.found.outside.append(address)
                elif id(owner) in seen:
                    text += " (see above)"
                else:
                    seen.add(id(owner))
                    queue.append(owner)
                self._say(WAY, text, thing, (*below, position))

    def _ends_in(self, box: Mailbox) -> None:
        name = shown(box.address)
        if box.receives:
            self.found.mailboxes.append(box.address)
            unread = ", which is disabled: nobody reads it" if box.state == model.DISABLED else ""
            self._say(WAY, f"into the mailbox {name}{unread}", box, ("state",) if unread else ())
        else:
            why = "it only sends" if box.kind == model.SEND_ONLY else f"it is {box.state}"
            self._say(WAY, f"not into the mailbox {name}: {why}", box, ("state",))

    def _senders(self) -> None:
        """Who may send under the address."""
        for box, text, below in self._candidates():
            if reason := _cannot_send(box):
                text += f", but cannot: {reason}"
            self._say(SENDS, f"{shown(box.address)} {text}", box, below)
        if not self.found.of(SENDS):
            self._say(SENDS, "nobody may send under this address")

    def _candidates(self) -> Iterator[tuple[Mailbox, str, Path]]:
        owner = self.routing.owners.get(self.address)
        if isinstance(owner, Mailbox) and owner.state != model.ABSENT:
            own = owner.address == self.address
            if owner.kind != model.SHARED:
                path = () if own else ("aliases", owner.aliases.index(self.address))
                yield owner, "may, as it is its own address" if own else "may, as it is an address of it", path
            for agent, right in owner.agents.items():
                worker = self.routing.owners.get(agent)
                if isinstance(worker, Mailbox) and right == model.SEND:
                    yield (
                        worker,
                        f"may, as agent of {shown(owner.address)} ({self.accounts.place(owner, ('agents',))})",
                        (),
                    )
        for domain in self.accounts.domains.values():
            for box in domain.mailboxes:
                if self.address in box.send_as:
                    yield box, "may, by send_as", ("send_as", box.send_as.index(self.address))

    def _posters(self, group: Group) -> None:
        words = {
            model.ANYONE: "anyone may post",
            model.INTERNAL: "whoever is logged in may post",
            model.MEMBERS: "members may post",
            model.LISTED: f"these may post: {', '.join(map(shown, group.posters))}",
        }
        self._say(POSTS, words[group.post], None if group.post == model.ANYONE else group, ("posters",))

    def _mailbox(self, box: Mailbox) -> None:
        """What holds for mailboxes only."""
        self._login(box)
        if box.identity:
            below: tuple[Domain | Thing, Path] = (
                (box, ("identity",)) if self._has(box, "identity") else (self.domain, ("outgoing", "identity"))
            )
            self._say(IDENTITY, f"mail to the outside leaves under {shown(box.identity)}", *below)
        elif box.kind not in (model.SHARED, model.RECEIVE_ONLY):
            self._say(IDENTITY, f"mail to the outside leaves under {shown(box.address)}")
        if self._has(box, "quota"):
            self._say(QUOTA, f"{format_size(box.quota)}, its own", box, ("quota",))
        elif box.quota is not None:
            self._say(QUOTA, f"{format_size(box.quota)}, the domain's default", self.domain, ("defaults", "quota"))
        else:
            self._say(QUOTA, "unlimited, as neither the mailbox nor the domain says otherwise")

    def _login(self, box: Mailbox) -> None:
        if box.expires and box.expires <= self.today.isoformat():
            self._say(LOGIN, f"no: it expired on {box.expires}", box, ("expires",))
        elif box.state != model.ACTIVE:
            self._say(LOGIN, f"no: it is {box.state}", box, ("state",))
        elif box.kind == model.SHARED:
            agents = ", ".join(f"{shown(agent)} ({right})" for agent, right in box.agents.items())
            self._say(LOGIN, f"no login of its own; people who work with it: {agents or 'nobody'}", box, ("agents",))
        else:
            until = f"; until {box.expires}" if box.expires else ""
            services = ", ".join(sorted(box.services - {"antispam", "antivirus"}))
            self._say(LOGIN, f"yes: {services}{until}" if services else "no: it has no service to log in to", box)
        if box.hold:
            self._say(LOGIN, f"legal hold, so it is not removed: {box.hold}", box, ("hold",))

    def _has(self, box: Mailbox, name: str) -> bool:
        """Whether the mailbox's own lines say it."""
        node = self.accounts.documents[box.source].data
        for part in box.path:
            node = node.get(part, {})
        return name in node

    def _similar(self) -> list[str]:
        local, _at, host = self.address.rpartition("@")
        here = [name.rpartition("@")[0] for name in self.routing.owners if name.endswith(f"@{host}")]
        found = [f"{name}@{host}" for name in difflib.get_close_matches(local, here)]
        found += [f"{local}@{name}" for name in self.accounts.domains if f"{local}@{name}" in self.routing.owners]
        return [shown(address) for address in dict.fromkeys(found)][:5]


def _cannot_send(box: Mailbox) -> str:
    if box.kind == model.RECEIVE_ONLY:
        return "it only receives"
    if box.state != model.ACTIVE:
        return f"it is {box.state}"
    return "" if "submission" in box.services else "it has no submission service"


def _shown(thing: Thing) -> str:
    return f"catch-all of {domain_to_unicode(thing.domain)}" if is_catch_all(thing) else shown(thing.address)


def _kind(thing: Thing) -> str:
    if isinstance(thing, Mailbox):
        return "shared mailbox" if thing.kind == model.SHARED else "mailbox"
    return "group" if isinstance(thing, Group) else "catch-all" if is_catch_all(thing) else "alias"


def _named(thing: Thing) -> str:
    state = f"{thing.state} " if isinstance(thing, Mailbox) and thing.state != model.ACTIVE else ""
    name = f" ({thing.name})" if isinstance(thing, (Mailbox, Group)) else ""
    return f"the {state}{_kind(thing)}{name}"
