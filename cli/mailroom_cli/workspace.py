# SPDX-License-Identifier: GPL-3.0-or-later
"""The account files as something to edit: find what is meant, collect changes, check them, write them whole."""

from __future__ import annotations

import difflib
import os
import re
import tempfile
import unicodedata
from functools import cached_property
from pathlib import Path

from mailroom.addresses import domain_to_ascii, domain_to_unicode
from mailroom.findings import ERROR, Finding, errors, warnings
from mailroom.findings import Path as FieldPath
from mailroom.loader import find_files, parse
from mailroom.plan import MASK

from . import project, reading
from .errors import INVALID, UNKNOWN, USAGE, Failure
from .yaml_edit import EditError, Editor

# What may have a local part, in the words of users.
SECTIONS = {"mailboxes": "account", "shared": "shared account", "aliases": "alias", "groups": "group"}
_VAULTED = b"$ANSIBLE_VAULT;"
_HASH = re.compile(r"(\{(?:ARGON2|CRYPT)\})[^\s\"'}\]]+")


def split_address(text: str) -> tuple[str, str]:
    """Return (local part, domain in A-labels) of an address as users type it. Raises Failure."""
    local, at, domain = unicodedata.normalize("NFC", text.strip()).rpartition("@")
    if not at or not local:
        raise Failure(f"{text!r} is not an address", "write LOCAL@DOMAIN", code=USAGE)
    return local.lower(), domain_name(domain)


def domain_name(text: str) -> str:
    """Return a domain in A-labels. Raises Failure."""
    try:
        return domain_to_ascii(text)
    except ValueError as error:
        raise Failure(f"{text!r}: {error}", code=USAGE) from None


class AccountFile:
    """One file of a domain."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = path.read_bytes()

    @cached_property
    def editor(self) -> Editor:
        """The file's editor. Raises Failure if the file cannot be edited."""
        if self.content.startswith(_VAULTED):
            shown = project.shown(self.path)
            raise Failure(f"{shown} is encrypted as a whole", f"use: ansible-vault edit {shown}", code=INVALID)
        try:
            return Editor(self.content.decode("utf-8"))
        except (UnicodeDecodeError, EditError) as error:
            _document, findings = parse(project.shown(self.path), self.content)
            raise Failure(
                f"{project.shown(self.path)} cannot be edited",
                "" if findings else str(error),
                code=INVALID,
                findings=findings,
            ) from None

    @property
    def is_edited(self) -> bool:
        return "editor" in self.__dict__

    def result(self) -> bytes:
        """The content with all edits done. Raises Failure."""
        if not self.is_edited:
            return self.content
        try:
            return self.editor.result().encode()
        except EditError as error:
            raise Failure(f"{project.shown(self.path)}: {error}") from None


class DomainFiles:
    """The files of one domain."""

    def __init__(self, name: str, files: list[AccountFile]) -> None:
        self.name = name
        self.files = files

    @property
    def shown(self) -> str:
        return domain_to_unicode(self.name)

    def where(self, local: str, *sections: str) -> tuple[AccountFile, FieldPath] | None:
        """The file and path of what has a local part, in these sections or in any."""
        for file in self.files:
            for section in sections or SECTIONS:
                if local in file.editor.keys((section,)):
                    return file, (section, local)
        return None

    def head(self) -> AccountFile:
        """The file that holds the domain's own fields."""
        return max(self.files, key=lambda file: len(set(file.editor.keys(())) - {"domain", *SECTIONS}))

    def home(self, section: str, named: str | None = None) -> AccountFile:
        """The file for something new: as named, or the one that has most of its kind. Raises Failure."""
        if named is not None:
            found = [file for file in self.files if named in (str(file.path), file.path.name, file.path.stem)]
            if not found:
                names = ", ".join(file.path.name for file in self.files)
                raise Failure(f"{named} is no file of {self.shown}", f"there are: {names}", code=USAGE)
            return found[0]
        return max(self.files, key=lambda file: len(file.editor.keys((section,))))


class Workspace:
    """All account files, with the changes of one command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[Path, AccountFile] = {}
        self._new: dict[Path, bytes] = {}

    def paths(self) -> dict[str, list[Path]]:
        """The files by domain (A-labels), by what they or their folders are called."""
        found: dict[str, list[Path]] = {}
        for name in find_files(str(self.folder))[0]:
            path = Path(name)
            called = [path.stem, path.parent.name] if path.parent != self.folder else [path.stem]
            for text in called:
                try:
                    found.setdefault(domain_to_ascii(text), []).append(path)
                except ValueError:
                    continue
                break
        return found

    def domain(self, name: str) -> DomainFiles:
        """The files of a domain (A-labels). Raises Failure if there are none."""
        paths = self.paths()
        if name not in paths:
            known = [domain_to_unicode(other) for other in paths]
            raise Failure(f"{domain_to_unicode(name)}: no such domain", did_you_mean(name, known), code=UNKNOWN)
        return DomainFiles(name, [self.file(path) for path in paths[name]])

    def file(self, path: Path) -> AccountFile:
        return self._files.setdefault(path, AccountFile(path))

    def every(self) -> list[tuple[str, AccountFile]]:
        """Each file with its domain."""
        return [(name, self.file(path)) for name, paths in self.paths().items() for path in paths]

    def create(self, path: Path, text: str) -> None:
        """Add a file."""
        self._new[path] = text.encode()

    def find(self, address: str, *sections: str) -> tuple[DomainFiles, AccountFile, FieldPath]:
        """Where an address stands. Raises Failure if it does not."""
        local, name = split_address(address)
        domain = self.domain(name)
        found = domain.where(local, *sections)
        if found is None:
            kind = SECTIONS[sections[0]] if sections else "address"
            known = [key for file in domain.files for one in sections or SECTIONS for key in file.editor.keys((one,))]
            hint = did_you_mean(local, known)
            raise Failure(f"{local}@{domain.shown}: no such {kind}", hint, code=UNKNOWN)
        return (domain, *found)

    def changes(self) -> dict[Path, bytes]:
        """New content by path, of files that change. Raises Failure."""
        results = {path: file.result() for path, file in self._files.items()}
        return {**{path: new for path, new in results.items() if new != self._files[path].content}, **self._new}

    def diff(self) -> str:
        """All changes as a unified diff, with password hashes masked."""
        text = []
        for path, new in sorted(self.changes().items()):
            old = self._files[path].content if path in self._files else b""
            name = project.shown(path).lstrip("/")
            before, after = (content.decode("utf-8").splitlines(keepends=True) for content in (old, new))
            source = f"a/{name}" if old else "/dev/null"
            for line in difflib.unified_diff(before, after, source, f"b/{name}", n=2):
                text.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
        return _HASH.sub(rf"\1{MASK}", "".join(text))

    def check(self) -> tuple[list[Finding], list[Finding]]:
        """Return the (errors, warnings) that the changes would bring. Those of before are somebody else's."""
        after = reading.findings_after(self.folder, self.changes())
        bad = errors(after)
        # Without an error afterwards there is nothing to tell apart.
        known = {_identity(finding) for finding in reading.read(self.folder).findings} if after else set()
        new = [finding for finding in bad if _identity(finding) not in known]
        return new, [finding for finding in warnings(after) if _identity(finding) not in known]

    def write(self) -> None:
        """Write all changes, each file whole. Raises Failure if somebody else wrote one meanwhile."""
        changes = self.changes()
        for path in changes:
            if path in self._new and path.exists():
                raise Failure(f"{project.shown(path)} is there already")
            if path in self._files and path.read_bytes() != self._files[path].content:
                raise Failure(f"{project.shown(path)} was changed meanwhile", "start again; nothing was written")
        for path, content in changes.items():
            _replace(path, content)


def did_you_mean(name: str, known: list[str]) -> str:
    """A hint with the names that come close, or ""."""
    close = difflib.get_close_matches(name, known, 3)
    return f"did you mean {' or '.join(close)}?" if close else ""


def _identity(finding: Finding) -> tuple[str, str, str, bool]:
    return (finding.file, finding.field, finding.message, finding.severity == ERROR)


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole, with the mode and owner that it had."""
    real = path.resolve()
    real.parent.mkdir(exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        _same_access(real, temporary)
        os.replace(temporary, real)
    except BaseException:
        os.unlink(temporary)
        raise


def _same_access(real: Path, temporary: str) -> None:
    if not real.exists():
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        return
    status = real.stat()
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(temporary, status.st_uid, status.st_gid)
    os.chmod(temporary, status.st_mode & 0o7777)
