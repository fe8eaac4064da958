# SPDX-License-Identifier: GPL-3.0-or-later
"""Read account files (YAML, whole or in part encrypted) with the line of every value. Runs on the controller.

One file holds one domain, or one folder holds the files of one domain. Values stay as YAML has them, except
that keys are always text (a mailbox may be called `on` or `007`) and dates are not guessed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import yaml

from .findings import ERROR, Finding, Path, field_name

# Returns the clear text of a vault envelope; raises ValueError with the reason if it cannot.
Decrypt = Callable[[bytes], bytes]

_ENVELOPE = b"$ANSIBLE_VAULT;"
_DATE_TAG = "tag:yaml.org,2002:timestamp"
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Secret:
    """A vaulted value. `value` is None where it was not decrypted. Never shows what it holds."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "********"


class Document:
    """One parsed file: `data` is what it holds, `file` is the name to show."""

    def __init__(self, file: str, text: str, data: Any) -> None:
        self.file = file
        self.data = data
        self._text = text
        self._root: yaml.Node | None = None

    def finding(self, path: Path, message: str, hint: str = "", severity: str = ERROR) -> Finding:
        """Return a finding on the value at `path`."""
        return Finding(self.file, self.line(path), field_name(path), message, hint, severity)

    def line(self, path: Path) -> int:
        """Return the line of the key or list item at `path`, or of the nearest thing above it."""
        if self._root is None:
            # Keeping all nodes costs ten times a file's size; only files with findings are read twice.
            self._root = yaml.compose(self._text, Loader=_Base)
        node, line = self._root, 1
        for part in path:
            place = _child(node, part)
            if place is None:
                break
            node, line = place
        return line


def find_files(path: str) -> list[str]:
    """Return the account files at `path` (a file, or a folder of files and of domains' folders), sorted.

    Raises OSError if a folder cannot be listed.
    """
    if not os.path.isdir(path):
        return [path]
    found = []
    for name in sorted(os.listdir(path)):
        full = os.path.join(path, name)
        if name.startswith("."):
            continue
        if os.path.isdir(full):
            found += [os.path.join(full, inner) for inner in sorted(os.listdir(full)) if _is_account_file(inner)]
        elif _is_account_file(name):
            found.append(full)
    return found


def contents(path: str) -> tuple[list[tuple[str, bytes]], list[Finding]]:
    """Return (name to show, content) of all account files at `path`, and what cannot be read."""
    found: list[tuple[str, bytes]] = []
    findings: list[Finding] = []
    try:
        files = find_files(path)
    except OSError as error:
        return [], [Finding(_shown(str(error.filename)), 1, "", f"cannot be read: {error.strerror}")]
    if not files:
        findings.append(Finding(path, 1, "", "no account files here", "expected DOMAIN.yml or DOMAIN/*.yml"))
    for file in files:
        try:
            with open(file, "rb") as stream:
                found.append((_shown(file), stream.read()))
        except OSError as error:
            findings.append(Finding(_shown(file), 1, "", f"cannot be read: {error.strerror}"))
    return found, findings


def load(path: str, decrypt: Decrypt | None = None) -> tuple[list[Document], list[Finding]]:
    """Read all account files at `path`. What cannot be read becomes findings; the others are returned."""
    documents = []
    files, findings = contents(path)
    for file, content in files:
        document, problems = parse(file, content, decrypt)
        findings += problems
        if document is not None:
            documents.append(document)
    return documents, findings


def parse(file: str, content: bytes, decrypt: Decrypt | None = None) -> tuple[Document | None, list[Finding]]:
    """Parse one file. Returns (document or None, findings); never raises for what a file contains."""
    if content.startswith(_ENVELOPE):
        if decrypt is None:
            return None, [Finding(file, 1, "", "the file is encrypted", _VAULT_HINT)]
        try:
            content = decrypt(content)
        except ValueError as error:
            return None, [Finding(file, 1, "", f"cannot be decrypted: {error}", _VAULT_HINT)]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, [Finding(file, line, "", "not UTF-8", "save the file in UTF-8")]
    loader = _loader_class(file, decrypt)(text)
    try:
        data = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        return None, [
            *loader.findings,
            Finding(file, line, "", f"broken YAML: {error.problem or error.context}"),
        ]
    except yaml.YAMLError as error:
        return None, [Finding(file, 1, "", f"broken YAML: {error}".splitlines()[0])]
    except RecursionError:
        return None, [Finding(file, 1, "", "broken YAML: nested too deeply")]
    finally:
        loader.dispose()
    if data is None:
        return None, [
            *loader.findings,
            Finding(file, 1, "", "the file is empty", "it needs at least domain:"),
        ]
    return Document(file, text, data), loader.findings


_VAULT_HINT = "give Ansible the vault password, for example with --ask-vault-pass"


def _loader_class(file: str, decrypt: Decrypt | None) -> Any:
    """A YAML loader class whose instances collect findings on duplicate keys and on vaulted values."""

    class AccountLoader(_Base):  # type: ignore[misc]
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [(tag, regexp) for tag, regexp in resolvers if tag != _DATE_TAG]
            for first, resolvers in _Base.yaml_implicit_resolvers.items()
        }

        def __init__(self, stream: str) -> None:
            super().__init__(stream)
            self.findings: list[Finding] = []

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                if not isinstance(key_node, yaml.ScalarNode):
                    raise yaml.constructor.ConstructorError(None, None, "a key must be text", key_node.start_mark)
                key = str(key_node.value)
                if key in mapping:
                    self._duplicate(node, key, key_node)
                mapping[key] = self.construct_object(value_node, deep=True)
            return mapping

        def _duplicate(self, node: yaml.MappingNode, key: str, key_node: yaml.ScalarNode) -> None:
            first = next(other for other, _value in node.value if other.value == key)
            message = f"duplicate key, first used on line {first.start_mark.line + 1}"
            line = key_node.start_mark.line + 1
            self.findings.append(Finding(file, line, key, message, "remove one of the two"))

        def construct_vaulted(self, node: yaml.ScalarNode) -> Secret:
            envelope = str(self.construct_scalar(node))
            if decrypt is None:
                return Secret(None)
            try:
                return Secret(decrypt(envelope.encode()).decode("utf-8"))
            except ValueError as error:
                line = node.start_mark.line + 1
                message = f"vaulted value cannot be decrypted: {error}"
                self.findings.append(Finding(file, line, "", message, _VAULT_HINT))
                return Secret(None)

    AccountLoader.add_constructor("!vault", AccountLoader.construct_vaulted)
    AccountLoader.add_constructor("tag:yaml.org,2002:map", AccountLoader.construct_mapping)
    return AccountLoader


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    """The node below `node` at a key or position, with its line."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None


def _is_account_file(name: str) -> bool:
    return name.endswith((".yml", ".yaml")) and not name.startswith(".")


def _shown(file: str) -> str:
    """A path below the current folder is shown relative to it."""
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative
