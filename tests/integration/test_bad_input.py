"""A wrong input gives one line (value, rule, remedy), exit code 2, and nothing is lost."""

import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

from orchestrator.cli import main
from state.commit import CommitRecord
from state.commit_files import CommitFiles
from state.run_folder import RunFolder


class Ended(NamedTuple):
    """A command, as a process of its own would have ended it."""

    code: int | str | None
    out: str
    err: str


def symbio(*arguments: str, cwd: Path) -> Ended:
    """In this process; the parser leaves by an exit."""
    out, err = StringIO(), StringIO()
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        try:
            code: int | str | None = main([*arguments])
        except SystemExit as leaving:
            code = leaving.code
    return Ended(code, out.getvalue(), err.getvalue())


def in_its_own_process(*arguments: str, cwd: Path) -> Ended:
    run = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    return Ended(run.returncode, run.stdout, run.stderr)


def assert_refused(run: Ended, *words: str) -> None:
    assert run.code == 2, run.err
    assert run.out.count("\n") == 0, run.out
    assert run.err.count("\n") == 1, run.err
    assert "Traceback" not in run.err
    for word in words:
        assert word in run.err


TEXT = "".join(
    f"The {n}th sentence is not the same as the others, it says {n * n}.\n" for n in range(900)
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "does not exist"),
        (b"", "empty"),
        (b"\x00\x01\x02" * 900, "binary"),
        ("caf\xe9 ".encode("latin-1") * 900, "UTF-8"),
        (b"A short text.\n", "token"),
        (b"a" * 50_000, "the character 'a'"),
    ],
    ids=["missing", "empty", "binary", "not-utf8", "shorter-than-a-block", "one-character"],
)
def test_a_corpus_that_cannot_be_used_is_refused(
    tmp_path: Path, content: bytes | None, word: str
) -> None:
    path = tmp_path / "corpus.txt"
    if content is not None:
        path.write_bytes(content)
    run = symbio("--data", str(path), "--run-dir", "run", "--budget", "100", cwd=tmp_path)
    assert_refused(run, word)
    assert not (tmp_path / "run").exists(), "a refused corpus leaves no run folder behind"


@pytest.mark.slow
def test_a_process_of_its_own_says_the_same_of_corpus_flag_and_state(corpus: Path) -> None:
    for arguments in (
        ["--data", "absent.txt", "--run-dir", "run", "--budget", "100"],
        ["--data", str(corpus), "--dim", "30", "--heads", "4"],
        ["frobnicate"],
        ["--resume", "run/state.json"],
    ):
        alone = in_its_own_process(*arguments, cwd=corpus.parent)
        assert_refused(alone)
        assert alone == symbio(*arguments, cwd=corpus.parent), arguments


@pytest.mark.parametrize("budget", ["0", "-5", "10", "59", "1.5", "abc", ""])
def test_a_wrong_budget_is_refused(corpus: Path, budget: str) -> None:
    run = symbio("--data", str(corpus), f"--budget={budget}", cwd=corpus.parent)
    assert_refused(run, budget)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "giant"], ["giant", "tiny"]),
        (["--lineages", "9"], ["9", "4"]),
        (["--dim", "30", "--heads", "4"], ["30", "heads"]),
        (["--control", "sillu"], ["sillu", "silu"]),
        (["--engine", "slurm"], ["slurm", "inline"]),
        (["--device", "cuda"], ["cuda"]),
        (["--preset", "best"], ["best", "original"]),
        (["--lr", "nan"], ["nan"]),
        (["--dropout", "1.5"], ["1.5"]),
        (["--no-such-flag"], ["--no-such-flag"]),
        (["--config", "absent.toml"], ["absent.toml"]),
        (["frobnicate"], ["frobnicate"]),
    ],
)
def test_a_wrong_setting_is_refused(corpus: Path, arguments: list[str], words: list[str]) -> None:
    run = (
        symbio("--data", str(corpus), *arguments, cwd=corpus.parent)
        if arguments[0][0] == "-"
        else symbio(*arguments, cwd=corpus.parent)
    )
    assert_refused(run, *words)
    assert not (corpus.parent / "runs").exists()


def test_a_config_file_with_an_unknown_key_is_refused(corpus: Path) -> None:
    path = corpus.parent / "run.toml"
    path.write_text("[model]\nwidth = 3\n", encoding="utf-8")
    run = symbio("--data", str(corpus), "--config", str(path), cwd=corpus.parent)
    assert_refused(run, "model.width")


def test_a_run_folder_that_cannot_be_written_is_refused(corpus: Path) -> None:
    blocked = corpus.parent / "file"
    blocked.write_text("in the way", encoding="utf-8")
    run = symbio("--data", str(corpus), "--run-dir", str(blocked / "run"), cwd=corpus.parent)
    assert_refused(run, "cannot be written")
    assert blocked.read_text(encoding="utf-8") == "in the way"


def test_a_folder_that_holds_a_run_is_not_overwritten(corpus: Path) -> None:
    folder = corpus.parent / "run"
    folder.mkdir()
    (folder / "state.json").write_text("{}", encoding="utf-8")
    run = symbio("--data", str(corpus), "--run-dir", str(folder), cwd=corpus.parent)
    assert_refused(run, "--resume")
    assert (folder / "state.json").read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("content", ["", "{", '{"schema_version": 1}', "[]", "\x00"])
def test_a_damaged_state_without_a_previous_one_is_refused(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "state.json").write_text(content, encoding="utf-8")
    assert_refused(symbio("--resume", str(folder / "state.json"), cwd=tmp_path), "state.json")
    assert (folder / "state.json").read_text(encoding="utf-8") == content


def test_a_state_of_a_newer_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    newer = CommitRecord(
        schema_version=99,
        run_id="from the future",
        written_at="2030-01-01T00:00:00+00:00",
        generation=0,
        summary={},
        state={},
        objects={},
        journal_bytes={},
        environment={},
    )
    CommitFiles(folder).publish(newer)
    assert_refused(symbio("--resume", str(folder.root), cwd=tmp_path), "99", "upgrade")


def test_a_missing_state_is_refused(tmp_path: Path) -> None:
    assert_refused(symbio("--resume", str(tmp_path / "run/state.json"), cwd=tmp_path), "run")
    (tmp_path / "empty").mkdir()
    assert_refused(symbio("status", str(tmp_path / "empty"), cwd=tmp_path), "state.json")
