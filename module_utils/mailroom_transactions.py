# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a plan to the directory, in transactions where the server has them (RFC 5805)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible.module_utils.mailroom_directory import Directory
from ansible.module_utils.mailroom_ldap import DirectoryError, Session
from ansible.module_utils.mailroom_pipeline import Failed, committed
from ansible.module_utils.mailroom_writes import TXN_START, Refused, Writer

from .mailroom.batches import divide
from .mailroom.directory import ADDRESS
from .mailroom.operation import ADD, MODRDN, REMOVE, Operation
from .mailroom.operations import GUARDED, operations
from .mailroom.plan import Change, Plan

try:
    import ldap
except ImportError:
    ldap = None  # The modules look at mailroom_ldap.IMPORT_ERROR before they come here.


class Writes:
    """Writes to a directory that was read."""

    def __init__(self, directory: Directory) -> None:
        self._directory, self._session, self._journal = directory, directory.session, directory.journal
        self._known, self._children = directory.known, directory.children
        self._write = Writer(self._session.raw)
        self._transactions = TXN_START in directory.root_values("supportedExtension")

    def apply(self, plan: Plan) -> int:
        """Write what the plan says, after read(). Returns the number of writes.

        Up to 2,000 writes are one transaction, more of them several (see batches.py for what is not). If one is
        refused, nothing of it stays, here or on the replicas, and what was done before is kept: a run that stops
        half-way is completed by another. Raises DirectoryError naming the object that was refused.
        """
        todo = operations(plan)
        # One write is whole or not at all by itself.
        if not self._transactions or len(todo) == 1:
            self._one_by_one(todo, 0)
            return len(todo)
        work = divide(todo, self._children)
        if any(len(batch) > 1 for batch in work.together):
            self._introduce(todo)
        back = self._reversibly(work.before)
        done = len(back)
        if len(work.together) == 1:
            batch = work.together[0]
            try:
                self._transaction(batch)
            except Refused as refused:
                done -= self._take_back(back)
                raise DirectoryError(f"{self._blame(batch, refused)}; {_kept(done)}") from None
            done += len(batch)
        elif work.together:
            done = self._in_turn(work.together, done)
        self._one_by_one(work.after, done)
        return len(todo)

    def _in_turn(self, together: Sequence[Sequence[Operation]], done: int) -> int:
        """Do several transactions. `done` writes were made before; returns how many were made in all."""
        begin = self._journal.begin if self._journal else lambda batch: None
        with Session(self._directory.session.uri) as other:
            try:
                for batch in committed(together, (self._write, Writer(other.raw)), begin):
                    done += len(batch)
            except Failed as failed:
                if failed.tried:
                    self._mend(failed.refused)
                raise DirectoryError(f"{self._blame(failed.batch, failed.refused)}; {_kept(done)}") from None
        if self._journal:
            self._journal.end()
        return done

    def _one_by_one(self, todo: Sequence[Operation], done: int) -> None:
        """Write without a transaction; `done` writes were made before."""
        for number, operation in enumerate(todo, done):
            try:
                self._write.one(operation)
            except Refused as refused:
                raise DirectoryError(f"{operation.label}: {refused}; {_kept(number)}") from None

    def _reversibly(self, todo: Sequence[Operation]) -> list[Operation]:
        """Write without a transaction, all or nothing. Returns the writes that would take it back, last first."""
        back: list[Operation] = []
        for operation in todo:
            undo = self._undo(operation)
            try:
                self._write.one(operation)
            except Refused as refused:
                kept = len(back) - self._take_back(back)
                raise DirectoryError(f"{operation.label}: {refused}; {_kept(kept)}") from None
            back.insert(0, undo)
        return back

    def _undo(self, operation: Operation) -> Operation:
        if operation.action == ADD:
            return replace(operation, action=REMOVE, changes=())
        if operation.action == MODRDN:
            return replace(operation, dn=operation.new_dn, new_dn=operation.dn)
        there = self._directory.entry(operation.dn, [change.attribute for change in operation.changes]) or {}
        old = {name.lower(): tuple(values) for name, values in there.items()}
        changes = (change._replace(new=old.get(change.attribute.lower(), ())) for change in operation.changes)
        return replace(operation, changes=tuple(changes))

    def _take_back(self, back: Sequence[Operation]) -> int:
        """Undo single writes. Returns how many were taken back."""
        for count, operation in enumerate(back):
            try:
                self._write.one(operation)
            except Refused:
                return count  # The server is gone. Moved entries work as before; the next run goes on from there.
        return len(back)

    def _transaction(self, batch: Sequence[Operation]) -> None:
        if len(batch) == 1:
            self._write.one(batch[0])
            return
        if self._journal:
            self._journal.begin(batch)
        try:
            self._write.together(batch)
        except Refused as refused:
            self._mend(refused)
            raise
        if self._journal:
            self._journal.end()

    def _mend(self, refused: Refused) -> None:
        """Make replicas equal after a transaction that the server took back."""
        # A server that is gone is asked again by the next run, which finds the journal.
        if self._journal and not isinstance(refused.error, ldap.SERVER_DOWN):
            self._journal.repair(self._session)

    def _blame(self, batch: Sequence[Operation], refused: Refused) -> str:
        if isinstance(refused.error, ldap.SERVER_DOWN):
            return f"{refused} (the server went away; run again when it is back)"
        if refused.operation:
            return f"{refused.operation.label}: {refused}"
        found = self._write.culprit(batch, refused)
        if found:
            return f"{found[0].label}: {found[1]}"
        shown = ", ".join(dict.fromkeys(operation.label for operation in batch[:5]))
        return f"one of {len(batch)} writes ({shown}{', ...' if len(batch) > 5 else ''}): {refused}"

    def _introduce(self, todo: Sequence[Operation]) -> None:
        """Have the database know all attributes before a transaction uses them.

        When a transaction fails, slapd (2.6.10 at least) forgets on disk but not in memory the attributes
        that were new to the database, and entries written later with them cannot be read any more. An entry
        that is made and removed outside of any transaction prevents that.
        """
        changes: dict[str, Change] = {}
        for operation in todo:
            for change in operation.changes:
                if change.new and change.attribute not in changes:
                    changes[change.attribute] = change
        new = {name: change for name, change in changes.items() if not self._is_known(name, todo[0].dn)}
        if not new:
            return
        name = f"cn=introduction,{self._directory.context(todo[0].dn)}"
        values = {name: list(change.new) for name, change in new.items() if name.lower() != "objectclass"}
        # Values that another entry may still have.
        for attribute in values.keys() & GUARDED.keys():
            values[attribute] = [(GUARDED[attribute] or GUARDED[ADDRESS]) % "introduction"]
        values["cn"] = [*values.get("cn", []), "introduction"]
        values["objectClass"] = ["organizationalRole", "extensibleObject"]
        try:
            if self._directory.entry(name, ["1.1"]) is not None:
                self._session.delete(name)  # A run was killed between the next two lines.
            self._session.add(name, values.items())
            self._session.delete(name)
        except DirectoryError as error:
            raise DirectoryError(f"cannot prepare the database: {error}; nothing was written") from None
        self._known.update(attribute.lower() for attribute in new)

    def _is_known(self, attribute: str, dn: str) -> bool:
        """Whether some entry of the database has the attribute."""
        if attribute.lower() not in self._known:
            try:
                arguments = (self._directory.context(dn), ldap.SCOPE_SUBTREE, f"({attribute}=*)", ["1.1"])
                found = bool(self._session.raw.search_ext_s(*arguments, sizelimit=1))
            except ldap.SIZELIMIT_EXCEEDED:
                found = True
            if found:
                self._known.add(attribute.lower())
        return attribute.lower() in self._known


def _kept(count: int) -> str:
    return f"{count} writes before it were kept" if count else "nothing was written"
