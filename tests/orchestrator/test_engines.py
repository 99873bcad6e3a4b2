"""One contract for every engine: outcomes depend on the task alone."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from orchestrator.engine import Engine, InlineEngine
from state import partial
from state.genome import parse
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.seeds import derive_seed
from state.tasks import BaselineTask, BatchKey, EvaluationTask, Task, TrainingTask
from tests.task_builders import make_training_task, make_worker_setup
from trainer.config import WorkerSetup

TIMES = {"train_seconds", "eval_seconds", "battery_seconds", "started_at"}
ROW_TIMES = {"tokens_per_sec", "ms_per_step"}


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    return make_worker_setup(tmp_path_factory.mktemp("engine") / "run")


@pytest.fixture(scope="module", params=["inline", pytest.param("ray", marks=[pytest.mark.ray])])
def engine(request: pytest.FixtureRequest, setup: WorkerSetup) -> Iterator[Engine]:
    if request.param == "inline":
        yield InlineEngine(setup)
        return
    from orchestrator.ray_engine import RayEngine

    started = RayEngine(setup, slots=2)
    yield started
    started.close()


def training(number: int, formula: str = "gelu", threads: int = 1) -> TrainingTask:
    return make_training_task(
        formula,
        task_id=f"member{number}",
        parent_genome=parse("gelu"),
        init_seed=derive_seed(0, "init"),
        steps=3,
        batches=BatchKey(seed=0, lineage=0, generation=1, purpose=f"stream{number}"),
        threads=threads,
    )


TASKS: list[Task] = [
    training(1),
    training(2, "relu2"),
    training(3, "glu(silu(x))"),
    training(4, "0.7*silu(x) + 0.3*x"),
    EvaluationTask(
        task_id="untrained", genome=parse("gelu"), checkpoint=None, init_seed=7, splits=("search",)
    ),
    BaselineTask(task_id="order2", split="search"),
]


@pytest.fixture(autouse=True)
def forgetful(setup: WorkerSetup) -> None:
    """Each test computes its outcomes anew."""
    partial.clear(RunFolder(Path(setup.run_folder)))


def go_on() -> bool:
    return False


def forget(setup: WorkerSetup) -> None:
    """What was done before is done again, so that engines compute and do not remember."""
    for path in RunFolder(Path(setup.run_folder)).partial.glob("*"):
        path.unlink()


@pytest.fixture(autouse=True)
def nothing_is_remembered(setup: WorkerSetup, expected: dict[str, object]) -> None:
    forget(setup)


def comparable(outcomes: list[Outcome]) -> dict[str, object]:
    """Everything but times, by task."""
    return {
        one.result.task_id: (
            one.result.model_dump(exclude=TIMES),
            [row.model_dump(exclude=ROW_TIMES) for row in one.rows],
        )
        for one in outcomes
    }


@pytest.fixture(scope="module")
def expected(setup: WorkerSetup) -> dict[str, object]:
    return comparable(InlineEngine(setup).run(TASKS, go_on))


def test_outcomes_come_in_the_order_of_the_tasks(engine: Engine) -> None:
    outcomes = engine.run(TASKS, go_on)
    assert [one.result.task_id for one in outcomes] == [task.task_id for task in TASKS]


def test_every_engine_gives_the_same_bits(engine: Engine, expected: dict[str, object]) -> None:
    assert comparable(engine.run(TASKS, go_on)) == expected


def test_permuting_the_tasks_permutes_the_results_and_nothing_else(
    engine: Engine, expected: dict[str, object]
) -> None:
    permuted = [TASKS[index] for index in (4, 2, 5, 0, 3, 1)]
    outcomes = engine.run(permuted, go_on)
    assert [one.result.task_id for one in outcomes] == [task.task_id for task in permuted]
    assert comparable(outcomes) == expected


def test_a_stop_starts_nothing_new(engine: Engine) -> None:
    assert engine.run(TASKS, lambda: True) == []


def test_a_task_that_cannot_be_computed_fails_alone(engine: Engine) -> None:
    exploding = training(9).model_copy(update={"lr_scale": 1e30, "steps": 12})
    outcomes = engine.run([exploding, training(1)], go_on)
    assert [one.result.status for one in outcomes] == ["quarantined", "trained"]
    first = outcomes[0].result
    assert isinstance(first, TrainingResult)
    assert first.checkpoint is None


def test_an_inline_engine_opens_no_socket(engine: Engine) -> None:
    if not isinstance(engine, InlineEngine):
        pytest.skip("Ray opens several")
    assert len(engine.run(TASKS[:1], go_on)) == 1
    mine = psutil.Process().net_connections(kind="all")
    assert [one for one in mine if one.status == psutil.CONN_LISTEN] == []


def test_closing_twice_is_harmless(setup: WorkerSetup) -> None:
    engine = InlineEngine(setup)
    engine.close()
    engine.close()


def test_a_worker_that_dies_is_replaced_and_its_task_done_again(
    engine: Engine, expected: dict[str, object]
) -> None:
    if isinstance(engine, InlineEngine):
        pytest.skip("an inline engine has no worker that could die alone")
    import ray

    ray.kill(engine._actors[0])  # type: ignore[attr-defined]
    assert comparable(engine.run(TASKS, go_on)) == expected
