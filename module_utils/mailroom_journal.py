# SPDX-License-Identifier: GPL-3.0-or-later
"""Remember which entries a transaction is about, and make the replicas equal again after one that failed.

When slapd (2.6.10 at least) takes a transaction back, or dies while it is committed, nothing of it stays on the
provider, but a connected replica may keep what it heard of it: new entries, changed values, old names. There is
no undo for that, but plain syncrepl sends a whole entry when it changes. So each entry that is there is written once
more with a value that it has, and each that is not is made for a moment and removed: the replica then has it, or has
it not, as the provider does. The journal is on disk before a commit begins, so that a run that is killed in
between leaves word for the next one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from ansible.module_utils.mailroom_ldap import DirectoryError, Session

from .mailroom.dn import depth as dn_depth
from .mailroom.dn import parent as dn_parent
from .mailroom.dn import split as dn_split
from .mailroom.operation import Operation

# Structural classes that need no more than the attribute in their name.
_STUBS = {"uid": "account", "cn": "organizationalRole", "ou": "organizationalUnit"}
# No entry of accounts has these alone.
_STUB_CLASSES = {name.lower() for name in _STUBS.values()}


class Journal:
    """The file that names the entries of a transaction between its begin and its end."""

    def __init__(self, file: str) -> None:
        self._file = file

    def begin(self, batch: Iterable[Operation]) -> None:
        """Note, safely on disk, what a commit is about to touch."""
        names = {name for operation in batch for name in (operation.dn, operation.new_dn) if name}
        temporary = f"{self._file}.new"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
            json.dump(sorted(names), stream, ensure_ascii=False)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self._file)

    def end(self) -> None:
        """Forget it: provider and replicas agree."""
        if os.path.exists(self._file):
            os.unlink(self._file)

    def read(self) -> list[str]:
        """The DNs of a transaction that was not ended."""
        try:
            with open(self._file, encoding="utf-8", errors="surrogateescape") as stream:
                return [str(name) for name in json.load(stream)]
        except FileNotFoundError:
            return []
        except ValueError:
            hint = "compare the replicas with this host, then remove it"
            raise DirectoryError(f"{self._file} is damaged: {hint}") from None

    def repair(self, session: Session) -> int:
        """Make the replicas equal again after a transaction that was not ended. Returns the number of writes."""
        made: list[str] = []
        writes = 0
        try:
            for name in sorted(self.read(), key=dn_depth):
                found = session.read(name, "base", attributes=("objectClass",))
                classes = next(iter(next(iter(found.values())).values())) if found else []
                # One that a repair before this one made and could not remove is removed now.
                if _stub(session, name) if not found else _STUB_CLASSES.issuperset(map(str.lower, classes)):
                    made.append(name)
                elif found:
                    session.modify(name, [("replace", "objectClass", classes)])
                    writes += 1
        finally:
            for name in reversed(made):
                session.delete(name)
        self.end()
        return writes + 2 * len(made)


def _stub(session: Session, name: str) -> bool:
    """Make an entry that says nothing, unless even its parent is not there."""
    if not session.read(dn_parent(name), "base", attributes=("1.1",)):
        return False
    attribute, value = dn_split(name)[0]
    session.add(name, [("objectClass", [_STUBS[attribute]]), (attribute, [value])])
    return True
