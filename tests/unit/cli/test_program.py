# SPDX-License-Identifier: GPL-3.0-or-later
"""bin/mailroom as people and programs call it: exit codes, streams, git revisions, Ansible underneath."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys

import pytest
import yaml
from clitools import LAB, ROOT, SMALL, program
from mailroom_cli.main import parser


@pytest.fixture
def place(tmp_path):
    """An inventory of this machine alone, with a small domain; no directory runs on it."""
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts/widget.example.yml").write_text(SMALL)
    host = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    variables = {
        "mailroom_accounts_dir": "{{ inventory_dir }}/accounts",
        "mailroom_passwords_file": str(tmp_path / "passwords.json"),
    }
    groups = {"directory_provider": {"hosts": {"localhost": host}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}))
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/mailroom.yml").write_text(yaml.safe_dump(variables))
    return tmp_path


def run(place, *words: str, **options):
    return program("--inventory", "hosts.yml", *words, cwd=place, **options)


def test_a_plan_that_has_changes(place):
    ended = run(place, "plan")
    assert ended.returncode == 2, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "widget.example"
    assert "  + mailbox ann@widget.example" in lines
    assert any(line.startswith("Creates=6, Updates=0, Deletes=0, Existing=0, Checksum=sha256:") for line in lines)
    assert not (place / "passwords.json").exists()


def test_a_plan_as_json_and_as_markdown(place):
    found = json.loads(run(place, "plan", "--json").stdout)
    assert (found["ok"], found["changed"], len(found["plan"]["steps"])) == (True, True, 6)
    ended = run(place, "plan", "--format", "markdown")
    assert ended.returncode == 2
    assert ended.stdout.startswith("### widget.example\n\n```diff\n+ ")
    assert ended.stdout.rstrip().endswith(found["plan"]["checksum"])


def many(number: int) -> str:
    return SMALL.replace("aliases:\n", "".join(f"  box{n}: {{name: Box {n}}}\n" for n in range(number)) + "aliases:\n")


def test_a_large_plan_has_every_step_as_json_and_as_markdown(place):
    (place / "accounts/widget.example.yml").write_text(many(600))
    ended = run(place, "plan", "--json")
    assert ended.returncode == 2, ended.stderr
    found = json.loads(ended.stdout)
    assert set(found) == {"ok", "changed", "summary", "plan", "warnings"}
    plan = found["plan"]
    assert (len(plan["steps"]), plan["counts"]["creates"]) == (606, 606)
    # A line for each step, so that it is made and read fast.
    assert len([line for line in ended.stdout.splitlines() if '"action": "create"' in line]) == 606
    markdown = run(place, "plan", "--format", "markdown").stdout.splitlines()
    steps = [f"+ {step['kind']} {step['label']}" for step in plan["steps"]]
    assert [line for line in markdown if line.startswith("+ ")] == steps
    assert markdown[-1] == found["summary"]


def test_a_refused_plan_as_json_has_its_steps_too(place):
    (place / "accounts/widget.example.yml").write_text(many(600))
    (place / "group_vars/all/checksum.yml").write_text("mailroom_checksum: sha256:0123\n")
    ended = run(place, "plan", "--format", "json")
    assert ended.returncode == 3
    found = json.loads(ended.stdout)
    assert (found["ok"], found["exit"], len(found["plan"]["steps"])) == (False, 3, 606)
    assert "is not the one that was reviewed" in found["findings"][0]


def test_errors_in_the_files_come_from_the_play_as_they_are(place):
    (place / "accounts/widget.example.yml").write_text(SMALL + "  sales: [nobody]\n")
    ended = run(place, "plan")
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "accounts/widget.example.yml:17: aliases.sales: nobody@widget.example does not exist" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_host_without_a_directory(place):
    ended = run(place, "apply")
    assert ended.returncode == 1
    assert ended.stderr.startswith("mailroom: localhost: ")
    assert "python-ldap" in ended.stderr
    ended = run(place, "apply", "--json")
    assert json.loads(ended.stdout)["exit"] == 1


def test_a_host_that_cannot_be_reached(place):
    hosts = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_ssh_retries": 0}
    groups = {"directory_provider": {"hosts": {"away": hosts}}}
    (place / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}))
    ended = run(place, "account", "disable", "anna@widget.example", "--apply")
    assert ended.returncode == 1
    assert ended.stderr.startswith("mailroom: away: ")
    assert "apply them again with: mailroom apply" in ended.stderr
    assert "state: disabled}" in (place / "accounts/widget.example.yml").read_text()


def test_words_for_ansible(place):
    ended = run(place, "plan", "--", "--list-tasks")
    assert ended.returncode == 0
    ended = run(place, "validate", "--", "-v")
    assert (ended.returncode, ended.stderr) == (64, "mailroom: only plan, apply and dns pass on what follows --\n")


def test_gates_are_named_exactly(place):
    ended = run(place, "apply", "--allow-removals", "widget.example")
    assert (ended.returncode, ended.stderr) == (64, "mailroom: 'widget.example' is not DOMAIN=NUMBER\n")
    ended = run(place, "apply", "--reset-password", "ann")
    assert (ended.returncode, ended.stderr) == (64, "mailroom: 'ann' is not an address; write LOCAL@DOMAIN\n")


def test_validate_in_all_forms(place):
    assert run(place, "validate").returncode == 0
    (place / "accounts/widget.example.yml").write_text(SMALL + "  sales: [nobody]\n")
    ended = run(place, "validate", "--format", "github")
    assert ended.returncode == 4
    assert ended.stdout.startswith("::error file=accounts/widget.example.yml,line=17,title=aliases.sales::nobody@")
    assert json.loads(run(place, "validate", "--json").stdout)["errors"] == 1
    assert json.loads(run(place, "validate", "--format", "gitlab").stdout)[0]["location"]["lines"] == {"begin": 17}


def test_files_are_parsed_once_for_all_commands(place, tmp_path):
    kept = tmp_path / "cache"
    options = {"env": {**os.environ, "XDG_CACHE_HOME": str(kept)}}
    folder = kept / "mailroom/accounts"
    for words in (("validate",), ("explain", "ann@widget.example"), ("account", "list")):
        assert run(place, *words, **options).returncode == 0
        assert len(list(folder.glob("*.parsed"))) == 1, words
    # An edit looks at all files as they would be: those that stay are not parsed anew.
    assert run(place, "account", "quota", "anna@widget.example", "6G", **options).returncode == 0
    assert len(list(folder.glob("*.parsed"))) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_usage(place):
    for words in ((), ("acount",), ("account",), ("account", "disable"), ("account", "disble", "x@y.example")):
        ended = run(place, *words)
        assert ended.returncode == 64, words
        assert ended.stderr.startswith("mailroom: "), words
    assert "mailroom account rename ann.lee@widget.example ann.park" in run(place, "account", "rename", "--help").stdout
    ended = program("--accounts", "nowhere", "validate")
    assert (ended.returncode, ended.stderr) == (
        64,
        "mailroom: nowhere: no such folder of account files; name one with --accounts\n",
    )


def test_common_options_stand_anywhere(place):
    for words in (("--json", "account", "list"), ("account", "list", "--json"), ("account", "--json", "list")):
        assert len(json.loads(run(place, *words).stdout)) == 3, words


def leaves(parser: argparse.ArgumentParser):
    """Each command that does something."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield parser
    for name in inner[0].choices if inner else ():
        yield from leaves(inner[0].choices[name])


def test_every_command_has_examples_that_work_and_exit_codes():
    for command in leaves(parser()):
        text = command.format_help()
        assert "exit codes:\n  0 " in text, command.prog
        examples = text.partition("examples:\n")[2].partition("\n\n")[0].splitlines()
        assert examples, command.prog
        for example in examples:
            words = shlex.split(example.partition(" >")[0].partition(" -- ")[0].rpartition("| ")[2].strip())
            if words[0] == "mailroom":
                assert parser().parse_args(words[1:]).run, example


def git(folder, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=N", "-c", "user.email=n@n", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )


def test_between_two_revisions(place):
    git(place, "init", "-q", "-b", "main")
    git(place, "add", ".")
    git(place, "commit", "-qm", "one")
    run(place, "account", "add", "carl@widget.example", "--name", "Carl")
    run(place, "account", "quota", "anna@widget.example", "6G")
    git(place, "commit", "-qam", "two")
    run(place, "account", "rename", "anna@widget.example", "anna.l")
    ended = run(place, "diff", "HEAD~1", "HEAD")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert "  + mailbox carl@widget.example" in lines
    assert "  ~ mailbox anna@widget.example" in lines
    assert "      mailroomQuota: 5368709120 -> 6442450944" in lines
    assert lines[-1].startswith("Creates=1, Updates=1, Deletes=0")
    steps = json.loads(run(place, "diff", "HEAD", "--json").stdout)["steps"]
    assert [(step["action"], step["label"]) for step in steps] == [("rename", "anna.l@widget.example")]
    assert run(place, "diff", "HEAD", "HEAD", "--format", "markdown").stdout.startswith("Creates=0, Updates=0")
    ended = run(place, "diff", "nothing")
    assert (ended.returncode, ended.stderr) == (64, "mailroom: nothing: no such revision of accounts\n")


def test_a_revision_with_errors(place):
    git(place, "init", "-q", "-b", "main")
    git(place, "add", ".")
    git(place, "commit", "-qm", "one")
    (place / "accounts/widget.example.yml").write_text(SMALL + "  sales: [nobody]\n")
    git(place, "commit", "-qam", "two")
    ended = run(place, "diff", "HEAD~1", "HEAD")
    assert ended.returncode == 4
    assert ended.stderr.splitlines()[0] == "mailroom: the account files at HEAD have errors; see mailroom validate"
    assert ended.stderr.splitlines()[1].startswith("HEAD:widget.example.yml:17: aliases.sales: nobody@")


def test_from_another_folder_and_through_a_link(tmp_path):
    link = tmp_path / "mailroom"
    link.symlink_to(ROOT / "bin/mailroom")
    # A module of this name here must not be taken for the real one.
    (tmp_path / "yaml.py").write_text("raise SystemExit('taken')\n")
    done = subprocess.run(
        [str(link), "--accounts", str(LAB), "explain", "ann@widget.example"],
        cwd=tmp_path, text=True, capture_output=True, check=False, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ann@widget.example\nReceives: yes\n")


def test_a_project_that_is_not_set_up(tmp_path):
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "bin/mailroom", tmp_path / "bin")
    done = subprocess.run([str(tmp_path / "bin/mailroom")], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        f"mailroom: {tmp_path} is not set up yet: run make -C {tmp_path} .setup first\n",
    )


def test_a_reader_that_has_seen_enough():
    command = f"{ROOT}/bin/mailroom --accounts {LAB} account list | head -1"
    done = subprocess.run(["bash", "-c", command], text=True, capture_output=True, check=False)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


def completed(line: str) -> list[str]:
    """What the shell is offered behind a line, by argcomplete's own protocol."""
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": "fish",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_IFS": "\n",
        "MAILROOM_ACCOUNTS": str(LAB),
    }
    command = ["bash", "-c", f"{ROOT}/bin/mailroom 8>&1 9>/dev/null >/dev/null 2>&1"]
    done = subprocess.run(command, text=True, capture_output=True, check=False, env=environment)
    return [word.partition("\t")[0].strip() for word in done.stdout.splitlines()]


def test_completion():
    assert {"validate", "account", "explain"} <= set(completed("mailroom "))
    assert completed("mailroom account dis") == ["disable"]
    assert completed("mailroom account disable ann") == ["ann@widget.example", "anna@widget.example"]
    assert completed("mailroom explain sales@w") == ["sales@widget.example"]
    assert "widget.example" in completed("mailroom domain show ")
    assert "mailroom" in program("completion", "bash").stdout
    assert program("completion", "tcsh").returncode == 64
