"""Processes that train one member together: equal, the same bits again, and never hanging."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import psutil
import pytest
import torch

from state.results import TrainingResult
from state.run_folder import RunFolder
from state.tasks import TrainingTask
from tests.task_builders import make_training_task, make_worker_setup
from tests.trainer_runs import read, with_its_own_run
from trainer.config import OptimizerConfig, WorkerSetup
from trainer.execution import TaskExecutor
from trainer.ranks import crew
from trainer.ranks.crew import Process, RankDied, Ranks
from trainer.ranks.devices import SEEN_BY_ALL, devices

STEPS = 40
SECONDS = 60.0
"""In which what must happen at once happens on a busy machine."""


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    changes = {"host_devices": 2, "snapshot_steps": 1, "snapshot_seconds": 0}
    optimizer = OptimizerConfig(batch=4)
    root = tmp_path_factory.mktemp("ranks") / "run"
    return make_worker_setup(root, optimizer=optimizer, **changes)


@pytest.fixture(scope="module")
def ranks(setup: WorkerSetup) -> Iterator[Ranks]:
    """Started once: a process takes seconds to load torch, which is why what uses them is slow."""
    started = Ranks(setup)
    yield started
    started.close()


def host(name: str) -> TrainingTask:
    return make_training_task(task_id=name, role="host", steps=STEPS)


def checkpoint(ranks: Ranks, task: TrainingTask) -> str:
    result = ranks.train(task).result
    assert isinstance(result, TrainingResult)
    assert result.checkpoint is not None
    return result.checkpoint


@pytest.mark.slow
def test_weights_are_those_of_one_process_and_bits_repeat(
    setup: WorkerSetup, ranks: Ranks, tmp_path: Path
) -> None:
    alone = with_its_own_run(setup, tmp_path / "run")
    expected = TaskExecutor(alone).execute(host("alone")).result
    assert isinstance(expected, TrainingResult)
    outcome = ranks.train(host("spread"))
    found = outcome.result
    assert isinstance(found, TrainingResult)
    whole = read(alone, expected.checkpoint).weights
    for name, tensor in read(setup, found.checkpoint).weights.items():
        torch.testing.assert_close(tensor, whole[name], rtol=1e-3, atol=1e-4)
    assert (found.tokens, found.training_flops) == (expected.tokens, expected.training_flops)
    assert found.evaluations[0].nats == pytest.approx(expected.evaluations[0].nats, rel=1e-4)
    assert len(outcome.rows) == STEPS
    assert checkpoint(ranks, host("again")) == found.checkpoint


def killed_once_it_has_saved(setup: WorkerSetup, ranks: Ranks) -> None:
    partial = RunFolder(Path(setup.run_folder)).partial
    ends = time.monotonic() + SECONDS
    while not list(partial.glob("*.progress.json")) and time.monotonic() < ends:
        time.sleep(0.002)
    os.kill(ranks.pids[1], signal.SIGKILL)


@pytest.mark.slow
def test_a_rank_that_is_killed_ends_the_task_and_others_go_on_from_there(
    setup: WorkerSetup, ranks: Ranks
) -> None:
    expected, pids = checkpoint(ranks, host("whole")), ranks.pids
    for path in RunFolder(Path(setup.run_folder)).partial.glob("*"):
        path.unlink()
    Thread(target=killed_once_it_has_saved, args=(setup, ranks)).start()
    with pytest.raises(RankDied, match="rank 1 of 2 died: signal 9"):
        ranks.train(host("killed"))
    assert not ranks.pids
    assert not any(map(psutil.pid_exists, pids))
    assert list(RunFolder(Path(setup.run_folder)).partial.glob("*.progress.json"))
    assert checkpoint(ranks, host("killed")) == expected


@pytest.mark.slow
def test_ranks_end_with_whoever_started_them(ranks: Ranks) -> None:
    children = [one.child for one in ranks._processes]
    assert len(children) == 2
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    assert [child.wait(SECONDS) for child in children] == [0, 0]


SAYS = "import sys; sys.stdin.readline(); sys.stdin.readline(); "


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        ("sys.exit('no such device')", RankDied, "rank . of 2 died: exit code 1; no such device"),
        (
            """print('{"error": "OutOfMemoryError", "message": "12 GB"}', flush=True)
sys.stdin.read()""",
            MemoryError,
            "^12 GB$",
        ),
        (
            """print('{"error": "KeyError", "message": "head"}', flush=True)
sys.stdin.read()""",
            RuntimeError,
            "^KeyError: head$",
        ),
    ],
)
def test_what_ends_a_process_is_told(
    setup: WorkerSetup,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    kind: type[Exception],
    message: str,
) -> None:
    monkeypatch.setattr(crew, "COMMAND", [sys.executable, "-c", SAYS + words])
    monkeypatch.setattr(crew, "LAST_WORDS_SECONDS", 0.3)
    ranks = Ranks(with_its_own_run(setup, tmp_path / "run"))
    with pytest.raises(kind, match=message):
        ranks.train(host("told"))
    assert not ranks.pids
    ranks.close()
    assert not list((tmp_path / "run").glob(".ranks-*"))


def test_each_process_sees_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    monkeypatch.setenv(SEEN_BY_ALL, "2,5,7")
    assert devices(2) == ["2", "5"]
    with pytest.raises(RuntimeError, match="4 devices are the host's, and 3 are visible: 2,5,7"):
        devices(4)
    monkeypatch.setenv(SEEN_BY_ALL, "")
    assert devices(3) == ["0", "1", "2"]


def test_a_process_that_is_gone_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "COMMAND", [sys.executable, "-c", ""])
    process = Process.started(dict(os.environ))
    process.child.wait()
    process.tell("are you there?")
    assert process.hear() is None
    assert process.how_it_ended() == "exit code 0"
    process.end()
