# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape the openldap role's variables for its tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def openldap_rules(rules: Iterable[Mapping[str, Any]]) -> list[str]:
    """Write access rules ({to, by}) the way slapd does: `to X by Y by Z`."""
    return [" by ".join([f"to {rule['to']}", *rule["by"]]) for rule in rules]


def openldap_service_entries(accounts: Iterable[Mapping[str, Any]], suffix: str) -> list[dict[str, Any]]:
    """Return an entry below ou=services for each account; `password` names the secret, it is not the secret."""
    return [
        {
            "dn": f"cn={account['name']},ou=services,{suffix}",
            "password": account["name"],
            "attributes": {
                "objectClass": ["organizationalRole", "simpleSecurityObject"],
                "cn": account["name"],
                "description": account.get("description", "Service account"),
                "pwdPolicySubentry": f"cn=services,ou=policies,{suffix}",
            },
        }
        for account in accounts
    ]


class FilterModule:
    """Filters of the openldap role."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"openldap_rules": openldap_rules, "openldap_service_entries": openldap_service_entries}
