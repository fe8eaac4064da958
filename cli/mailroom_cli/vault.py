# SPDX-License-Identifier: GPL-3.0-or-later
"""Decrypt with the vault password that Ansible would use. Ansible is imported only when something is encrypted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import project


def decrypter() -> Callable[[bytes], bytes] | None:
    """Return a function from an envelope to its clear text, or None where no vault password file is set."""
    file = project.vault_password_file()
    if file is None:
        return None
    vaults: list[Any] = []

    def decrypt(envelope: bytes) -> bytes:
        if not vaults:
            vaults.append(_vault(file))
        from ansible.errors import AnsibleError

        try:
            return bytes(vaults[0].decrypt(envelope))
        except AnsibleError as error:
            raise ValueError(str(error).splitlines()[0]) from None

    return decrypt


def _vault(file: str) -> Any:
    from ansible.errors import AnsibleError
    from ansible.parsing.dataloader import DataLoader
    from ansible.parsing.vault import VaultLib, get_file_vault_secret

    try:
        secret = get_file_vault_secret(filename=file, loader=DataLoader())
        secret.load()
    except (AnsibleError, OSError) as error:
        raise ValueError(str(error).splitlines()[0]) from None
    return VaultLib([("default", secret)])
