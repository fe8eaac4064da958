# SPDX-License-Identifier: GPL-3.0-or-later
"""Several transactions in their order: while the server does one, it is told the next over another connection.

Telling it takes about as long as doing it, and both sides of the wire have work then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle

from ansible.module_utils.mailroom_writes import Refused, Writer

from .mailroom.operation import Operation

Batch = Sequence[Operation]


class Failed(Exception):
    """The server refused a batch and did nothing of it, nor of those after it; `tried` if it began to do it."""

    def __init__(self, batch: Batch, refused: Refused, *, tried: bool) -> None:
        super().__init__(str(refused))
        self.batch, self.refused, self.tried = batch, refused, tried


def committed(
    batches: Sequence[Batch], writers: Sequence[Writer], begin: Callable[[Batch], None] = lambda batch: None
) -> Iterator[Batch]:
    """Yield each batch once the server has done it; `begin` is called right before it does. Raises Failed.

    `writers` are two, each with a connection of its own, as a connection has one transaction at a time.
    """
    with ThreadPoolExecutor(1) as pool:
        under_way: tuple[Batch, Future[None]] | None = None
        for batch, writer in zip(batches, cycle(writers), strict=False):
            try:
                staged = writer.stage(batch)
            except Refused as refused:
                if under_way:
                    yield _done(*under_way)
                raise Failed(batch, refused, tried=False) from None
            if under_way:
                try:
                    yield _done(*under_way)
                except Failed:
                    writer.abort(staged)
                    raise
            begin(batch)
            under_way = batch, pool.submit(writer.commit, staged)
        if under_way:
            yield _done(*under_way)


def _done(batch: Batch, result: Future[None]) -> Batch:
    try:
        result.result()
    except Refused as refused:
        raise Failed(batch, refused, tried=True) from None
    return batch
