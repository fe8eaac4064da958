# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a plan before anything is written: what goes beyond a measure must have been named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .addresses import domain_to_unicode
from .diff import Differ
from .directory import ADDRESS, ADMINISTRATOR, ALIAS, DOMAIN, GROUP, HOLD, MAILBOX, QUOTA, STATE, USER
from .dn import key as dn_key
from .dn import parent as dn_parent
from .lifecycle import canonical, is_mailbox, own_address, retired
from .limits import Allowed, Limits, lift
from .model import ACTIVE
from .plan import CREATE, DELETE, RENAME, RESERVATION, UPDATE, Entries, Refusal, Step
from .quantities import format_size
from .reuse import DOMAIN_NAME, Taking, grouped

__all__ = ["Allowed", "Case", "Limits", "Verdict", "hold_refusals", "judge"]

_PLURALS = {MAILBOX: "mailboxes", ALIAS: "aliases", GROUP: "groups"}


@dataclass(frozen=True)
class Case:
    """What the gates judge: steps between a live and a desired state, and what is known beside them.

    `usage` has the bytes that mailboxes use, by address; an address that is not in it is not known.
    """

    steps: Collection[Step]
    desired: Entries
    live: Entries
    differ: Differ
    takings: Collection[Taking]
    limits: Limits
    allowed: Allowed
    usage: Mapping[str, int]


@dataclass
class Verdict:
    """Why a plan must not be applied, and addresses (canonical) whose usage must be known to say more."""

    refusals: list[Refusal] = field(default_factory=list)
    needs_usage: set[str] = field(default_factory=set)


def judge(case: Case) -> Verdict:
    """Let all gates look at a plan."""
    verdict = Verdict()
    if case.steps:
        verdict.refusals += hold_refusals(case.steps, case.live)
        _removals(case, verdict)
        _quotas(case, verdict)
        verdict.refusals += _administrators(case)
        verdict.refusals += _reuse(case)
    return verdict


# holds


def hold_refusals(steps: Iterable[Step], live: Entries) -> Iterator[Refusal]:
    """Yield why mailboxes under legal hold must not be removed. No word lifts this."""
    for step in steps:
        reason = live[step.name].get(HOLD) if step.action == DELETE and step.kind == MAILBOX else None
        if reason:
            yield Refusal(
                f"{step.label} is on hold ({reason[0]}) and must not be removed.",
                "If the hold is over, bring its lines back without `hold`, apply that, and remove it then.",
            )


# removals


def _removals(case: Case, verdict: Verdict) -> None:
    removed: dict[str, list[Step]] = {}
    for step in _removed(case):
        removed.setdefault(step.group, []).append(step)
    if not removed:
        return
    present = _present(case, removed)
    inhabited = {dn_key(dn_parent(dn)) for dn in case.desired if is_mailbox(dn)}
    for domain, steps in sorted(removed.items()):
        if any(step.kind == DOMAIN for step in steps):
            _domain_goes(case, verdict, domain, steps, present)
        else:
            last = any(step.kind == MAILBOX and dn_key(dn_parent(step.name)) not in inhabited for step in steps)
            verdict.refusals += _count_refusal(case, domain, steps, present, "last" if last else "")


def _removed(case: Case) -> Iterator[Step]:
    """Removals that count: not the end of a reservation, nor an alias or group whose address lives on as another."""
    made = {step.label for step in case.steps if step.action in (CREATE, RENAME)}
    for step in case.steps:
        counts = step.kind in (MAILBOX, DOMAIN) or step.label not in made
        if step.action == DELETE and step.kind != RESERVATION and counts:
            yield step


def _present(case: Case, domains: Collection[str]) -> Counter[tuple[str, str]]:
    """The project's live objects in use, by (domain, kind), in some domains."""
    above = {dn_key(_domain_of(step)) for step in case.steps if step.group in domains}
    found: Counter[tuple[str, str]] = Counter()
    for dn, entry in case.live.items():
        if dn_key(dn_parent(dn)) in above and case.differ.ours(entry) and not retired(entry):
            shown = case.differ.describe(dn, entry)
            found[shown.group, shown.kind] += 1
    return found


def _domain_of(step: Step) -> str:
    return step.name if step.kind == DOMAIN else dn_parent(step.name)


def _count_refusal(
    case: Case, domain: str, steps: Iterable[Step], present: Mapping[tuple[str, str], int], special: str = ""
) -> Iterator[Refusal]:
    """Refuse removals that are many, or special (the last mailboxes, all of a domain), unless the number was named."""
    counts = Counter(step.kind for step in steps if step.kind != DOMAIN)
    reasons = []
    for kind, gone in counts.items():
        there, limits = present[domain, kind], case.limits
        over = gone > limits.many or (gone >= limits.few and gone > limits.share * there)
        if over or (special and kind == MAILBOX):
            reasons.append(f"{gone} of {there} {_PLURALS.get(kind, kind)}")
    named = {_spelling(name): count for name, count in case.allowed.removals.items()}
    if reasons and str(named.get(_spelling(domain))) != str(sum(counts.values())):
        whole = {"domain": "the domain and ", "last": "the last mailbox: "}.get(special, "")
        hint = lift("removals", {domain: sum(counts.values())})
        yield Refusal(f"{domain}: {whole}{' and '.join(reasons)} would be removed.", hint)


def _domain_goes(
    case: Case, verdict: Verdict, domain: str, steps: Collection[Step], present: Mapping[tuple[str, str], int]
) -> None:
    if _spelling(domain) in {_spelling(name) for name in case.allowed.domain_removals}:
        return
    boxes = [canonical(own_address(step.name)) for step in steps if step.kind == MAILBOX]
    usage = {canonical(address): size for address, size in case.usage.items()}
    unknown = [address for address in boxes if address not in usage]
    full = [address for address in boxes if usage.get(address, 0) > 0]
    verdict.needs_usage.update(unknown)
    if full or unknown:
        size = sum(usage[address] for address in full)
        mail = f"mail in {len(full)} mailboxes ({size} bytes)" if full else ""
        doubt = f"{len(unknown)} mailboxes of which the use of storage is unknown" if unknown else ""
        inside = " and ".join(part for part in (mail, doubt) if part)
        message = f"{domain}: the domain would be removed with {inside}."
        verdict.refusals.append(Refusal(message, lift("domain_removals", [domain])))
    else:
        verdict.refusals += _count_refusal(case, domain, steps, present, "domain")


# quotas


def _quotas(case: Case, verdict: Verdict) -> None:
    named = {canonical(address) for address in case.allowed.quota_below_use}
    usage = {canonical(address): size for address, size in case.usage.items()}
    unknown: dict[str, list[str]] = {}
    small: dict[str, list[tuple[str, str]]] = {}
    for step, size in _smaller_quotas(case.steps):
        # The mail host knows a mailbox by the address that it has had up to now.
        user = case.live[step.before].get(USER) or [own_address(step.before)]
        address, later = canonical(user[0]), canonical(own_address(step.name))
        if named & {address, later}:
            continue
        if address not in usage:
            verdict.needs_usage.add(address)
            unknown.setdefault(step.group, []).append(later)
        elif usage[address] > size:
            text = f"{later} ({format_size(size)}, and {usage[address]} bytes are used)"
            small.setdefault(step.group, []).append((later, text))
    for domain, found in small.items():
        message = f"{domain}: the quota would be less than what is used: {', '.join(text for _name, text in found)}."
        verdict.refusals.append(Refusal(message, lift("quota_below_use", [address for address, _text in found])))
    for domain, addresses in unknown.items():
        message = f"{domain}: usage unknown: the quota would shrink of {', '.join(addresses)}."
        verdict.refusals.append(Refusal(message, lift("quota_below_use", addresses)))


def _smaller_quotas(steps: Iterable[Step]) -> Iterator[tuple[Step, int]]:
    """Steps that shrink the quota of a mailbox, with the new quota in bytes."""
    for step in steps:
        if step.action in (UPDATE, RENAME) and step.kind == MAILBOX:
            for change in step.changes:
                if change.attribute == QUOTA and change.new:
                    new = int(change.new[0])
                    if not (change.old and change.old[0].isdecimal() and int(change.old[0]) <= new):
                        yield step, new


# administrators


def _administrators(case: Case) -> Iterator[Refusal]:
    """Domains that had an administrator who can work, and would have none."""
    named = {_spelling(name) for name in case.allowed.no_administrator}
    administered = {dn: entry for dn, entry in case.live.items() if ADMINISTRATOR in entry and case.differ.ours(entry)}
    if not administered:
        return
    before, after = _Workers(case.live), _Workers(_after(case))
    desired = {dn_key(dn): entry for dn, entry in case.desired.items() if not is_mailbox(dn)}
    for dn, entry in sorted(administered.items()):
        wanted, domain = desired.get(dn_key(dn)), case.differ.describe(dn, entry).label
        if wanted is None or _spelling(domain) in named:
            continue
        if before.any_of(entry[ADMINISTRATOR]) and not after.any_of(wanted.get(ADMINISTRATOR, ())):
            message = (
                f"{domain}: no administrator would be left who can log in (so far: {', '.join(entry[ADMINISTRATOR])})."
            )
            yield Refusal(message, lift("no_administrator", [domain]))


def _after(case: Case) -> Entries:
    """The entries that people may work with after the run: those desired, and those of others."""
    others = {dn: entry for dn, entry in case.live.items() if not case.differ.ours(entry)}
    return {**others, **case.desired}


class _Workers:
    """Who can work in a state of the directory: owners of active mailboxes, and anybody from outside."""

    def __init__(self, entries: Entries) -> None:
        self._names: set[str] = set()
        self._addresses: set[str] = set()
        for dn, entry in entries.items():
            self._names.update(value.lower() for value in entry.get(DOMAIN_NAME, ()))
            if is_mailbox(dn) and ACTIVE in entry.get(STATE, ()):
                self._addresses.update(map(str.lower, entry.get(ADDRESS, ())))

    def any_of(self, addresses: Iterable[str]) -> bool:
        return any(
            address.lower() in self._addresses or address.lower().rpartition("@")[2] not in self._names
            for address in addresses
        )


# addresses of other people


def _reuse(case: Case) -> Iterator[Refusal]:
    for found in grouped(case.takings, case.allowed.reuse).values():
        addresses = sorted({taking.address for taking in found})
        taker = found[0].taker
        reasons = "; ".join(f"{taking.address} {taking.why}" for taking in found)
        yield Refusal(f"{reasons}; it would go to {taker.kind} {taker.label}.", lift("reuse", addresses))


def _spelling(domain: str) -> str:
    try:
        return domain_to_unicode(domain)
    except ValueError:
        return domain
