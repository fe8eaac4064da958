# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in the mail store is done as its owner: root would follow links that a broken-in mail process has put there."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

from .settings import StoreError


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Be the user for the time being. New files are readable by nobody else. Raises StoreError."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise StoreError(f"there is no user {name}; the role dovecot makes it") from None
    if os.geteuid() == user.pw_uid:
        yield
        return
    if os.geteuid() != 0:
        raise StoreError("only root may do this")
    groups, mask = os.getgroups(), os.umask(0o077)
    os.setgroups([])
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
        os.umask(mask)
