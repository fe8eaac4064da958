# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of `make lint` that are our own: role READMEs, account fields, collection pins, licence lines."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> Any:
    """Import a script that has no suffix."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ROOT / "bin" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


role_docs = load("role-docs")
check_collections = load("check-collections")
check_spdx = load("check-spdx")
account_docs = load("account-docs")
check_modules = load("check-modules")

SPEC = """---
argument_specs:
  main:
    short_description: Does C(it)
    description: [One., Two with O(thing_size) | V(3).]
    options:
      thing_size: {type: int, description: "How B(big), a|b"}
      thing_name: {type: str, required: true, choices: [a, b], description: Name}
      thing_key: {type: str, no_log: true, description: Key}
      thing_list:
        type: list
        elements: dict
        description: Things
        options:
          path: {type: path, required: true, description: Where, default: /x}
  other:
    short_description: The other one
    options:
      other_flag: {type: bool, description: Flag}
"""


@pytest.fixture
def role(tmp_path: Path) -> Path:
    made = tmp_path / "roles/thing"
    for folder in ("meta", "defaults", "docs"):
        (made / folder).mkdir(parents=True)
    (made / "meta/argument_specs.yml").write_text(SPEC)
    (made / "meta/main.yml").write_text("dependencies: [base, {role: pki}]\n")
    defaults = f"thing_size: 3\nthing_key: ''\nthing_list: [{', '.join(['long'] * 30)}]\n__thing_x: !vault 1\n"
    (made / "defaults/main.yml").write_text(defaults)
    (made / "docs/intro.md").write_text("An *example*.\n")
    return made


def test_readme(role: Path) -> None:
    assert role_docs.describe(role).splitlines() == [
        "# Role thing",
        "",
        "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->",
        "<!-- Written by bin/role-docs from meta/argument_specs.yml and defaults/main.yml: change those. -->",
        "",
        "Does `it`.",
        "",
        "One.",
        "",
        "Two with `thing_size` | `3`.",
        "",
        "An *example*.",
        "",
        "## Variables",
        "",
        "| Variable | Type | Default | Required | What it does |",
        "|---|---|---|---|---|",
        "| `thing_size` | int | `3` |  | How **big**, a\\|b |",
        "| `thing_name` | str |  | yes | Name One of `a`, `b`. |",
        '| `thing_key` | str | `""` |  | Key Secret: never shown. |',
        "| `thing_list` | list of dict | see [defaults](defaults/main.yml) |  | Things |",
        "| `thing_list[].path` | path | `/x` | yes | Where |",
        "",
        "## Entry point `other`",
        "",
        "The other one.",
        "",
        "### Variables",
        "",
        "| Variable | Type | Default | Required | What it does |",
        "|---|---|---|---|---|",
        "| `other_flag` | bool |  |  | Flag |",
        "",
        "## Needs",
        "",
        "- role base",
        "- role pki",
    ]


def test_check_names_what_is_stale(role: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(role.parents[1])]
    assert role_docs.main([*root, "--check"]) == 1
    assert capsys.readouterr().err == "roles/thing/README.md is stale: run bin/role-docs\n"
    assert not (role / "README.md").exists()
    assert role_docs.main(root) == 0
    assert capsys.readouterr().out == "roles/thing/README.md written\n"
    assert role_docs.main([*root, "--check"]) == 0
    assert role_docs.main(root) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("defaults/main.yml", "thing_new: 1", "in defaults/main.yml but not in meta/argument_specs.yml: thing_new"),
        ("defaults/main.yml", "thing_name: a", "required, and yet with a default: thing_name"),
        ("meta/argument_specs.yml", "{}", "meta/argument_specs.yml with an entry point `main` is missing"),
        ("meta/argument_specs.yml", SPEC.replace("description: Key", "x: y"), "thing_key has no description"),
    ],
)
def test_role_that_cannot_be_described(
    role: Path, capsys: pytest.CaptureFixture[str], file: str, text: str, message: str
) -> None:
    (role / file).write_text(text)
    assert role_docs.main(["--root", str(role.parents[1]), "--check"]) == 1
    assert capsys.readouterr().err == f"roles/thing: {message}\n"


def test_broken_yaml(role: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (role / "meta/main.yml").write_text("a: [")
    assert role_docs.main(["--root", str(role.parents[1])]) == 1
    assert "meta/main.yml" in capsys.readouterr().err


def test_lab_roles_only_with_a_specification(role: Path) -> None:
    root = role.parents[1]
    (root / "lab/roles/plain/tasks").mkdir(parents=True)
    (root / "lab/roles/told/meta").mkdir(parents=True)
    (root / "lab/roles/told/meta/argument_specs.yml").write_text(SPEC)
    assert [path.name for path in role_docs.roles(root)] == ["thing", "told"]


def collection(folder: Path, name: str, version: str) -> None:
    path = folder.joinpath(*name.split("."))
    path.mkdir(parents=True)
    (path / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": version}}))


def test_collections(tmp_path: Path) -> None:
    folder = tmp_path / "installed"
    collection(folder, "community.crypto", "3.0.5")
    collection(folder, "ansible.posix", "2.1.0")
    (tmp_path / "roles/x").mkdir(parents=True)
    (tmp_path / "roles/x/main.yml").write_text(
        "- community.crypto.openssl_privatekey:\n- ansible.posix.mount:\n- copy: {src: containers.conf.j2}\n"
    )
    requirements = tmp_path / "requirements.yml"
    requirements.write_text(
        "collections: [{name: community.crypto, version: 3.0.5}, {name: ansible.posix, version: 2.1.0}]"
    )
    assert check_collections.problems(tmp_path, [folder]) == []
    requirements.write_text("collections: [{name: community.crypto, version: 3.0.4}, {name: a.b, version: 1.0.0}]")
    assert check_collections.problems(tmp_path, [folder]) == [
        "community.crypto: requirements.yml pins 3.0.4, the environment has 3.0.5",
        "a.b: requirements.yml pins 1.0.0, but the environment does not have it",
        "ansible.posix: used in roles/x/main.yml, but not in requirements.yml",
    ]


def test_collections_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_collections.main([]) == 0, capsys.readouterr().err


def test_spdx(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    line = "# SPDX-License-Identifier: GPL-3.0-or-later\n"
    files = {
        "good.py": line,
        "good.yml": "---\n" + line,
        "late.yml": "---\n" + "x: 1\n" * 5 + line,
        "bare.py": "x = 1\n",
        "script": "#!/bin/sh\n",
        "good-script": "#!/bin/sh\n" + line,
        "data.json": "{}\n",
        "out.json.j2": "{}\n",
        "README.md": "# x\n",
        "empty.py": "",
        "vault.yml": "$ANSIBLE_VAULT;1.1;AES256\n61\n",
        "ignored.py": "x = 1\n",
        ".gitignore": "ignored.py\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert check_spdx.main(["--root", str(tmp_path)]) == 1
    named = [text.partition(":")[0] for text in capsys.readouterr().err.splitlines()]
    assert named == ["bare.py", "late.yml", "script"]


@pytest.fixture
def account_files(tmp_path: Path) -> Path:
    """A repository with just what describes the account files."""
    for name in (account_docs.SCHEMA, *(f"{account_docs.CHECKS}/{name}.py" for name in ("__init__", "limits"))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_the_fields_of_account_files_are_described(account_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = account_files / account_docs.PAGE
    assert account_docs.main(["--root", str(account_files), "--check"]) == 1
    assert "docs/account-files.md is stale: run bin/account-docs" in capsys.readouterr().err
    assert not page.exists()
    assert account_docs.main(["--root", str(account_files)]) == 0
    assert account_docs.main(["--root", str(account_files), "--check"]) == 0
    rows = [
        "| `domain` | [domain name](#domain-name) | yes | A domain name, in the script of its language or in A-labels "
        "(xn--...). | `widget.example` |",
        "| `limits.mailboxes` | whole number |  | Number of mailboxes. Shared and disabled ones count, absent ones do "
        "not. | `100` |",
        "| `forwards.keep_copy` | true, false | `true` | Whether the mailbox gets the mail as well. |  |",
        "| `services` | [services](#services) |  | Services, each true or false. Where nothing is said a mailbox has "
        "what defaults of the domain have, and a domain all. |  |",
        "- Number of mailboxes and sum of quotas against what a domain may have. Only absent mailboxes do not count.",
    ]
    assert set(rows) <= set(page.read_text().splitlines())


def test_each_field_of_account_files_needs_a_description(
    account_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = json.loads((account_files / account_docs.SCHEMA).read_text())
    del schema["properties"]["customer"]["description"]
    (account_files / account_docs.SCHEMA).write_text(json.dumps(schema))
    assert account_docs.main(["--root", str(account_files)]) == 1
    assert capsys.readouterr().err == "schemas/domain.schema.json: customer has no description\n"


def test_each_check_needs_words(account_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (account_files / account_docs.CHECKS / "limits.py").write_text("x = 1\n")
    assert account_docs.main(["--root", str(account_files)]) == 1
    assert capsys.readouterr().err == "module_utils/mailroom/checks/limits.py has no docstring\n"


MODULE = """
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = '''
module: thing
short_description: Does it
description: It does.
author: Somebody
attributes: {check_mode: {support: full}}
options:
  size: {type: int, default: 3, description: How big}
  parts: {type: list, elements: dict, description: Which, suboptions: {name: {type: str, description: Called}}}
'''
EXAMPLES = "[{name: Do it, thing: {size: 3}}]"
RETURN = "done: {description: What was done, returned: always, type: str}"


def main():
    parts = {"type": "list", "elements": "dict", "options": {"name": {"type": "str"}}}
    AnsibleModule(argument_spec={"size": {"type": "int", "default": 3}, "parts": parts}, supports_check_mode=True)
"""
WRONG_MODULES = {
    "option size: default is documented as 3 and is 4": ('"default": 3', '"default": 4'),
    "option size: type is documented as 'int' and is None": ('{"type": "int", "default"', '{"default"'),
    "option size: required is documented as None and is True": ('"default": 3', '"default": 3, "required": True'),
    "option size has no description": (", description: How big", ""),
    "option length is taken and not documented": ('{"size"', '{"length": {}, "size"'),
    "option length is documented and not taken": ("options:\n", "options:\n  length: {description: How long}\n"),
    "option parts.name: type is documented as 'str' and is 'int'": (
        '{"name": {"type": "str"',
        '{"name": {"type": "int"',
    ),
    "DOCUMENTATION has no author": ("author: Somebody\n", ""),
    "DOCUMENTATION is of 'think'": ("module: thing", "module: think"),
    "attributes say 'full' of check mode, and supports_check_mode is None": (", supports_check_mode=True", ""),
    "EXAMPLES do not use thing": ("thing: {size: 3}", "think: {size: 3}"),
    "EXAMPLES is no list of named tasks": ("[{name: Do it, ", "[{"),
    "RETURN done has no type": (', type: str}"', '}"'),
}


def test_modules_are_documented_as_they_are(tmp_path, capsys):
    assert check_modules.main([]) == 0
    file = tmp_path / "library" / "thing.py"
    file.parent.mkdir()
    file.write_text(MODULE)
    assert check_modules.main([str(file)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("problem", WRONG_MODULES)
def test_wrong_documentation_is_found(problem, tmp_path, capsys):
    file = tmp_path / "library" / "thing.py"
    file.parent.mkdir()
    assert WRONG_MODULES[problem][0] in MODULE
    file.write_text(MODULE.replace(*WRONG_MODULES[problem]))
    assert check_modules.main([str(file)]) == 1
    assert f"thing.py: {problem}\n" in capsys.readouterr().out
