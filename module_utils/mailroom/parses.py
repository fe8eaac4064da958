# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse account files by way of a cache: YAML takes far longer than all else. Runs on the controller.

A parse is kept under the hash of the file's content and of the code. Files with anything that Ansible Vault hides are
parsed each time, and so are files with errors: a password in plain text is one.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import cache, loader
from .findings import Finding

VAULT = b"$ANSIBLE_VAULT;"
# A document unless it cannot be parsed, and what is wrong.
Parse = tuple[loader.Document | None, list[Finding]]


class Parses:
    """The parses of one call. What it found anew is kept once it is known which files have no errors."""

    def __init__(self, schema_file: str, decrypt: loader.Decrypt | None, kept: cache.Cache) -> None:
        # What another version of the code or of the schema made is not used.
        self.code = cache.digest(cache.code_digest().encode(), Path(schema_file).read_bytes()).encode()
        self._decrypt, self._kept = decrypt, kept
        self._new: dict[str, tuple[str, Any]] = {}

    def read(self, file: str, content: bytes) -> Parse:
        """Parse a file, or find it parsed."""
        if VAULT in content:
            return loader.parse(file, content, self._decrypt)
        name = f"{cache.digest(self.code, content)}.parsed"
        if found := self._kept.get(name):
            with suppress(ValueError):  # Whatever stands there, the file has the truth.
                return loader.Document(file, content.decode(), json.loads(found)), []
        document, findings = loader.parse(file, content)
        if document is not None and not findings:
            self._new[name] = file, document.data
        return document, findings

    def keep(self, with_errors: Collection[str]) -> None:
        """Keep what was parsed, but nothing of the files named."""
        for name, (file, data) in self._new.items():
            # YAML can say more than JSON; the schema refuses it.
            if file not in with_errors:
                with suppress(TypeError, ValueError):
                    self._kept.put(name, dense(data))
        if self._new:
            self._kept.tidy()
            self._new = {}


def dense(data: Any) -> bytes:
    """JSON without spaces, also of text that is no valid Unicode."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
