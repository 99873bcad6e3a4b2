"""Tasks that train together: as they are alone, and the same bits after an interruption."""

from collections.abc import Callable
from pathlib import Path

import pytest

from state.genome import parse
from state.results import Outcome, TrainingResult
from state.tasks import BatchKey, TrainingTask
from tests.task_builders import make_training_task, make_worker_setup
from tests.trainer_runs import comparable, with_its_own_run
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.snapshots import Snapshots
from trainer.stacked.training import train_together
from trainer.training import Chunk

STEPS = 4


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    changes = {"stack": 4, "snapshot_steps": 1, "snapshot_seconds": 0}
    return make_worker_setup(tmp_path_factory.mktemp("stack") / "run", **changes)


@pytest.fixture
def setup(prepared: WorkerSetup, tmp_path: Path) -> WorkerSetup:
    return with_its_own_run(prepared, tmp_path / "run")


def tasks() -> list[TrainingTask]:
    return [
        make_training_task(
            formula,
            task_id=f"member{index}",
            init_seed=index,
            steps=STEPS,
            lr_scale=1 + index / 4,
            mean_rate=0.5 if index == 0 else None,
            publishes_mean=index == 0,
            batches=BatchKey(seed=0, lineage=0, generation=1, purpose=f"own{index}"),
        )
        for index, formula in enumerate(("gelu", "relu2", "0.3*sin(x) + silu(x)"))
    ]


def trained(outcome: Outcome) -> TrainingResult:
    assert isinstance(outcome.result, TrainingResult)
    return outcome.result


def test_outcomes_are_those_of_tasks_alone(setup: WorkerSetup) -> None:
    together = train_together(TaskExecutor(setup), tasks())
    alone = [TaskExecutor(setup).execute(task) for task in tasks()]
    for one, other in zip(together, alone, strict=True):
        result, expected = trained(one), trained(other)
        assert result.evaluations[0].nats == pytest.approx(expected.evaluations[0].nats, rel=1e-4)
        assert [row.loss for row in one.rows] == pytest.approx(
            [row.loss for row in other.rows], rel=1e-4
        )
        assert (result.steps, result.tokens) == (expected.steps, expected.tokens)
        assert result.training_flops == expected.training_flops
        assert bool(result.averaged) == bool(expected.averaged)
    assert len({trained(one).checkpoint for one in together}) == 3


def test_shares_of_the_time_make_up_the_whole(setup: WorkerSetup) -> None:
    results = [trained(one) for one in train_together(TaskExecutor(setup), tasks())]
    first, second, _ = results
    assert first.train_seconds == second.train_seconds > 0
    ended = first.started_at + first.train_seconds + first.eval_seconds
    assert second.started_at == pytest.approx(ended)


def interrupted_after(saves: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[WorkerSetup], None]:
    """Trains until so many members were saved, then dies."""
    kept = Snapshots.save

    def run(setup: WorkerSetup) -> None:
        left = saves

        def save(self: Snapshots, chunk: Chunk) -> None:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            kept(self, chunk)

        with monkeypatch.context() as patched:
            patched.setattr(Snapshots, "save", save)
            with pytest.raises(KeyboardInterrupt):
                train_together(TaskExecutor(setup), tasks())

    return run


@pytest.mark.parametrize("saves", [3, 5])
def test_an_interrupted_stack_ends_with_the_same_bits(
    setup: WorkerSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saves: int
) -> None:
    other = with_its_own_run(setup, tmp_path / "other")
    interrupted_after(saves, monkeypatch)(other)
    resumed = train_together(TaskExecutor(other), tasks())
    whole = train_together(TaskExecutor(setup), tasks())
    assert [comparable(one) for one in resumed] == [comparable(one) for one in whole]


def test_a_new_activation_is_blended_in(setup: WorkerSetup) -> None:
    parent = trained(TaskExecutor(setup).execute(tasks()[0])).checkpoint
    grown = [
        make_training_task(
            formula, task_id=formula, parent=parent, parent_genome=parse("gelu"), morph_steps=2
        )
        for formula in ("gelu", "relu2", "universal")
    ]
    together = train_together(TaskExecutor(setup), grown)
    alone = [TaskExecutor(setup).execute(task) for task in grown]
    for one, two in zip(together, alone, strict=True):
        found, expected = trained(one), trained(two)
        assert found.switch_jump == pytest.approx(expected.switch_jump, abs=1e-5)
        assert found.evaluations[0].nats == pytest.approx(expected.evaluations[0].nats, rel=1e-4)
