# SPDX-License-Identifier: GPL-3.0-or-later
"""The command mailroom-store: arguments in, text or JSON and an exit code out."""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from . import archive, dovecot, locks, pipes, removal, work
from . import settings as configuration
from .entry import Entry, due, home, why_kept
from .owner import acting_as
from .replica import Replica, confirmed
from .settings import NotActive, Settings, StoreError

DONE, FAILED, REFUSED, NOT_ACTIVE = 0, 1, 3, 4
EXIT_CODES = (
    "exit codes: 0 done, 1 something could not be done and is named, 2 wrong call, 3 refused: nothing was done, "
    "4 not the active mail host"
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        settings = configuration.load(options.settings)
        if settings.lock_hostname:
            # For doveadm, whose locks a dead node may leave as well.
            os.environ[dovecot.HOSTNAME] = settings.lock_hostname
        code: int = options.run(settings, options)
        return code
    except StoreError as error:
        print(f"mailroom-store: {error}", file=sys.stderr)
        return NOT_ACTIVE if isinstance(error, NotActive) else REFUSED


# --- commands ---


def _check(settings: Settings, _options: argparse.Namespace) -> int:
    pipes.check_recipient(settings.archive_key)
    return DONE


def _active(settings: Settings, options: argparse.Namespace) -> int:
    _must_be_active(settings)
    return _say(options, {"active": True}, ["this host has the mail"])


def _ready(settings: Settings, options: argparse.Namespace) -> int:
    done = work.Done()
    work.ready(settings, _replica(settings), _addresses(options), done)
    return _report(options, done, [f"{address}: ready" for address in done.ready])


def _lock(settings: Settings, options: argparse.Namespace) -> int:
    done, replica = work.Done(), _replica(settings)
    if options.all:
        work.lock_all(replica, done)
    else:
        work.lock(replica, _addresses(options), done)
    return _report(options, done, [f"{address}: {count} sessions ended" for address, count in done.ended.items()])


def _usage(settings: Settings, options: argparse.Namespace) -> int:
    done = work.Done()
    addresses = _addresses(options)
    if options.recalculate and not addresses:
        raise StoreError("name the mailboxes whose quota is to be counted anew")
    work.usage(settings, _replica(settings), addresses, done, recalculate=options.recalculate)
    return _report(options, done, [f"{size:>15} {address}" for address, size in done.usage.items()])


def _act(settings: Settings, options: argparse.Namespace) -> int:
    try:
        actions = json.load(sys.stdin)
    except ValueError as error:
        raise StoreError(f"standard input is not JSON: {error}") from error
    replica = _replica(settings)
    if options.csn and not options.check:
        replica.wait(options.csn, options.timeout)
    done = work.act(settings, replica, actions, options.check)
    return _report(options, done, [])


def _reconcile(settings: Settings, options: argparse.Namespace) -> int:
    replica = _replica(settings)
    here = list(replica.context().values())
    # Numbers of changes begin with their time.
    before = _now() - timedelta(seconds=options.settled)
    last = f"{before:%Y%m%d%H%M%S}.000000Z#000000#000#000000" if options.settled else ""
    # Where several servers take writes there is no one order of changes, so all is looked at each time.
    alone = len(here) == 1
    done = work.Done()
    work.reconcile(settings, replica, (_read(options.mark) if alone else "", last), done, options.check)
    if options.mark and alone and not options.check and not done.failed:
        _keep(options.mark, min(here[0], last or here[0]))
    lines = [f"{address}: {count} sessions ended" for address, count in done.ended.items()]
    return _report(options, done, [*lines, *(f"{address}: ready" for address in done.ready)])


def _locks(settings: Settings, options: argparse.Namespace) -> int:
    _must_be_active(settings)
    since = dovecot.started()
    with acting_as(settings.owner):
        try:
            removed = locks.remove(settings.mail_root, since)
        except OSError as error:
            raise StoreError(f"{error.filename}: {error.strerror}") from error
    lines = [f"{path}: removed, its owner is no more" for path in removed]
    return _say(options, {"removed": [str(path) for path in removed]}, lines)


def _archive(settings: Settings, options: argparse.Namespace) -> int:
    # Before the lock: a host that does not have the store must not make the folder of archives in its place.
    _must_be_active(settings)
    with _alone(settings):
        entry = _entry(settings, options.address)
        made, _before = archive.write(settings, entry, home(settings.mail_root, entry), _now())
    return _say(
        options, made.manifest | {"archive": str(made.path)}, [f"{made.path}: {made.manifest['messages']} messages"]
    )


def _purge(settings: Settings, options: argparse.Namespace) -> int:
    replica = _replica(settings)
    entries = replica.all()
    with _alone(settings):
        tidied = [] if options.dry_run else removal.tidy(settings) + archive.tidy(settings.archive_dir)
        going = [entry for entry in due(entries, options.today) if home(settings.mail_root, entry).exists()]
        # A replica may lag behind, so the provider has the last word. It is needed only on days when something goes.
        provider = replica.provider() if going else None
        purged: dict[str, str] = {}
        failed: dict[str, str] = {}
        for entry in going:
            try:
                if reason := confirmed(entry, provider, why_kept, options.today):
                    raise StoreError(f"its mail stays: {reason}")
                purged[entry.address] = "" if options.dry_run else str(removal.purge(settings, entry, _now()).path)
            except StoreError as error:
                failed[entry.address] = str(error)
        held = {entry.uuid for entry in entries if entry.hold}
        old = archive.expired(archive.known(settings.archive_dir), settings.archive_days, options.today, held)
        for each in old if not options.dry_run else []:
            archive.delete(each)
    dropped = [str(each.path) for each in old]
    word = "would be purged" if options.dry_run else "purged, archived in"
    lines = [*tidied, *(f"{address}: {word} {path}".rstrip() for address, path in purged.items())]
    lines += [f"{path}: older than {settings.archive_days} days" for path in dropped]
    data = {"purged": purged, "failed": failed, "archives_expired": dropped, "tidied": tidied}
    return _say(options, data, lines, failed)


def _restore(settings: Settings, options: argparse.Namespace) -> int:
    _must_be_active(settings)
    with _alone(settings):
        entry = _entry(settings, options.address)
        source = removal.choose(archive.known(settings.archive_dir), entry, options.archive)
        number, into = removal.restore(settings, entry, source, _identity(options.identity), merge=options.merge)
    where = f" into folders below {into!r}" if into else ""
    return _say(
        options,
        {"address": entry.address, "archive": str(source.path), "messages": number, "folder": into},
        [f"{entry.address}: {number} messages brought back from {source.path.name}{where}"],
    )


def _list(settings: Settings, options: argparse.Namespace) -> int:
    archives = archive.known(settings.archive_dir)
    rows: list[dict[str, Any]] = []
    quarantined = _replica(settings).quarantined()
    for entry in sorted(quarantined, key=lambda each: each.address):
        row = {key: getattr(entry, key) for key in ("address", "name", "store", "removed", "purge", "hold")}
        row["mail"] = home(settings.mail_root, entry).is_dir()
        row["archives"] = [each.path.name for each in archives if each.manifest["address"] == entry.address]
        rows.append(row)
    listed = {row["address"] for row in rows}
    others = [
        {"archive": each.path.name, **each.manifest} for each in archives if each.manifest["address"] not in listed
    ]
    lines = []
    for row in rows:
        dates = f"removed {row['removed'] or '-'}, purge {row['purge'] or 'never'}"
        state = "mail is there" if row["mail"] else "no mail"
        lines.append(f"{row['address']}: {dates}, {state}" + (f", legal hold: {row['hold']}" if row["hold"] else ""))
        lines += [f"    {name}" for name in row["archives"]]
    lines += [f"{other['address']}: not quarantined\n    {other['archive']}" for other in others]
    return _say(options, {"quarantined": rows, "archives": others}, lines)


# --- what they share ---


def _must_be_active(settings: Settings) -> None:
    if settings.mount_point and not os.path.ismount(settings.mount_point):
        raise NotActive(f"not the active mail host: nothing is mounted at {settings.mount_point}")
    if not settings.mail_root.is_dir() or not dovecot.is_running():
        raise NotActive(f"not the active mail host: {settings.mail_root} or a running Dovecot is missing")


def _replica(settings: Settings) -> Replica:
    """The replica, on the active mail host and complete: nothing is done on less."""
    _must_be_active(settings)
    replica = Replica(settings.base)
    replica.must_be_complete()
    return replica


def _entry(settings: Settings, address: str) -> Entry:
    entry = _replica(settings).find([address]).get(address.lower())
    if entry is None:
        raise StoreError(f"{address}: {work.UNKNOWN}")
    return entry


def _addresses(options: argparse.Namespace) -> list[str]:
    if options.addresses == ["-"]:
        return sys.stdin.read().split()
    return list(options.addresses)


def _identity(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text() if name else ""
    except (OSError, ValueError) as error:
        raise StoreError(f"{name}: the private key cannot be read: {error}") from error


def _read(mark: Path | None) -> str:
    """The number of the change up to which all was seen; "" if that is not known."""
    try:
        text = mark.read_text().strip() if mark else ""
    except (OSError, ValueError):
        return ""
    return text if re.fullmatch(r"\d{14}\.\d{6}Z#[0-9a-f]{6}#[0-9a-f]{3}#[0-9a-f]{6}", text) else ""


def _keep(mark: Path, csn: str) -> None:
    try:
        mark.write_text(f"{csn}\n")
    except OSError as error:
        raise StoreError(f"{mark}: {error}") from error


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Only one of purge, archive and restore at a time. The lock lies with the archives, which move with a cluster."""
    with (archive.folder(settings) / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError("another archive, purge or restore is running; try again when it is done") from None
        yield


def _report(options: argparse.Namespace, done: work.Done, lines: list[str]) -> int:
    return _say(options, {**dataclasses.asdict(done), "changed": done.changed}, lines, done.failed)


def _say(
    options: argparse.Namespace, data: dict[str, Any], lines: list[str], failed: dict[str, str] | None = None
) -> int:
    if options.json:
        print(json.dumps(data, ensure_ascii=False))
    else:
        print(*lines, sep="\n", end="\n" if lines else "")
    for address, reason in (failed or {}).items():
        print(f"mailroom-store: {address}: {reason}", file=sys.stderr)
    return FAILED if failed else DONE


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)") from None


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print the result as JSON")
    parser = argparse.ArgumentParser(
        prog="mailroom-store", description="What happens to mailboxes on the mail host.", epilog=EXIT_CODES
    )
    parser.add_argument("--settings", type=Path, default=configuration.FILE, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str, more: str = "") -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, parents=[shared], help=text, description=f"{text}. {more}".strip(), epilog=EXIT_CODES
        )
        made.set_defaults(run=run)
        return made

    command("check", _check, "Read the settings, say what is wrong with them, and do nothing")
    command("active", _active, "Say whether this host has the mail, and Dovecot runs on it")
    made = command("ready", _ready, "Make mailboxes and their special folders where they are missing")
    made.add_argument("addresses", nargs="+", metavar="ADDRESS", help="mailboxes, or - for a list on standard input")
    made = command(
        "lock",
        _lock,
        "End the sessions of mailboxes that may not log in",
        "Whether they may is the directory's business: an active mailbox is refused.",
    )
    which = made.add_mutually_exclusive_group(required=True)
    which.add_argument("addresses", nargs="*", metavar="ADDRESS", default=[], help="mailboxes, or - for standard input")
    which.add_argument("--all", action="store_true", help="every mailbox with a session that is not active")
    made = command("usage", _usage, "Show what mailboxes hold, in bytes", "Without addresses: all mailboxes.")
    made.add_argument("addresses", nargs="*", metavar="ADDRESS")
    made.set_defaults(recalculate=False)
    made = command("quota", _usage, "Count anew what mailboxes hold, and show it")
    made.add_argument("addresses", nargs="+", metavar="ADDRESS")
    made.set_defaults(recalculate=True)
    made = command("act", _act, "Do what follows a change of accounts, given as JSON on standard input")
    made.add_argument("--csn", default="", help="first wait until the replica has this change")
    made.add_argument("--timeout", type=float, default=60, help="seconds to wait at most (60)")
    made.add_argument("--check", action="store_true", help="only say what would be done")
    made = command(
        "reconcile",
        _reconcile,
        "Do what account runs that were cut off left undone: sessions that should have ended, mailboxes not ready",
        "Finds it in the replica of this host. A timer does this.",
    )
    made.add_argument(
        "--settled", type=int, default=0, metavar="SECONDS", help="leave alone what changed in the last seconds (0)"
    )
    made.add_argument("--mark", type=Path, metavar="FILE", help="keep how far this came, and begin there the next time")
    made.add_argument("--check", action="store_true", help="only say what would be done")
    command(
        "locks",
        _locks,
        "Remove locks in mailboxes that are older than the running Dovecot",
        "Whoever took them is gone, with its host or before. Each start of Dovecot does this.",
    )
    made = command("archive", _archive, "Archive a mailbox; its mail stays")
    made.add_argument("address", metavar="ADDRESS")
    made = command(
        "purge",
        _purge,
        "Archive and delete the mail of removed mailboxes whose purge date has come",
        "Only entries that are quarantined, have a purge date that has come, and no legal hold; the provider "
        "is asked too. "
        "Then archives are deleted that are older than the role's dovecot_archive_days.",
    )
    made.add_argument("--dry-run", action="store_true", help="only say what would go")
    made.add_argument(
        "--today", type=_date, default=_now().date(), metavar="YYYY-MM-DD", help="judge as on another day (UTC)"
    )
    made = command("restore", _restore, "Bring the mail of an archive back into a mailbox that is there again")
    made.add_argument("address", metavar="ADDRESS")
    made.add_argument("archive", nargs="?", default="", metavar="ARCHIVE", help="default: the newest of this mailbox")
    made.add_argument("--merge", action="store_true", help="into folders of their own, if the mailbox is in use")
    made.add_argument("--identity", default="", metavar="FILE", help="private key of an encrypted archive; - is stdin")
    command("list", _list, "Show quarantined mailboxes with their dates, and all archives")
    return parser
