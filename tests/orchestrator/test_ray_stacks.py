"""Workers that have a GPU each, and are given stacks: as one process does it."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from orchestrator import workers
from orchestrator.engine import InlineEngine
from orchestrator.ray_engine import RayEngine
from orchestrator.task_runner import TaskRunner
from state import partial
from state.genome import parse
from state.results import BaselineResult, Outcome
from state.run_folder import RunFolder
from state.tasks import BaselineTask, BatchKey, Task
from tests.task_builders import make_training_task, make_worker_setup
from trainer.config import WorkerSetup
from trainer.ranks.devices import SEEN_BY_ALL

pytestmark = pytest.mark.ray

FORMULAS = ("gelu", "relu2", "silu", "sin(x)")
TIMES = {"train_seconds", "eval_seconds", "started_at"}


class WatchedRunner(TaskRunner):
    """Says which GPU it sees, how large its stacks are, and dies of some."""

    def run(self, task: Task) -> Outcome:
        if not isinstance(task, BaselineTask):
            return super().run(task)
        time.sleep(0.3)
        seen = float(os.environ["CUDA_VISIBLE_DEVICES"])
        return Outcome(result=BaselineResult(task_id=task.task_id, bits_per_byte=seen))

    def run_job(self, tasks: Sequence[Task], *, anew: bool = False) -> list[Outcome]:
        names = " ".join(task.task_id for task in tasks)
        with (Path(self.setup.run_folder) / "jobs").open("a", encoding="utf-8") as file:
            file.write(f"{names}{' anew' if anew else ''}\n")
        if len(tasks) > 1 and "deadly" in names:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run_job(tasks, anew=anew)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    return make_worker_setup(tmp_path_factory.mktemp("stacks") / "run", stack=2)


@pytest.fixture(scope="module")
def engine(setup: WorkerSetup) -> Iterator[RayEngine]:
    """Ray is told of two GPUs, and computes on the CPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "LOCAL_GPUS", 2)
        patch.setenv(SEEN_BY_ALL, "4,6")
        started = RayEngine(setup, 2, runner=WatchedRunner)
        yield started
        started.close()


def member(name: str, formula: str) -> Task:
    return make_training_task(
        formula,
        task_id=name,
        parent_genome=parse("gelu"),
        steps=3,
        batches=BatchKey(seed=0, lineage=0, generation=1, purpose=name),
    )


def members(prefix: str) -> list[Task]:
    return [member(f"{prefix}{index}", formula) for index, formula in enumerate(FORMULAS)]


def comparable(outcomes: list[Outcome]) -> list[object]:
    return [one.result.model_dump(exclude=TIMES) for one in outcomes]


def jobs(setup: WorkerSetup) -> list[str]:
    return (Path(setup.run_folder) / "jobs").read_text(encoding="utf-8").splitlines()


def test_stacks_of_several_workers_have_the_bits_of_one_process(
    setup: WorkerSetup, engine: RayEngine
) -> None:
    expected = comparable(InlineEngine(setup).run(members("m"), lambda: False))
    partial.clear(RunFolder(Path(setup.run_folder)))
    found = engine.run(members("m"), lambda: False)
    assert comparable(found) == expected
    assert sorted(jobs(setup)) == ["m0 m1", "m2 m3"]


def test_every_worker_sees_a_gpu_of_its_own(engine: RayEngine) -> None:
    tasks = [BaselineTask(task_id=f"b{index}") for index in range(2)]
    results = [one.result for one in engine.run(tasks, lambda: False)]
    assert {one.bits_per_byte for one in results if isinstance(one, BaselineResult)} == {0.0, 1.0}


@pytest.mark.slow
def test_a_stack_that_kills_its_worker_comes_apart(setup: WorkerSetup, engine: RayEngine) -> None:
    """Slow: two workers are started anew."""
    before = len(jobs(setup))
    tasks = [member("deadly", "gelu"), member("good", "relu2")]
    others = [member(f"other{index}", "silu") for index in range(2)]
    outcomes = engine.run([*tasks, *others], lambda: False)
    assert [one.result.status for one in outcomes] == ["trained"] * 4
    later = jobs(setup)[before:]
    assert later.count("deadly good") == 2
    assert "deadly anew" in later
    assert "good anew" in later
