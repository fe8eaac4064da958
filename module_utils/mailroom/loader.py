# SPDX-License-Identifier: GPL-3.0-or-later
"""Read account files (YAML, whole or in part encrypted) with the line of every value. Runs on the controller.

One file holds one domain, or one folder holds the files of one domain. Values stay as YAML has them, except
that keys are always text (a mailbox may be called `on` or `007`) and dates are not guessed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Any

import yaml

from .findings import ERROR, Finding, Path, field_name

# Returns the clear text of a vault envelope; raises ValueError with the reason if it cannot.
Decrypt = Callable[[bytes], bytes]

_ENVELOPE = b"$ANSIBLE_VAULT;"
_DATE_TAG = "tag:yaml.org,2002:timestamp"
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Deeper than any account file is meant to be; libyaml's own composer dies of some ten thousand levels.
_DEEPEST = 50

# A value in a file, and its line.
Place = tuple[yaml.Node, int]


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
        # The keys of mappings that findings were in, by the node's id: files may have as many findings as lines.
        self._keys: dict[int, dict[str, Place]] = {}

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
            place = self._child(node, part)
            if place is None:
                break
            node, line = place
        return line

    def _child(self, node: yaml.Node | None, part: str | int) -> Place | None:
        """The node below `node` at a key or position, with its line."""
        if isinstance(node, yaml.MappingNode):
            if id(node) not in self._keys:
                self._keys[id(node)] = {
                    key.value: (value, key.start_mark.line + 1) for key, value in reversed(node.value)
                }
            return self._keys[id(node)].get(str(part))
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            return node.value[part], node.value[part].start_mark.line + 1
        return None


# From a file's name and content to what parse() makes of them.
Read = Callable[[str, bytes], tuple[Document | None, list[Finding]]]


def find_files(path: str) -> tuple[list[str], list[Finding]]:
    """Return the account files at `path` (a file, or a folder of files and of domains' folders), sorted.

    What is there and would not be read is a finding: mailboxes that go unseen would be removed. Raises OSError
    if a folder cannot be listed.
    """
    if not os.path.isdir(path):
        return [path], []
    files, findings = [], []
    for name in sorted(os.listdir(path)):
        full = os.path.join(path, name)
        if name.startswith("."):
            continue
        if os.path.isdir(full):
            inner = [os.path.join(full, name) for name in sorted(os.listdir(full)) if not name.startswith(".")]
            found = [file for file in inner if _is_account_file(file) and not os.path.isdir(file)]
            files += found
            if not found:
                findings.append(Finding(_shown(full), 1, "", "no account files in this folder", _UNUSED))
            findings += [
                Finding(_shown(deep), 1, "", "a folder in a domain's folder is not read", "move its files up")
                for deep in inner
                if os.path.isdir(deep)
            ]
        elif _is_account_file(name):
            files.append(full)
    return files, findings


def contents(path: str) -> tuple[list[tuple[str, bytes]], list[Finding]]:
    """Return (name to show, content) of all account files at `path`, and what cannot be read."""
    found = []
    try:
        files, findings = find_files(path)
    except OSError as error:
        return [], [Finding(_shown(str(error.filename)), 1, "", f"cannot be read: {error.strerror}")]
    if not files and not findings:
        findings.append(Finding(path, 1, "", "no account files here", "expected DOMAIN.yml or DOMAIN/*.yml"))
    for file in files:
        try:
            found.append((_shown(file), _content(file)))
        except OSError as error:
            findings.append(Finding(_shown(file), 1, "", f"cannot be read: {error.strerror}"))
    return found, findings


def load(path: str, decrypt: Decrypt | None = None, read: Read | None = None) -> tuple[list[Document], list[Finding]]:
    """Read all account files at `path`. What cannot be read becomes findings; the others are returned.

    `read` stands for parse() where a caller knows a faster way.
    """
    documents = []
    files, findings = contents(path)
    for file, content in files:
        document, problems = read(file, content) if read else parse(file, content, decrypt)
        findings += problems
        if document is not None:
            documents.append(document)
    return documents, findings


def _content(file: str) -> bytes:
    if not stat.S_ISREG(os.stat(file).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", file)
    with open(file, "rb") as stream:
        return stream.read()


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
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, [Finding(file, line, "", "not UTF-8", "save the file in UTF-8")]
    loader = _loader_class(file, decrypt)(text)
    try:
        if problem := _unusable(file, text):
            return None, [problem]
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
    finally:
        loader.dispose()
    if data is None:
        return None, [
            *loader.findings,
            Finding(file, 1, "", "the file is empty", "it needs at least domain:"),
        ]
    return Document(file, text, data), loader.findings


def _unusable(file: str, text: str) -> Finding | None:
    """What would stop the composer, or make a small file a large one. Raises yaml.YAMLError for broken YAML."""
    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=_Base):
        kind = type(event)
        if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            depth += 1
            if depth > _DEEPEST:
                return Finding(file, event.start_mark.line + 1, "", "broken YAML: nested too deeply")
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            depth -= 1
        elif kind is yaml.AliasEvent:
            hint = "write the value out, so that each line says what it means"
            return Finding(file, event.start_mark.line + 1, "", f"*{event.anchor}: YAML aliases are not possible", hint)
    return None


_UNUSED = "remove the folder, or begin its name with a dot"
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
            if not isinstance(node, yaml.MappingNode):
                raise yaml.constructor.ConstructorError(None, None, "a mapping was expected", node.start_mark)
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

        def construct_simple(self, node: yaml.ScalarNode) -> Any:
            try:
                return _Base.yaml_constructors[node.tag](self, node)
            except (LookupError, ValueError):
                what = node.tag.rpartition(":")[2]
                raise yaml.constructor.ConstructorError(
                    None, None, f"a value that is no {what}", node.start_mark
                ) from None

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

    # Only what account files need: no sets, no binary data, nothing that could be executed.
    AccountLoader.yaml_constructors = {
        f"tag:yaml.org,2002:{name}": _Base.yaml_constructors[f"tag:yaml.org,2002:{name}"] for name in ("str", "seq")
    }
    for name in ("null", "bool", "int", "float"):
        AccountLoader.add_constructor(f"tag:yaml.org,2002:{name}", AccountLoader.construct_simple)
    AccountLoader.add_constructor("tag:yaml.org,2002:map", AccountLoader.construct_mapping)
    AccountLoader.add_constructor("!vault", AccountLoader.construct_vaulted)
    AccountLoader.add_constructor(None, _Base.construct_undefined)
    return AccountLoader


def _is_account_file(name: str) -> bool:
    return name.lower().endswith((".yml", ".yaml")) and not name.startswith(".")


def _shown(file: str) -> str:
    """A path below the current folder is shown relative to it, and what is not UTF-8 in it is escaped."""
    relative = os.path.relpath(file)
    shown = file if relative.startswith("..") else relative
    return shown.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
