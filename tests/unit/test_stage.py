# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of configuration files: compared, staged, checked."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "mailroom_stage", Path(__file__).resolve().parents[2] / "module_utils/mailroom_stage.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
core = importlib.util.module_from_spec(_SPEC)
sys.modules["mailroom_stage"] = core
_SPEC.loader.exec_module(core)


def test_equal_files_are_no_change(tmp_path: Path) -> None:
    (tmp_path / "a.cf").write_text("x = 1\n")
    plan = core.make_plan([core.File(f"{tmp_path}/a.cf", b"x = 1\n", 0o644)], [f"{tmp_path}/*.cf"])
    assert (plan.write, plan.remove, plan.diff) == ([], [], [])


def test_changes_and_strangers_are_planned_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.cf").write_text("x = 1\n")
    (tmp_path / "stranger.cf").write_text("y\n")
    (tmp_path / "folder.cf").mkdir()
    files = [core.File(f"{tmp_path}/{name}.cf", b"x = 2\n", 0o644) for name in ("b", "a")]
    plan = core.make_plan(files, [f"{tmp_path}/*.cf"])
    assert [Path(file.path).name for file in plan.write] == ["a.cf", "b.cf"]
    assert plan.remove == [f"{tmp_path}/stranger.cf"]
    assert plan.diff[0]["before"] == "x = 1\n"


def test_products_go_with_their_source(tmp_path: Path) -> None:
    for name in ("kept.svbin", "gone.svbin"):
        (tmp_path / name).write_text("1")
    files = [core.File(f"{tmp_path}/kept.sieve", b"keep;\n", 0o644)]
    assert core.make_plan(files, [f"{tmp_path}/*"], (".svbin",)).remove == [f"{tmp_path}/gone.svbin"]


def test_secrets_stay_out_of_the_diff(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("password = previous\n")
    files = [core.File(f"{tmp_path}/{name}", b"password = hunter2\n", 0o640, secret=True) for name in ("old", "new")]
    text = repr(core.make_plan(files, []).diff)
    assert "hunter2" not in text
    assert "previous" not in text
    assert "not shown" in text


def test_forbidden_lines_are_named_but_comments_pass() -> None:
    rules = [core.Forbidden(r"%[dnu]\b", "one-letter variable")]
    file = core.File("/etc/d.conf", b"# %u\nhome = /srv/%d/%n\n", 0o644)
    assert core.find_forbidden([file], rules) == ["/etc/d.conf:2: one-letter variable: home = /srv/%d/%n"]
    secret = core.File("/etc/d.conf", b"pw = %u\n", 0o644, secret=True)
    assert "pw" not in core.find_forbidden([secret], rules)[0]


def test_stage_shows_the_state_to_be(tmp_path: Path) -> None:
    live, root = tmp_path / "live", tmp_path / "root"
    live.mkdir()
    (live / "keep").write_text("1")
    (live / "gone").write_text("1")
    (live / "main").write_text("old")
    files = [core.File(f"{live}/main", b"new", 0o600)]
    plan = core.make_plan(files, [f"{live}/gone"])
    core.stage(str(root), files, plan, [str(live), "/does/not/exist"])
    assert sorted(path.name for path in Path(f"{root}{live}").iterdir()) == ["keep", "main"]
    assert Path(f"{root}{live}/main").read_text() == "new"
    assert (live / "main").read_text() == "old"


@pytest.mark.parametrize(
    ("code", "output", "refused"),
    [(0, "fine\n", False), (1, "fatal: bad /r/etc/x\n", True), (0, "warning: unused parameter: x\n", True)],
)
def test_a_warning_counts_as_failure(code: int, output: str, refused: bool) -> None:
    seen = []

    def run(command: list[str]) -> tuple[int, str]:
        seen.append(command)
        return code, output

    if refused:
        with pytest.raises(core.StageError, match="nothing was changed"):
            core.run_checks("/r", [["check", "{root}/etc/x"]], "warning", run)
    else:
        core.run_checks("/r", [["check", "{root}/etc/x"]], "warning", run)
    assert seen == [["check", "/r/etc/x"]]
