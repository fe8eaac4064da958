# SPDX-License-Identifier: GPL-3.0-or-later
"""named on this host: its zone files, its checkers, and what it is told through its control channel."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ansible.module_utils.mailroom.zones.files import file_name, key_of
from ansible.module_utils.mailroom.zones.model import VIEWS, Zone, ZoneKey
from ansible.module_utils.mailroom.zones.plan import File
from ansible.module_utils.mailroom.zones.read import Live, ZoneTextError, is_ours, read_zone
from ansible.module_utils.mailroom.zones.serial import newer
from ansible.module_utils.mailroom.zones.served import dynamic, list_name, listed

# Runs a program: its exit code, standard output, standard error.
Run = Callable[[list[str]], tuple[int, str, str]]

# Of more zones than this, one `rndc reload` is faster, which looks at the times of all files by itself.
FEW = 100
# What named makes of a zone beside its file: journals, the signed zone, and its own.
PRODUCTS = (".jnl", ".jbk", ".signed", ".signed.jnl")
_PENDING = ".pending.json"
_LOCK = ".lock"
_STAGING = ".staging-"
_WAIT = 15.0
# Zones that named loads and signs in a second, at the very least.
_PER_SECOND = 50
_PAUSE = 0.1


class NamedError(Exception):
    """What cannot go on; the message says why and what to do."""


class Named:
    """Zone files lie in `folder`, by view; `max_ttl` is the longest TTL that the signing policy takes."""

    def __init__(self, folder: str, run: Run, max_ttl: int) -> None:
        self.folder = Path(folder)
        self._run = run
        self._max_ttl = max_ttl

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Of two runs at a time one is refused: each would write what the other has not seen."""
        with open(self.folder / _LOCK, "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise NamedError("Another run is changing zones on this host. Wait until it has ended.") from None
            # Left behind by a run that was killed. One that cannot be removed is read by nobody, and no reason to stop.
            for path in self.folder.glob(f"{_STAGING}*"):
                shutil.rmtree(path, ignore_errors=True)
            yield

    # What is there.

    def text(self, name: str) -> str | None:
        """Return a file below the folder, None if it is not there."""
        try:
            return (self.folder / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def live(self, updated: Collection[ZoneKey]) -> dict[ZoneKey, str | Live]:
        """Return all zones as they are served. `updated` are those that others may change while named runs."""
        found: dict[ZoneKey, str | Live] = {}
        for view in VIEWS:
            known = listed(self.text(list_name(view)) or "")
            try:
                names = sorted(os.listdir(self.folder / view))
            except FileNotFoundError:
                continue
            for name in names:
                key = key_of(f"{view}/{name}")
                if key is not None:
                    text = self.text(f"{view}/{name}") or ""
                    # named writes the file of a zone with updates anew, without our first line.
                    ours = is_ours(text) or key.name in known
                    found[key] = self._updated(key, text, ours) if key in updated else text
        return found

    def updated(self) -> set[ZoneKey]:
        """Return the zones that named takes updates for at present."""
        return {ZoneKey(view, name) for view in VIEWS for name in dynamic(self.text(list_name(view)) or "")}

    def _updated(self, key: ZoneKey, text: str, ours: bool) -> str | Live:
        """A zone with what is in its journal. Only reads: named is not asked to write it out."""
        path = self.folder / file_name(key)
        if os.path.exists(f"{path}.jnl"):
            command = ["named-compilezone", "-j", "-i", "none", "-k", "ignore", "-m", "ignore", "-n", "ignore"]
            code, out, err = self._run([*command, "-s", "full", "-o", "-", key.name, str(path)])
            if code:
                raise NamedError(f"The journal of {key} cannot be read: {err.strip()}")
            text = out
        try:
            return read_zone(text, key, ours=ours)
        except ZoneTextError:
            return text

    # Checking.

    def has_checkers(self) -> bool:
        """Whether BIND's checkers are installed."""
        return bool(shutil.which("named-checkzone", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin"))

    def staged(self, files: Mapping[ZoneKey, File], scratch: str | None = None) -> Staged:
        """Write files into a folder of their own, beside the live ones so that they can be moved there."""
        return Staged(tempfile.mkdtemp(prefix=_STAGING, dir=scratch or self.folder), files)

    def check(self, staged: Staged) -> list[str]:
        """Let named-checkzone look at each staged file; return what it says of those that it refuses."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return [told for told in pool.map(lambda item: self._check(*item), staged.paths.items()) if told]

    def _check(self, key: ZoneKey, path: str) -> str:
        # As strict as named's defaults for its own zones, and without asking others about names in theirs.
        modes = ["-k", "fail", "-m", "fail", "-M", "fail", "-n", "fail", "-i", "local", "-T", "ignore"]
        code, out, err = self._run(["named-checkzone", *modes, "-l", str(self._max_ttl), key.name, path])
        return f"{key}: {_last_words(out + err, path)}" if code else ""

    def check_configuration(self) -> str:
        """Return what named-checkconf has to say against the configuration as it lies there, "" for nothing."""
        code, out, err = self._run(["named-checkconf"])
        return (out + err).strip() if code else ""

    # Writing.

    def write(self, name: str, text: str) -> None:
        """Replace a file below the folder."""
        self._place(self.folder / name, text)

    def put(self, staged: Staged, but: Collection[ZoneKey] = ()) -> None:
        """Move staged files to where named reads them, but for some."""
        for key, path in staged.paths.items():
            if key in but:
                continue
            # named loads a file again if it is younger than its last loading.
            os.utime(path)
            os.replace(path, self.folder / file_name(key))

    def restore(self, key: ZoneKey, text: str) -> None:
        """Put back the file of a zone as it was."""
        self._place(self.folder / file_name(key), text)

    def remove(self, keys: Iterable[ZoneKey]) -> None:
        """Remove what belongs to zones that are no longer served. Keys stay, as the zone may come back."""
        for key in keys:
            path = self.folder / file_name(key)
            for product in ("", *PRODUCTS):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{path}{product}")

    def _place(self, path: Path, text: str) -> None:
        handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), 0o644)
        os.replace(temporary, path)

    # What a run that was cut off had still to tell named.

    def pending(self) -> set[ZoneKey] | None:
        """Return the zones whose files were written and perhaps never loaded; None if no run was cut off."""
        text = self.text(_PENDING)
        if text is None:
            return None
        try:
            return {ZoneKey(*pair) for pair in json.loads(text)}
        except (TypeError, ValueError):
            return set()

    def note(self, keys: Iterable[ZoneKey]) -> None:
        """Remember until done() which zones are to be loaded."""
        self._place(self.folder / _PENDING, json.dumps(sorted(keys)))

    def done(self) -> None:
        """Named knows all that was written."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.folder / _PENDING)

    # Telling.

    def reconfigure(self) -> None:
        """Have named read its lists of zones: it loads new ones, and drops those that are gone."""
        self._rndc("reconfig")

    def load(self, keys: Collection[ZoneKey]) -> dict[ZoneKey, str]:
        """Have named read the files of zones that it serves already; return what it says of those that it refuses."""
        if len(keys) > FEW:
            self._rndc("reload")
            return {}
        refused = {}
        for key in sorted(keys):
            words = ["rndc", "reload", *_zone(key)]
            code, out, err = self._run(words)
            told = (err or out).strip()
            if code and "'reload' failed" not in told:
                raise NamedError(f"{' '.join(words)}: {told}")
            if code:
                refused[key] = told.rpartition("failed: ")[2]
        return refused

    def forget_journals(self, keys: Iterable[ZoneKey]) -> None:
        """Remove the journals of files that are about to change. All that is in them is in the files.

        named writes them where it signs, to hand changes on to the signed zone. One that starts before it was told of a
        new file finds that the two do not meet, and does not load the zone.
        """
        for key in keys:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.folder / f"{file_name(key)}.jnl")

    def freeze(self, key: ZoneKey) -> bool:
        """Have named write out a zone with updates, and take no more; False if it does not serve it so yet."""
        code, _out, _err = self._run(["rndc", "freeze", *_zone(key)])
        return code == 0

    def thaw(self, key: ZoneKey) -> None:
        """Have named read the file of a frozen zone, and take updates again."""
        self._rndc("thaw", *_zone(key))

    def not_loaded(self, serials: Mapping[ZoneKey, int]) -> list[ZoneKey]:
        """Wait until named serves these serials; return the zones that it does not, of the first hundred."""
        left = dict(sorted(serials.items())[:FEW])
        end = time.monotonic() + _WAIT + len(serials) / _PER_SECOND
        while left:
            left = {key: serial for key, serial in left.items() if not self._serves(key, serial)}
            if not left or time.monotonic() > end:
                break
            time.sleep(_PAUSE)
        return list(left)

    def _serves(self, key: ZoneKey, serial: int) -> bool:
        """Whether named has this serial of a zone, or a newer one by somebody's update since."""
        code, out, _err = self._run(["rndc", "zonestatus", *_zone(key)])
        found = re.search(r"^serial: (\d+)", out, re.M)
        return code == 0 and found is not None and (int(found[1]) == serial or newer(int(found[1]), serial))

    def _rndc(self, *words: str) -> None:
        code, out, err = self._run(["rndc", *words])
        if code:
            told = (err or out).strip()
            raise NamedError(f"rndc {' '.join(words)}: {told}")


class Staged:
    """Zone files that wait for their checks, by zone."""

    def __init__(self, folder: str, files: Mapping[ZoneKey, File]) -> None:
        self._folder = folder
        self.paths: dict[ZoneKey, str] = {}
        for number, (key, file) in enumerate(files.items()):
            path = os.path.join(folder, f"{number}.zone")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(file.text)
                os.fchmod(stream.fileno(), 0o644)
            self.paths[key] = path

    def __enter__(self) -> Staged:
        return self

    def __exit__(self, *_what: object) -> None:
        # What is left is read by nobody, and the next run removes it; an error here would hide the one that matters.
        shutil.rmtree(self._folder, ignore_errors=True)


def updatable(zones: Iterable[Zone]) -> set[ZoneKey]:
    """Return the zones that others shall be able to change."""
    return {item.key for item in zones if item.dynamic and item.view == VIEWS[0]}


def _zone(key: ZoneKey) -> tuple[str, str, str]:
    return key.name.removesuffix(".") or ".", "IN", key.view


def _last_words(text: str, path: str) -> str:
    """What a checker says, without the line that only says that it failed."""
    lines = [line.replace(f"{path}:", "line ").replace(path, "the file") for line in text.strip().splitlines()]
    told = [line for line in lines if not line.endswith("not loaded due to errors.")] or lines
    return "; ".join(told[:5])
