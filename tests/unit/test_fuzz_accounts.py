# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in account files: there are findings or entries, and never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import yaml
from conftest import BASE, ROOT, SCHEMA, TODAY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mailroom import directory, report
from mailroom.build import build
from mailroom.findings import errors
from mailroom.loader import parse
from mailroom.read import read_accounts
from mailroom.validate import validate

LAB = sorted((ROOT / "inventories/lab/accounts").rglob("*.yml"))
TEXTS = [file.read_text() for file in LAB]
DOCUMENT = json.loads(SCHEMA.read_text())


def judge(content: bytes, name: str = "widget.example.yml") -> None:
    """Take one file all the way: to a report, and to entries if there are no errors."""
    document, findings = parse(name, content, lambda envelope: envelope)
    accounts = build([document] if document else [], str(SCHEMA), TODAY)
    validate(accounts, TODAY, others_unknown=bool(findings))
    found = [*findings, *accounts.findings]
    for form in report.FORMS.values():
        form(found).encode()
    if document is None:
        assert errors(found)
    if not errors(found):
        directory.entries(accounts.domains.values(), BASE)


# Fields of the schema with values that nearly fit, to come past the schema and into the checks.
WORDS = sorted(
    {"widget.example", "alice", "bob", "alice@widget.example", "bob@widget.test", "x@elsewhere.example", "own", "@"}
    | {"unlimited", "1G", "2026-11-21", "2026-13-01", "members", "internal", "send", "read", "person", "jürgen", "Ä"}
    | {"active", "disabled", "quarantined", "absent", "firstname.lastname", "send_only", "receive_only", "b0b", "", "+"}
)
SCALARS = st.sampled_from(WORDS) | st.booleans() | st.none() | st.integers(-2, 3)
LOCALS = st.sampled_from(["alice", "bob", "b0b", "jürgen", "team", "postmaster", "abuse", "a.b", "Bad", "desk"])


def of_schema(node: dict) -> st.SearchStrategy:
    """Values for a node of the schema: mostly what it wants."""
    if "$ref" in node:
        return of_schema(DOCUMENT["$defs"][node["$ref"].rpartition("/")[2]])
    if "oneOf" in node:
        return st.one_of([of_schema(branch) for branch in node["oneOf"]])
    if node["type"] == "array":
        return st.lists(of_schema(node["items"]), max_size=3)
    if "properties" in node:
        fields = {name: of_schema(inner) for name, inner in node["properties"].items()}
        needed = {name: fields.pop(name) for name in node.get("required", [])}
        return st.fixed_dictionaries(needed, optional=fields)
    if node["type"] == "object":
        return st.dictionaries(LOCALS, of_schema(node["additionalProperties"]), max_size=4)
    if "enum" in node:
        return st.sampled_from(node["enum"])
    return st.booleans() if node["type"] == "boolean" else SCALARS


SMALL = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


@SMALL
@given(of_schema({**DOCUMENT, "required": []}))
def test_fields_that_nearly_fit(data):
    judge(yaml.safe_dump({**data, "domain": "widget.example"}, allow_unicode=True).encode())


TREES = st.recursive(
    SCALARS | st.floats() | st.dates() | st.binary(max_size=5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=4),
    max_leaves=15,
)


@SMALL
@given(st.dictionaries(st.sampled_from([*DOCUMENT["properties"], "nonsense"]), TREES, max_size=6))
def test_any_data(data):
    judge(yaml.safe_dump({"domain": "widget.example", **data}, allow_unicode=True).encode())


@SMALL
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(content):
    judge(content)


# What YAML gives a meaning to.
SPICE = st.sampled_from(
    ["&a ", "*a", "!!int ", "!vault ", "!x ", "? ", "- ", ": ", "{", "}", "[", "]", "'", '"', "|\n", "\t"]
)
SPICES = SPICE | st.sampled_from(
    ["\n", "#", "<<: ", "%", "---\n", "...\n", "~", "\0", "\u2028", "\ufeff", "\\", "@", "`", ","]
)


@SMALL
@given(st.data())
def test_files_of_the_lab_with_a_few_characters_changed(data):
    text = data.draw(st.sampled_from(TEXTS))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(SPICES | st.just("")) + text[end:]
    judge(text.encode())


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_files_of_the_lab_cut_short(data):
    text = data.draw(st.sampled_from(TEXTS)).encode()
    judge(text[: data.draw(st.integers(0, len(text)))])


@pytest.mark.parametrize("seed", range(3))
def test_lines_of_the_lab_in_another_order(tmp_path: Path, seed):
    """Whole trees: each domain's lines moved about, so that references between files break."""
    shuffled = random.Random(seed)  # noqa: S311  no secret
    for file in LAB:
        lines = file.read_text().splitlines()
        for _ in range(5):
            one, other = (shuffled.randrange(3, len(lines)) for _ in range(2))
            lines[one], lines[other] = lines[other], lines[one]
        target = tmp_path / file.relative_to(ROOT / "inventories/lab/accounts")
        target.parent.mkdir(exist_ok=True)
        target.write_text("\n".join(lines))
    accounts = read_accounts(str(tmp_path), str(SCHEMA), None, TODAY)
    assert accounts.findings == sorted(set(accounts.findings))
    assert all(finding.line >= 1 and finding.file for finding in accounts.findings)
