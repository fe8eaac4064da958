# SPDX-License-Identifier: GPL-3.0-or-later
"""Single writes and transactions (RFC 5805) on a connection, around the faults of slapd 2.6.10 in them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ansible.module_utils.mailroom_ldap import DirectoryError, explain

from .mailroom.dn import key as dn_key
from .mailroom.dn import parent as dn_parent
from .mailroom.operation import ADD, MODIFY, MODRDN, REMOVE, Operation

try:
    import ldap
    import ldap.extop
    from ldap.controls import RequestControl
except ImportError:
    ldap = None  # The modules look at mailroom_ldap.IMPORT_ERROR before they come here.

# RFC 5805.
TXN_START, TXN_CONTROL, TXN_END = "1.3.6.1.1.21.1", "1.3.6.1.1.21.2", "1.3.6.1.1.21.3"
# draft-zeilenga-ldap-noop: the server does all but the write, and answers with NO_OPERATION.
NOOP_CONTROL, NO_OPERATION = "1.3.6.1.4.1.4203.666.5.2", 0x410E
# Seconds between the last answer and the end of a transaction; see _end().
SETTLE = 0.05


class Refused(DirectoryError):
    """The server took nothing of a transaction; `error` is what it answered, `operation` whose answer that was."""

    def __init__(self, error: Any, operation: Operation | None = None) -> None:
        super().__init__(reason(error))
        self.error, self.operation = error, operation


class Writer:
    """Writes through a connection of python-ldap."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def one(self, operation: Operation) -> None:
        """Do one write by itself. Raises DirectoryError with the server's words."""
        try:
            self._connection.result3(self._send(operation, None))
        except ldap.LDAPError as error:
            raise Refused(error, operation) from None

    def together(self, batch: Sequence[Operation]) -> None:
        """Do a batch in one transaction, or raise Refused."""
        self.commit(self.stage(batch))

    def stage(self, batch: Sequence[Operation]) -> bytes:
        """Tell the server a batch, and return the transaction that has it. Raises Refused: then there is none."""
        try:
            _name, identifier = self._connection.extop_s(ldap.extop.ExtendedRequest(TXN_START, None))
        except ldap.LDAPError as error:
            raise Refused(error) from None
        identifier = identifier or b""
        control = [RequestControl(TXN_CONTROL, True, identifier)]
        # One after the other: slapd works on pipelined requests in parallel, and so in any order.
        for operation in batch:
            try:
                self._connection.result3(self._send(operation, control))
            except ldap.LDAPError as error:
                self.abort(identifier)
                raise Refused(error, operation) from None
        return identifier

    def commit(self, identifier: bytes) -> None:
        """Have the server do a transaction. Raises Refused: then it did nothing of it."""
        try:
            self._end(identifier, commit=True)
        except ldap.LDAPError as error:
            raise Refused(error) from None

    def abort(self, identifier: bytes) -> None:
        """Have the server forget a transaction. One that is gone has forgotten it already."""
        with suppress(ldap.SERVER_DOWN):
            self._end(identifier, commit=False)

    def culprit(self, batch: Sequence[Operation], refused: Refused) -> tuple[Operation, str] | None:
        """Return which write of a refused batch the server does not like, and its words; None if that is not clear.

        Each is asked about without doing it. What only fails because the writes before it were not done
        (a new entry below another new one) is passed over.
        """
        new = {dn_key(operation.new_dn or operation.dn) for operation in batch if operation.action in (ADD, MODRDN)}
        control = [RequestControl(NOOP_CONTROL, True, None)]
        for operation in batch:
            try:
                self._connection.result3(self._send(operation, control))
            except ldap.LDAPError as error:
                if _code(error) == NO_OPERATION or _code(error) != _code(refused.error):
                    continue
                if not new & {dn_key(operation.dn), dn_key(dn_parent(operation.dn))} or _code(error) != _NO_SUCH:
                    return operation, reason(error)
        return None

    def _end(self, identifier: bytes, *, commit: bool) -> None:
        # slapd (2.6.10 at least) answers a request of a transaction before its thread lets go of it, and an
        # end that fails at once frees it. Without this pause one in ten failing transactions crashed slapd.
        time.sleep(SETTLE)
        value = (b"" if commit else b"\x01\x01\x00") + b"\x04" + _length(identifier) + identifier
        self._connection.extop_s(ldap.extop.ExtendedRequest(TXN_END, b"\x30" + _length(value) + value))

    def _send(self, operation: Operation, control: Any) -> Any:
        if operation.action == REMOVE:
            return self._connection.delete_ext(operation.dn, control)
        if operation.action == ADD:
            added = [(change.attribute, _bytes(change.new)) for change in operation.changes]
            return self._connection.add_ext(operation.dn, added, control)
        if operation.action == MODRDN:
            above = dn_parent(operation.new_dn)
            own = operation.new_dn[: len(operation.new_dn) - len(above)].rstrip(", ")
            moved = above if dn_key(above) != dn_key(dn_parent(operation.dn)) else None
            return self._connection.rename(operation.dn, own, moved, 1, control)
        assert operation.action == MODIFY  # noqa: S101  there are four kinds
        replaced = [(ldap.MOD_REPLACE, change.attribute, _bytes(change.new) or None) for change in operation.changes]
        return self._connection.modify_ext(operation.dn, replaced, control)


_NO_SUCH = 32


def reason(error: Any) -> str:
    """Return the server's words for an error, and a hint where it has none."""
    words = explain(error)
    if isinstance(error, ldap.CONSTRAINT_VIOLATION) and ":" not in words:
        words += ": an address in use elsewhere, or a value that the server's guards refuse"
    return words


def _code(error: Any) -> int:
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return int(details.get("result", 0))


def _length(value: bytes) -> bytes:
    """The BER length of a short value."""
    return bytes([len(value)])


def _bytes(values: Sequence[str]) -> list[bytes]:
    return [value.encode("utf-8", "surrogateescape") for value in values]
