# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply plans to the directory in transactions (RFC 5805), around the faults of slapd 2.6.10 in them."""

from __future__ import annotations

import time

from ansible.module_utils.mailroom_ldap import DirectoryError, Session, explain

from .mailroom.dn import key as dn_key
from .mailroom.dn import parent as dn_parent
from .mailroom.operations import ADD, MODIFY, REMOVE, operations

try:
    import ldap
    import ldap.extop
    from ldap.controls import RequestControl
except ImportError:
    ldap = None  # The modules look at mailroom_ldap.IMPORT_ERROR before they come here.

# RFC 5805.
TXN_START, TXN_CONTROL, TXN_END = "1.3.6.1.1.21.1", "1.3.6.1.1.21.2", "1.3.6.1.1.21.3"
# Larger transactions get slower again: one of 50,000 took longer than 50,000 single writes.
BATCH = 1000
# Seconds between the last answer and the end of a transaction; see _end().
SETTLE = 0.05


class Directory:
    """The directory as the local root identity sees it (SASL EXTERNAL over the server's socket)."""

    def __init__(self, uri):
        """Connect. Raises DirectoryError if no server answers there or it does not know us."""
        try:
            self._session = Session(uri).connect()
        except DirectoryError as error:
            raise DirectoryError(f"{error}. Is slapd running here, and does this run as root?") from None
        self._connection = self._session.raw
        self.transactions = TXN_START in self._root_values("supportedExtension")
        self._known = set()

    def _root_values(self, attribute):
        return (self.entry("", [attribute]) or {}).get(attribute, [])

    def read(self, base, attributes):
        """Return {DN: {attribute: [values]}} of all entries below `base`, without `base` itself.

        Raises DirectoryError if `base` is not there or not everything may be read.
        """
        found = self._session.read(base, attributes=attributes)
        if not found:
            raise DirectoryError(f"{base} is not in the directory: run the openldap role first")
        own = dn_key(base)
        entries = {dn: entry for dn, entry in found.items() if dn_key(dn) != own}
        self._known.update(attribute.lower() for entry in entries.values() for attribute in entry)
        return entries

    def entry(self, dn, attributes):
        """Return one entry ({attribute: [values]}), or None if it is not there."""
        return next(iter(self._session.read(dn, "base", attributes=attributes).values()), None)

    def apply(self, plan, unique=""):
        """Write what the plan says. Returns the number of writes.

        Creations and updates come first, up to BATCH of them in one transaction. Removals follow, one by one,
        because slapd 2.6.10 cannot remove the last entry below another within a transaction (ITS#10304).
        A run that stops half-way is completed by another. Raises DirectoryError naming the object that was refused.
        """
        todo = operations(plan, unique)
        together = [operation for operation in todo if operation.action != REMOVE]
        single = [operation for operation in todo if operation.action == REMOVE]
        if not self.transactions:
            together, single = [], todo
        if together:
            self._introduce(together, unique)
        for start in range(0, len(together), BATCH):
            batch = together[start : start + BATCH]
            try:
                self._transaction(batch)
            except ldap.LDAPError:
                # slapd (2.6.10 at least) takes a failed transaction back itself, but its replicas may keep what they
                # heard of it: a mailbox that is missing there would have its mail refused. Written one by one, the
                # same changes reach the replicas as they should, and the one that is refused has a name.
                self._one_by_one(batch, start)
        self._one_by_one(single, len(together))
        return len(todo)

    def _one_by_one(self, todo, done):
        """Write without a transaction; `done` is how many writes were made before."""
        for number, operation in enumerate(todo, done):
            try:
                self._connection.result3(self._send(operation, None))
            except ldap.LDAPError as error:
                raise DirectoryError(f"{operation.label}: {_reason(error)}; {_kept(number)}") from None

    def _introduce(self, todo, unique):
        """Have the database know all attributes before a transaction uses them.

        When a transaction fails, slapd (2.6.10 at least) forgets on disk but not in memory the attributes
        that were new to the database, and entries written later with them cannot be read any more. An entry
        that is made and removed outside of any transaction prevents that.
        """
        changes = {change.attribute: change for operation in todo for change in operation.changes if change.new}
        new = {name: change for name, change in changes.items() if not self._is_known(name, todo[0].dn)}
        if not new:
            return
        base = self._context(todo[0].dn)
        values = {name: _bytes(change.new) for name, change in new.items() if name.lower() != "objectclass"}
        if unique in values:
            values[unique] = [b"introduction@removed.invalid"]
        values["cn"] = [*values.get("cn", []), b"introduction"]
        values["objectClass"] = [b"organizationalRole", b"extensibleObject"]
        try:
            self._connection.add_s(f"cn=introduction,{base}", list(values.items()))
            self._connection.delete_s(f"cn=introduction,{base}")
        except ldap.LDAPError as error:
            raise DirectoryError(f"cannot prepare the database: {_reason(error)}; nothing was written") from None
        self._known.update(name.lower() for name in new)

    def _is_known(self, attribute, dn):
        """Whether some entry of the database has the attribute."""
        if attribute.lower() not in self._known:
            try:
                arguments = (self._context(dn), ldap.SCOPE_SUBTREE, f"({attribute}=*)", ["1.1"])
                found = self._connection.search_ext_s(*arguments, sizelimit=1)
            except ldap.SIZELIMIT_EXCEEDED:
                found = True
            if found:
                self._known.add(attribute.lower())
        return attribute.lower() in self._known

    def _context(self, dn):
        """The suffix of the database that holds a DN."""
        contexts = self._root_values("namingContexts")
        return next((context for context in contexts if dn_key(dn).endswith(dn_key(context))), dn_parent(dn))

    def _transaction(self, batch):
        """Do a batch in one transaction."""
        _name, identifier = self._connection.extop_s(ldap.extop.ExtendedRequest(TXN_START, None))
        identifier = identifier or b""
        control = [RequestControl(TXN_CONTROL, True, identifier)]
        try:
            # One after the other: slapd works on pipelined requests in parallel, and so in any order.
            for operation in batch:
                self._connection.result3(self._send(operation, control))
        except ldap.LDAPError:
            self._end(identifier, commit=False)
            raise
        self._end(identifier, commit=True)

    def _end(self, identifier, *, commit):
        # slapd (2.6.10 at least) answers a request of a transaction before its thread lets go of it, and an
        # end that fails at once frees it. Without this pause one in ten failing transactions crashed slapd.
        time.sleep(SETTLE)
        value = (b"" if commit else b"\x01\x01\x00") + b"\x04" + _length(identifier) + identifier
        self._connection.extop_s(ldap.extop.ExtendedRequest(TXN_END, b"\x30" + _length(value) + value))

    def _send(self, operation, control):
        if operation.action == REMOVE:
            return self._connection.delete_ext(operation.dn, control)
        if operation.action == ADD:
            added = [(change.attribute, _bytes(change.new)) for change in operation.changes]
            return self._connection.add_ext(operation.dn, added, control)
        assert operation.action == MODIFY  # noqa: S101  there are three kinds
        replaced = [(ldap.MOD_REPLACE, change.attribute, _bytes(change.new) or None) for change in operation.changes]
        return self._connection.modify_ext(operation.dn, replaced, control)


def _kept(count):
    return f"{count} writes before it were kept" if count else "nothing was written"


def _length(value):
    """The BER length of a short value."""
    return bytes([len(value)])


def _bytes(values):
    return [value.encode("utf-8", "surrogateescape") for value in values]


def _reason(error):
    """The server's words for an error, and a hint where it has none."""
    words = explain(error)
    if isinstance(error, ldap.CONSTRAINT_VIOLATION) and ":" not in words:
        words += ": an address in use elsewhere, or a value that the server's guards refuse"
    return words
