# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows a change in the directory: mailboxes ready, sessions ended, use counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import dovecot
from .entry import ACCOUNTS, ACTIVE, DISABLED, Entry, home
from .folders import missing
from .owner import acting_as
from .replica import Replica
from .settings import Settings, StoreError

UNKNOWN = "the directory replica of this host has no such mailbox"
KINDS = ("ready", "lock", "rename", "removed", "quota", "agents")


@dataclass
class Done:
    """What was done, or with `check` would be: `ready` were made or completed, `ended` has sessions by address,
    `usage` bytes by address, `failed` what could not be done and why."""

    ready: list[str] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    usage: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.ready or self.ended)


def _lacking(settings: Settings, entries: Iterable[Entry]) -> tuple[list[str], dict[str, str]]:
    """Return the addresses whose mailbox lacks something, and those that cannot be looked at, with the reason."""
    lacking, failed = [], {}
    with acting_as(settings.owner):
        for entry in entries:
            try:
                if missing(home(settings.mail_root, entry), settings.folders):
                    lacking.append(entry.address)
            except (OSError, StoreError) as error:
                failed[entry.address] = f"{error} (all mail belongs to {settings.owner})"
    return sorted(lacking), failed


def ready(settings: Settings, replica: Replica, addresses: Sequence[str], done: Done, check: bool = False) -> None:
    """Make sure that mailboxes exist with all special folders, for their owner, before anybody logs in."""
    found = replica.find(addresses)
    absent = [address for address in addresses if address.lower() not in found]
    if check:
        # Before the change is written, a new mailbox is not in the directory yet.
        done.ready += absent
    else:
        done.failed |= dict.fromkeys(absent, UNKNOWN)
    _complete(settings, found, done, check)


def _complete(settings: Settings, found: Mapping[str, Entry], done: Done, check: bool) -> None:
    """Make what mailboxes lack, by address."""
    lacking, failed = _lacking(settings, found.values())
    if check:
        done.ready = sorted({*done.ready, *lacking})
        return
    done.failed |= failed
    if not lacking:
        return
    said = dovecot.create(lacking, settings.folders)
    still, failed = _lacking(settings, [found[address] for address in lacking])
    for address in still:
        done.failed[address] = said.get(address, "Dovecot did not make all folders; see `journalctl -u dovecot`")
    done.failed |= failed
    done.ready += [address for address in lacking if address not in done.failed]


def lock(replica: Replica, addresses: Sequence[str], done: Done, check: bool = False) -> None:
    """End the sessions of mailboxes that may not log in any more; new ones the directory does not let in."""
    found = replica.find(addresses)
    closed = set()
    for address in map(str.lower, addresses):
        if address in found and found[address].state == ACTIVE and not check:
            done.failed[address] = (
                "it is active in the directory replica of this host: a new session could begin at once"
            )
        else:
            closed.add(address)
    done.ended |= _end(closed, check)


def lock_all(replica: Replica, done: Done, check: bool = False) -> None:
    """End every session of a mailbox that the directory knows and does not call active."""
    open_now = list(dovecot.sessions())
    closed = {entry.address for entry in replica.find(open_now).values() if entry.state != ACTIVE}
    done.ended |= _end(closed, check)


def reconcile(settings: Settings, replica: Replica, span: tuple[str, str], done: Done, check: bool = False) -> None:
    """Do what account runs that were cut off left undone, as far as the replica shows it.

    Sessions end of mailboxes that are not active or have no entry of this name any more, and mailboxes get what they
    lack. `span` has the numbers (contextCSN) of the first and the last change to look at; both may be "". What is newer
    may be the work of a run that is under way.
    """
    first, last = span
    sessions = dovecot.sessions()
    known = replica.find(list(sessions))
    closed = {name for name in sessions if name.lower() not in known}
    closed |= {entry.address for entry in known.values() if entry.state != ACTIVE and _until(entry, last)}
    done.ended |= _end(closed, check)
    found = {
        entry.address: entry
        for entry in replica.since(first)
        if entry.mark == ACCOUNTS and entry.state in (ACTIVE, DISABLED) and entry.address and entry.store
        if _until(entry, last)
    }
    _complete(settings, found, done, check)


def _until(entry: Entry, last: str) -> bool:
    return not last or entry.changed <= last


def _end(addresses: set[str], check: bool) -> dict[str, int]:
    if check:
        return {user: count for user, count in dovecot.sessions().items() if user in addresses}
    return dovecot.kick(addresses)


def usage(
    settings: Settings, replica: Replica, addresses: Sequence[str], done: Done, recalculate: bool = False
) -> None:
    """Find out what mailboxes hold; without addresses all. One that was never used holds 0 bytes."""
    entries = replica.find(addresses) if addresses else {entry.address: entry for entry in replica.all()}
    done.failed |= {address: UNKNOWN for address in addresses if address.lower() not in entries}
    there = []
    with acting_as(settings.owner):
        for address, entry in sorted(entries.items()):
            try:
                if (home(settings.mail_root, entry) / "Maildir").is_dir():
                    there.append(address)
                done.usage[address] = 0
            except StoreError as error:
                done.failed[address or entry.dn] = str(error)
    if recalculate and there:
        dovecot.recalculate(there)
    done.usage |= dovecot.usage(there)


def act(settings: Settings, replica: Replica, actions: Mapping[str, Any], check: bool = False) -> Done:
    """Do what follows an apply of account files. `actions` has lists of addresses by KINDS, `rename` pairs (old, new).

    A renamed mailbox keeps its folder, so only the sessions of its old name end; what agents may do is the directory's.
    Besides those named, sessions of mailboxes end that an interrupted run left open.
    """
    if unknown := sorted(set(actions) - set(KINDS)):
        raise StoreError(f"unknown actions: {', '.join(unknown)}; known are {', '.join(KINDS)}")
    done = Done()
    renames = [tuple(pair) for pair in actions.get("rename") or []]
    closed = [*(actions.get("lock") or []), *(actions.get("removed") or []), *(old for old, _new in renames)]
    lock(replica, closed, done, check)
    lock_all(replica, done, check)
    ready(settings, replica, [*(actions.get("ready") or []), *(new for _old, new in renames)], done, check)
    if counted := list(actions.get("quota") or []):
        usage(settings, replica, counted, done, recalculate=not check)
    return done
