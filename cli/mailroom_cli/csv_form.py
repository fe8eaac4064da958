# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts as CSV (RFC 4180) for spreadsheets, and whatever spreadsheets make of it read back."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .rows import COLUMNS, SECRET, Problem, Row

# A spreadsheet takes a cell that begins like this for a formula and runs it, so it gets an apostrophe in front.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def write(records: Iterable[Mapping[str, Any]], columns: Iterable[str] = COLUMNS) -> str:
    """Return accounts (as shapes.mailbox has them) as CSV in UTF-8, with a byte order mark that Excel wants."""
    names = list(columns)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(names)
    for record in records:
        writer.writerow([_guarded(_cell(record[name])) for name in names])
    return "\ufeff" + stream.getvalue()


def read(content: bytes) -> tuple[list[Row], list[Problem]]:
    """Return the rows of a CSV file, and what is wrong with it by line."""
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return [], [Problem(line, "", "not UTF-8: save the sheet as `CSV UTF-8`")]
    if not text.strip():
        return [], [Problem(1, "", "the file is empty")]
    lines = list(_lines(text))
    if lines and isinstance(lines[-1], Problem):
        return [], [lines[-1]]
    numbered = [line for line in lines if not isinstance(line, Problem)]
    columns = [_unguarded(cell).strip().lower().replace(" ", "_").replace("-", "_") for cell in numbered[0][1]]
    problems = list(_bad_columns(columns))
    rows = []
    for number, cells in numbered[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns):
            problems.append(Problem(number, "", f"has {len(cells)} cells, the first line has {len(columns)}"))
            continue
        cells += [""] * (len(columns) - len(cells))
        values = {name: _unguarded(cell).strip() for name, cell in zip(columns, cells, strict=True)}
        rows.append(Row(number, values))
    return rows, problems


def _lines(text: str) -> Iterator[tuple[int, list[str]] | Problem]:
    """Each record with the line that it begins on; a problem ends them."""
    first = text.splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begin = 1
    try:
        for cells in reader:
            yield begin, cells
            begin = reader.line_num + 1
    except csv.Error as error:
        yield Problem(begin, "", f"broken CSV: {error}")


def _bad_columns(columns: list[str]) -> Iterator[Problem]:
    known = (*COLUMNS, SECRET)
    if "address" not in columns:
        yield Problem(1, "address", f"this column is missing; the first line names the columns: {', '.join(COLUMNS)}")
    for position, name in enumerate(columns):
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            yield Problem(1, name, f"unknown column{f'; did you mean {close[0]}?' if close else ''}")
        elif name in columns[:position]:
            yield Problem(1, name, "this column is there twice")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return " ".join(f"{key}={inner}" for key, inner in value.items())
    return value if isinstance(value, str) else " ".join(value)


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell
