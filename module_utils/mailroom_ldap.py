# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to the directory: a thin layer over python-ldap (Debian: python3-ldap), on the managed host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

try:
    import ldap
    import ldap.sasl

    IMPORT_ERROR = ""
except ImportError as error:
    IMPORT_ERROR = str(error)

# The control by which replicas ask (RFC 4533): who supports it hands changes on.
_SYNC_REQUEST = b"1.3.6.1.4.1.4203.1.9.1.1"


class DirectoryError(Exception):
    """The directory refused or could not be reached; the text says what it said."""


class Unreachable(DirectoryError):
    """Nothing answered, or not in time: trying again later may help."""


def explain(error: Exception) -> str:
    """Return what the server said: the name of the result and its own words."""
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    parts = [details.get("desc", ""), details.get("info", "")]
    return ": ".join(part for part in parts if part) or f"{type(error).__name__}: {error}"


class Session:
    """A connection: as local root (SASL EXTERNAL over ldapi) or with a name and password."""

    def __init__(
        self,
        uri: str = "ldapi:///",
        who: str = "",
        password: str = "",
        ca: str = "",
        timeout: int = 30,
        patience: int | None = None,
    ):
        """`timeout`: seconds for a connection to come about; `patience`: for each answer after that, if it matters."""
        self.uri, self._who, self._password, self._ca, self._timeout = uri, who, password, ca, timeout
        self._patience = patience

    def __enter__(self) -> Session:
        return self.connect()

    def connect(self) -> Session:
        """Connect and log in. Raises Unreachable if no server answers, DirectoryError if it does not let us in."""
        try:
            self.raw = ldap.initialize(self.uri)
            self.raw.set_option(ldap.OPT_NETWORK_TIMEOUT, self._timeout)
            self.raw.set_option(ldap.OPT_REFERRALS, 0)
            if self._patience:
                self.raw.set_option(ldap.OPT_TIMEOUT, self._patience)
            if self._ca:
                self.raw.set_option(ldap.OPT_X_TLS_CACERTFILE, self._ca)
                self.raw.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
                self.raw.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
            if self._who:
                self.raw.simple_bind_s(self._who, self._password)
            else:
                self.raw.sasl_non_interactive_bind_s("EXTERNAL")
        except ldap.LDAPError as error:
            who = self._who or "local root"
            kind = Unreachable if isinstance(error, ldap.SERVER_DOWN | ldap.TIMEOUT) else DirectoryError
            raise kind(f"cannot connect to {self.uri} as {who}: {explain(error)}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.raw.unbind_s()

    def read(
        self,
        base: str,
        scope: str = "sub",
        where: str = "(objectClass=*)",
        attributes: Sequence[str] = ("*",),
    ) -> dict[str, dict[str, list[str]]]:
        """Return DN to attributes; empty where the base does not exist."""
        scopes = {"base": ldap.SCOPE_BASE, "one": ldap.SCOPE_ONELEVEL, "sub": ldap.SCOPE_SUBTREE}
        try:
            rows = self.raw.search_s(base, scopes[scope], where, list(attributes))
        except ldap.NO_SUCH_OBJECT:
            return {}
        except ldap.LDAPError as error:
            raise DirectoryError(f"cannot read {base}: {explain(error)}") from error
        return {
            dn: {name: [value.decode("utf-8", "surrogateescape") for value in values] for name, values in entry.items()}
            for dn, entry in rows
            if dn is not None
        }

    def column(self, base: str, attribute: str) -> dict[str, str]:
        """Return DN to the only value of an attribute that all entries below the base have; fast for many entries."""
        try:
            rows = self.raw.search_s(base, ldap.SCOPE_SUBORDINATE, "(objectClass=*)", [attribute])
        except ldap.NO_SUCH_OBJECT:
            return {}
        except ldap.LDAPError as error:
            raise DirectoryError(f"cannot read {base}: {explain(error)}") from error
        return {dn: entry[attribute][0].decode() for dn, entry in rows if dn is not None}

    def add(self, dn: str, attributes: Iterable[tuple[str, Iterable[str]]]) -> None:
        self._do("add_s", dn, [(name, _raw(values)) for name, values in attributes])

    def modify(self, dn: str, mods: Iterable[tuple[str, str, Iterable[str]]]) -> None:
        """Each mod is (add, replace or delete; attribute; values). Delete without values removes the attribute."""
        kinds = {"add": ldap.MOD_ADD, "replace": ldap.MOD_REPLACE, "delete": ldap.MOD_DELETE}
        self._do("modify_s", dn, [(kinds[kind], name, _raw(values) or None) for kind, name, values in mods])

    def delete(self, dn: str) -> None:
        self._do("delete_s", dn)

    def _do(self, method: str, dn: str, *arguments: object) -> None:
        try:
            getattr(self.raw, method)(dn, *arguments)
        except ldap.LDAPError as error:
            raise DirectoryError(explain(error)) from error


def accepts_password(uri: str, dn: str, password: str) -> bool:
    """Return whether a bind works. Other faults than a wrong password or an unknown entry are errors."""
    connection = ldap.initialize(uri)
    try:
        connection.simple_bind_s(dn, password)
    except (ldap.INVALID_CREDENTIALS, ldap.NO_SUCH_OBJECT, ldap.INAPPROPRIATE_AUTH):
        return False
    except ldap.LDAPError as error:
        raise DirectoryError(f"cannot try the password of {dn}: {explain(error)}") from error
    finally:
        connection.unbind_s()
    return True


def _raw(values: Iterable[str]) -> list[bytes]:
    return [value.encode("utf-8", "surrogateescape") for value in values]


def other_providers(name: str, suffix: str, uris: Sequence[str]) -> str:
    """Say that another of these servers is a provider, too; "" where none is. `name` is the host that shall be it."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.map(lambda uri: offers_changes(uri, suffix), uris)
    rivals = [uri for uri, is_provider in zip(uris, found, strict=True) if is_provider]
    if not rivals:
        return ""
    return (
        f"{name} shall be the provider of {suffix}, but {' and '.join(rivals)} is one, too. Nothing was "
        "written. If it was promoted, the inventory has to say so; `ansible-playbook "
        "playbooks/ops/promote-directory.yml` without more shows who is what (docs/directory.md)."
    )


def offers_changes(uri: str, suffix: str, seconds: int = 1) -> bool:
    """Return whether a server has the suffix and hands its changes on, which is what makes it a provider.

    What a server is for, it tells anybody, so this needs no log-in, and its certificate does not matter.
    """
    connection = ldap.initialize(uri)
    try:
        for option in (ldap.OPT_NETWORK_TIMEOUT, ldap.OPT_TIMEOUT):
            connection.set_option(option, seconds)
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_NEVER)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        rows = connection.search_s("", ldap.SCOPE_BASE, "(objectClass=*)", ["namingContexts", "supportedControl"])
    except ldap.LDAPError:
        return False
    finally:
        connection.unbind_s()
    entry = rows[0][1] if rows else {}
    names = [value.decode().lower() for value in entry.get("namingContexts", [])]
    return suffix.lower() in names and _SYNC_REQUEST in entry.get("supportedControl", [])
