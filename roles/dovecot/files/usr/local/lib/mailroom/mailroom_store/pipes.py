# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that an archive goes through: zstd, and age where there is a key."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .settings import StoreError

ZSTD, AGE, AGE_KEYGEN = "/usr/bin/zstd", "/usr/bin/age", "/usr/bin/age-keygen"


@dataclass(frozen=True)
class Key:
    """An age key pair."""

    private: str
    public: str


def passing_key() -> Key:
    """Make a key pair that lives in memory only."""
    try:
        made = subprocess.run([AGE_KEYGEN], capture_output=True, text=True, check=True).stdout  # noqa: S603
        private = next(line for line in made.splitlines() if line.startswith("AGE-SECRET-KEY-"))
        public = subprocess.run([AGE_KEYGEN, "-y"], input=private, capture_output=True, text=True, check=True).stdout  # noqa: S603
    except subprocess.CalledProcessError as error:
        raise StoreError(f"{AGE_KEYGEN}: {error.stderr.strip()}") from error
    return Key(private + "\n", public.strip())


def check_recipient(key: str) -> None:
    """Raise StoreError unless age takes the key. Where age is not installed yet nothing can be said."""
    if not key or not Path(AGE).exists():
        return
    done = subprocess.run([AGE, "-r", key], input=b"", capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise StoreError(f"archive_key: {done.stderr.decode().splitlines()[0]}")


@contextmanager
def writing(file: IO[bytes], recipients: list[str]) -> Iterator[IO[bytes]]:
    """What is written to the yielded file arrives in `file`, compressed and encrypted. Raises StoreError."""
    names = [word for recipient in recipients for word in ("-r", recipient)]
    packer = _start([ZSTD, "-q", "-c"], subprocess.PIPE, subprocess.PIPE if names else file)
    programs = [packer]
    if names:
        programs.append(_start([AGE, *names], packer.stdout, file))
        _open(packer.stdout).close()
    start = _open(packer.stdin)
    try:
        with suppress(BrokenPipeError):  # The program that ended says why, and its exit code follows.
            yield start
    finally:
        with suppress(BrokenPipeError):
            start.close()
        codes = [program.wait() for program in programs]
    _judge(programs, codes)


@contextmanager
def reading(path: Path, identity: str) -> Iterator[IO[bytes]]:
    """Yield the content of an archive; `identity` is the private key of an encrypted one. Raises StoreError."""
    with path.open("rb") as file:
        programs = []
        source: IO[bytes] = file
        if identity:
            programs.append(_start([AGE, "-d", "-i", "-", str(path)], subprocess.PIPE, subprocess.PIPE))
            with suppress(BrokenPipeError), _open(programs[0].stdin) as keyhole:
                keyhole.write(identity.encode())
            source = _open(programs[0].stdout)
        programs.append(_start([ZSTD, "-q", "-d", "-c"], source, subprocess.PIPE))
        source.close()
    content = _open(programs[-1].stdout)
    try:
        yield content
        # To the very end, so that both programs say whether all was well.
        while content.read(1 << 20):
            pass
    finally:
        content.close()
        codes = [program.wait() for program in programs]
        _judge(programs, codes)


def _start(command: list[str], source: Any, to: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, stdin=source, stdout=to)  # noqa: S603 - fixed programs, no shell
    except OSError as error:
        raise StoreError(f"{command[0]}: {error.strerror}; the role dovecot installs it") from error


def _open(end: IO[bytes] | None) -> IO[bytes]:
    if end is None:
        raise StoreError("a pipe to a program is missing")
    return end


def _judge(programs: list[subprocess.Popen[bytes]], codes: list[int]) -> None:
    names = [str(program.args[0]) for program in programs]  # type: ignore[index]
    bad = [f"{name} ended with {code}" for name, code in zip(names, codes, strict=True) if code]
    if bad:
        raise StoreError(", ".join(bad))
