# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom review on real git repositories: whose change may be merged, and by which rules."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from clitools import LAB, ROOT, Copy, Ended


class Repository:
    """The lab's account files and rules in git, with a branch `change` that a test fills."""

    def __init__(self, folder: Path, capsys) -> None:
        self.top = folder
        shutil.copytree(LAB, folder / "accounts")
        shutil.copy(ROOT / "inventories/lab/delegation.yml", folder)
        self._copy = Copy(folder / "accounts", capsys)
        self.git("init", "-q", "-b", "main")
        self.commit("before")
        self.git("checkout", "-q", "-b", "change")

    def git(self, *words: str) -> None:
        name = ["-c", "user.name=N", "-c", "user.email=n@example.com"]
        subprocess.run(["git", *name, *words], cwd=self.top, check=True, stdout=subprocess.DEVNULL)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "-qm", message)

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.top / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    def review(self, who: str, *words: str) -> Ended:
        return self._copy.run("review", "main", "change", "--as", who, *words)


@pytest.fixture
def repository(tmp_path, capsys) -> Repository:
    return Repository(tmp_path, capsys)


def test_a_change_of_his_own_passes(repository):
    repository.edit("accounts/widget.example.yml", "ann: {name: Ann Lee}", "ann: {name: Ann Leigh}")
    repository.commit("married")
    ended = repository.review("widget.desk")
    assert (ended.code, ended.out) == (0, "Passed: all changes are widget.desk's to make.\n")


def test_a_change_of_others_is_refused_with_its_line(repository):
    repository.edit("accounts/widget.example.yml", "ann: {name: Ann Lee}", "ann: {name: Ann Lee, quota: 9G}")
    repository.commit("more")
    line = next(
        number
        for number, text in enumerate((repository.top / "accounts/widget.example.yml").read_text().splitlines(), 1)
        if "quota: 9G" in text
    )
    ended = repository.review("widget.desk")
    assert ended.code == 3
    assert ended.out == (
        f"widget.example.yml:{line}: error: mailboxes.ann.quota: widget.desk: may not change quota in mailboxes\n"
        "Refused: 1 of the changes are not widget.desk's to make.\n"
    )
    assert repository.review("operator").code == 0
    assert repository.review("widget.desk", "--format", "github").out.startswith("::error file=")


def test_a_change_cannot_bring_its_own_permission(repository):
    repository.edit("accounts/widget.example.yml", "ann: {name: Ann Lee}", "ann: {name: Ann Lee, quota: 9G}")
    repository.edit("delegation.yml", "mailboxes: [name,", "mailboxes: [quota, name,")
    repository.commit("more")
    ended = repository.review("widget.desk")
    assert ended.code == 3
    assert "delegation.yml:1: error: widget.desk: may change account files only" in ended.out
    assert "widget.desk: may not change quota in mailboxes" in ended.out


def test_programs_and_links_are_no_account_files(repository):
    (repository.top / "playbook.yml").write_text("---\n")
    (repository.top / "accounts/new.example.yml").symlink_to("/etc/passwd")
    repository.commit("surprise")
    ended = repository.review("widget.desk")
    assert ended.code == 3
    assert ended.out.count("widget.desk: may change account files only") == 2
    assert repository.review("operator").code == 0


def test_what_others_changed_meanwhile_is_not_held_against_it(repository):
    repository.edit("accounts/widget.example.yml", "ann: {name: Ann Lee}", "ann: {name: Ann Leigh}")
    repository.commit("married")
    repository.git("checkout", "-q", "main")
    repository.edit("accounts/gadget.example.yml", "Noah King", "Noah Kong")
    repository.commit("meanwhile")
    assert repository.review("widget.desk").code == 0


def test_what_does_not_merge_is_told(repository):
    repository.edit("accounts/widget.example.yml", "Ann Lee", "Ann Leigh")
    repository.commit("one way")
    repository.git("checkout", "-q", "main")
    repository.edit("accounts/widget.example.yml", "Ann Lee", "Ann Low")
    repository.commit("another")
    ended = repository.review("widget.desk")
    assert (ended.code, ended.err) == (
        1,
        "mailroom: change does not merge into main; merge or rebase it by hand first\n",
    )


def test_a_reseller_adds_a_domain_below_his_own_and_nothing_else(repository):
    text = (
        "domain: {name}\ncustomer: gadget\ndefaults: {{quota: 1G}}\n"
        "mailboxes:\n  ann: {{name: Ann Lee}}\naliases: {{postmaster: [ann], abuse: [ann]}}\n"
    )
    new = repository.top / "accounts/shop.gadget.example.yml"
    new.write_text(text.format(name="shop.gadget.example"))
    repository.commit("a shop")
    assert repository.review("gadget.reseller").code == 0
    (repository.top / "accounts/mygadget.example.yml").write_text(text.format(name="mygadget.example"))
    repository.commit("another one")
    ended = repository.review("gadget.reseller")
    assert ended.code == 3
    assert "gadget.reseller: may not add the domain mygadget.example; may add: *.gadget.example" in ended.out


def test_who_is_not_named_may_change_nothing(repository):
    ended = repository.review("stranger")
    assert ended.code == 3
    assert "stranger is not in " in ended.err
    assert "delegation.yml at main; who is not named there may change nothing" in ended.err


def test_unknown_revisions_and_missing_rules_are_told(repository):
    ended = repository.review("operator", "--delegation", str(repository.top / "nowhere.yml"))
    assert ended.code == 64
    assert "nowhere.yml is not in main; name the rules with --delegation" in ended.err
    repository.git("checkout", "-q", "main")
    repository.git("branch", "-D", "change")
    ended = repository.review("operator")
    assert ended.code == 64
    assert "change: no such revision of " in ended.err


def test_account_files_with_errors_are_refused_before_the_review(repository):
    repository.edit("accounts/widget.example.yml", "Ann Lee}", "Ann Lee, qouta: 9G}")
    repository.commit("typo")
    ended = repository.review("widget.desk")
    assert ended.code == 4
    assert "mailroom: the account files have errors once change is in; see mailroom validate" in ended.err
    assert "mailboxes.ann.qouta: unknown field; did you mean quota?" in ended.err
