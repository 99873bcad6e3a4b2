"""Whose a folder is while a run is made ready in it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from orchestrator.claim import claimed, is_taken
from orchestrator.preparation import prepare_run
from orchestrator.settings import Settings, build_config
from state.run_folder import RunFolder
from state.run_lock import InUse, RunLock
from trainer.demo_corpus import write_demo_corpus

REPOSITORY = Path(__file__).parents[2]

HOLD = """
import sys
from pathlib import Path
from orchestrator.claim import claimed
from state.run_folder import RunFolder

with claimed(RunFolder(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that makes a run ready in the folder."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, text=True, cwd=REPOSITORY, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.communicate("")


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_who_comes_second_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "one")
    with another(folder.root) as other:
        before = files(tmp_path)
        with pytest.raises(InUse, match=f"in use by process {other.pid}"), claimed(folder):
            pass
        assert files(tmp_path) == before
        assert is_taken(folder)


def test_a_folder_whose_maker_was_killed_is_free_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "one")
    with another(folder.root) as other:
        other.kill()
        other.wait()
    assert folder.claim.exists()
    assert not is_taken(folder)
    with claimed(folder) as claim:
        assert is_taken(folder)
    claim.give_up()
    claim.give_up()
    assert not folder.claim.exists()


@pytest.mark.parametrize("taken", ["lock", "state.json"])
def test_a_run_that_has_begun_meanwhile_is_left_alone(tmp_path: Path, taken: str) -> None:
    folder = RunFolder(tmp_path / "one")
    folder.create()
    (folder.data / "search.bin").write_bytes(b"tokens")
    if taken == "state.json":
        folder.state.write_text("{}")
    before = files(tmp_path)
    with RunLock(folder.lock) if taken == "lock" else nullcontext():
        assert is_taken(folder)
        with pytest.raises(InUse, match="taken by another process"), claimed(folder):
            pass
    assert files(tmp_path) == sorted({*before, *(["one/lock"] if taken == "lock" else [])})


def test_an_error_takes_away_what_was_made_and_nothing_else(tmp_path: Path) -> None:
    mine = tmp_path / "there" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    for name in ("there", "a/b/c"):
        folder = RunFolder(tmp_path / name)
        with pytest.raises(KeyError), claimed(folder):
            (folder.data / "train.txt").write_text("half")
            raise KeyError
    assert files(tmp_path) == ["there", "there/mine.txt"]


def test_a_run_that_was_made_ready_keeps_others_out_until_it_begins(tmp_path: Path) -> None:
    write_demo_corpus(tmp_path / "demo.txt", 20_000)
    settings: Settings = {
        "run_dir": str(tmp_path / "run"),
        "data": {"paths": [str(tmp_path / "demo.txt")], "tokenizer": "byte"},
        "model": {"dim": 16, "heads": 2, "layers": 1, "block": 16},
    }
    config = build_config(settings, environment={})
    prepared = prepare_run(config)
    with pytest.raises(InUse, match="stop it or choose another --run-dir"):
        prepare_run(config)
    assert prepared.claim is not None
    prepared.claim.give_up()


def test_two_runs_begun_at_once_have_a_folder_and_a_text_each(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchestrator.cli", "train", "--tokenizer", "byte"]
    command += ["--iters", "10", "--dim", "16", "--heads", "2", "--layers", "1", "--block", "16"]
    quiet = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "SYMBIO_NO_FIGURES": "1"}
    begun = []
    for name in ("quartz", "zebra"):
        (tmp_path / f"{name}.txt").write_text("".join(f"{name} {n} runs.\n" for n in range(3000)))
        begun.append(
            subprocess.Popen(
                [*command, "--plain", "--data", f"{name}.txt"],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, **quiet},
            )
        )
    told = [process.communicate()[0] for process in begun]
    assert [process.returncode for process in begun] == [0, 0], told
    folders = sorted((tmp_path / "runs").iterdir())
    assert [folder.name for folder in folders] == ["train", "train-2"]
    texts = [RunFolder(folder).data.joinpath("train.txt").read_text() for folder in folders]
    words = [set(text.split()) & {"quartz", "zebra"} for text in texts]
    assert sorted(words, key=str) == [{"quartz"}, {"zebra"}]
