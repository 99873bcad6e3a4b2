"""Ranks with parts of every batch end where one process with whole batches does."""

import pytest
import torch

from state.tasks import Teacher
from tests.task_builders import make_training_task, make_worker_setup
from tests.trainer.ranks.threads import together
from trainer.across import ALONE, Across
from trainer.config import OptimizerConfig, WorkerSetup
from trainer.execution import TaskExecutor, reproducible
from trainer.ranks.chunk import RankChunk
from trainer.stacked.training import StackedChunks

STEPS, BATCH = 4, 6


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> WorkerSetup:
    root = tmp_path_factory.mktemp("ranks") / "run"
    return make_worker_setup(root, optimizer=OptimizerConfig(batch=BATCH))


def trained(setup: WorkerSetup, size: int, *, stacked: bool, **changes: object) -> list[RankChunk]:
    """The chunks of all ranks after their steps."""
    task = make_training_task("glu(silu(x))", role="host", steps=STEPS, **changes)

    def work(across: Across) -> RankChunk:
        executor = TaskExecutor(setup)
        begun = executor.begun(task, lambda *given: RankChunk(across, *given))
        assert isinstance(begun.chunk, RankChunk)
        if stacked:
            StackedChunks([begun.chunk]).run(lambda: None)
        else:
            begun.chunk.run()
        return begun.chunk

    with reproducible(1, "cpu"):
        return [work(ALONE)] if size == 1 else together(size, work)


def require_equal(setup: WorkerSetup, *, stacked: bool = False, **changes: object) -> None:
    (whole,) = trained(setup, 1, stacked=stacked, **changes)
    for size in (2, 3):
        ranks = trained(setup, size, stacked=stacked, **changes)
        for rank in ranks:
            for name, expected in whole.member.model.state_dict().items():
                found = rank.member.model.state_dict()[name]
                torch.testing.assert_close(found, expected, rtol=2e-4, atol=2e-5)
                assert torch.equal(found, ranks[0].member.model.state_dict()[name])
            losses = [row.loss for row in rank.rows]
            assert losses == pytest.approx([row.loss for row in whole.rows], rel=1e-5)
            assert rank.member.counters == whole.member.counters


@pytest.mark.parametrize("stacked", [False, True])
def test_weights_are_those_of_one_process(setup: WorkerSetup, stacked: bool) -> None:
    require_equal(setup, stacked=stacked)


def test_teachers_speak_of_each_ranks_own_windows(setup: WorkerSetup) -> None:
    parent = make_training_task(role="host", steps=1)
    checkpoint = getattr(TaskExecutor(setup).execute(parent).result, "checkpoint")  # noqa: B009
    teacher = Teacher(checkpoint=checkpoint, genome=parent.genome)
    require_equal(setup, teachers=(teacher,), teacher_weight=0.5)


def test_windows_that_grow_are_cut_alike(setup: WorkerSetup) -> None:
    growing = OptimizerConfig(batch=BATCH, first_length=4, length_steps=STEPS)
    require_equal(setup.model_copy(update={"optimizer": growing}))


def test_one_rank_alone_has_the_bits_of_a_chunk_without_ranks(setup: WorkerSetup) -> None:
    (rank,) = trained(setup, 1, stacked=False)
    task = make_training_task("glu(silu(x))", role="host", steps=STEPS)
    with reproducible(1, "cpu"):
        begun = TaskExecutor(setup).begun(task)
        begun.chunk.run()
    for name, expected in begun.chunk.member.model.state_dict().items():
        assert torch.equal(rank.member.model.state_dict()[name], expected)


def test_every_window_of_a_batch_has_one_rank(setup: WorkerSetup) -> None:
    (whole,) = trained(setup, 1, stacked=False)
    ranks = trained(setup, 3, stacked=False)
    for index in range(STEPS):
        parts = [list(rank.starts(index)) for rank in ranks]
        assert [start for part in parts for start in part] == list(whole.starts(index))


def test_ranks_drop_units_of_their_own(setup: WorkerSetup) -> None:
    seeds = [rank.settings(0).dropout_seed for rank in trained(setup, 3, stacked=False)]
    (whole,) = trained(setup, 1, stacked=False)
    assert seeds[0] == whole.settings(0).dropout_seed
    assert len(set(seeds)) == 3
