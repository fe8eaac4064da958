# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Dovecot keeps a folder in Maildir++, as the role configures it (separator /, escape character ^)."""

from __future__ import annotations

import base64
import itertools
from pathlib import Path

ESCAPE = "^"


def storage_name(folder: str) -> str:
    """Return the name on disk without its leading dot: modified UTF-7 (RFC 3501, 5.1.3), dots escaped."""
    parts = []
    for plain, characters in itertools.groupby(folder, key=lambda c: " " <= c <= "~"):
        text = "".join(characters)
        if plain:
            text = text.replace("&", "&-").replace(ESCAPE, "^5e").replace(".", "^2e").replace("/", ".")
            parts.append(text)
        else:
            packed = base64.b64encode(text.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
            parts.append(f"&{packed}-")
    name = "".join(parts)
    # A leading ~ would be somebody's home.
    return f"^7e{name[1:]}" if name.startswith("~") else name


def missing(home: Path, folders: tuple[str, ...]) -> list[str]:
    """Return which of INBOX and the folders a mailbox lacks."""
    maildir = home / "Maildir"
    found = [] if (maildir / "cur").is_dir() else ["INBOX"]
    return found + [name for name in folders if not (maildir / f".{storage_name(name)}" / "cur").is_dir()]
