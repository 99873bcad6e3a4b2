"""Windows that are short at first."""

from pathlib import Path

import pytest
import torch

from orchestrator.config import RunConfig
from orchestrator.resolve import resolve_shape
from state.genome import parse
from state.tasks import BatchKey, LearningRateSpan, TrainingTask
from tests.task_builders import make_training_task
from tests.trainer_runs import comparable, cut_off, with_its_own_run
from trainer.backbones.gpt import Cache
from trainer.config import ModelConfig, OptimizerConfig, WorkerSetup
from trainer.data import Dataset
from trainer.execution import TaskExecutor
from trainer.lengths import cut, length_at
from trainer.member import Batch, Member
from trainer.training import Chunk

KEY = BatchKey(seed=3, lineage=0, generation=2, purpose="search")


def growing(setup: WorkerSetup, root: Path) -> WorkerSetup:
    optimizer = OptimizerConfig(batch=4, first_length=4, length_steps=6)
    return with_its_own_run(setup, root).model_copy(
        update={"optimizer": optimizer, "snapshot_steps": 1, "snapshot_seconds": 0}
    )


def task(steps: int, age: int = 0) -> TrainingTask:
    span = LearningRateSpan(age_steps=age)
    return make_training_task(
        "gelu", init_seed=11, steps=steps, batches=KEY, learning_rate=span, first_step=age + 1
    )


def test_each_length_lasts_as_long_as_the_next() -> None:
    asked = OptimizerConfig(first_length=8, length_steps=30)
    lengths = [length_at(asked, 64, age) for age in range(40)]
    assert lengths == [8] * 10 + [16] * 10 + [32] * 10 + [64] * 10
    warm = OptimizerConfig(first_length=32, warmup=5)
    assert [length_at(warm, 64, age) for age in (0, 19, 20, 10**6)] == [32, 32, 64, 64]
    assert length_at(OptimizerConfig(warmup=5), 64, 0) == 64


def test_a_cut_batch_holds_the_same_tokens_in_their_order() -> None:
    inputs, targets = torch.arange(64).view(4, 16), torch.arange(1, 65).view(4, 16)
    taught = torch.randn(4, 16, 3)
    found = cut(Batch(inputs, targets, taught), 4)
    assert found.inputs.shape == (16, 4)
    assert torch.equal(found.inputs.flatten(), inputs.flatten())
    assert torch.equal(found.targets, found.inputs + 1)
    assert found.taught is not None
    assert torch.equal(found.taught.flatten(0, 1), taught.flatten(0, 1))


@pytest.mark.parametrize(
    ("first", "block", "near"), [(24, 64, "32, 16, 8, 4, 2"), (128, 64, "32, 16"), (4, 24, "12, 6")]
)
def test_a_length_that_never_becomes_the_block_is_refused(
    first: int, block: int, near: str
) -> None:
    config = RunConfig(
        model=ModelConfig(block=block), optimizer=OptimizerConfig(first_length=first)
    )
    with pytest.raises(ValueError, match=f"does not reach the block {block}; give one of {near}"):
        resolve_shape(config, 10**6)


def test_states_are_not_handed_between_cut_windows() -> None:
    model = ModelConfig(block=64, backbone="gf", stateful=True)
    config = RunConfig(model=model, optimizer=OptimizerConfig(first_length=16))
    with pytest.raises(ValueError, match="first_length cuts the windows that --stateful"):
        resolve_shape(config, 10**6)


def test_steps_read_short_windows_until_they_are_whole(
    setup: WorkerSetup, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = Member.create(growing(setup, tmp_path / "run"), parse("gelu"), 11)
    seen: list[tuple[int, ...]] = []
    read = member.model.read

    def noted(tokens: torch.Tensor, cache: Cache | None) -> torch.Tensor:
        seen.append(tuple(tokens.shape))
        return read(tokens, cache)

    monkeypatch.setattr(member.model, "read", noted)
    chunk = Chunk(task(8), member, dataset)
    chunk.run()
    assert seen == [(16, 4)] * 3 + [(8, 8)] * 3 + [(4, 16)] * 2
    assert chunk.result().tokens == 8 * 64
    assert member.counters.tokens == 8 * 64


def test_a_task_that_was_cut_off_goes_on_bit_for_bit(setup: WorkerSetup, tmp_path: Path) -> None:
    whole, half = (growing(setup, tmp_path / name) for name in ("whole", "half"))
    expected = TaskExecutor(whole).execute(task(8))
    cut_off(half, task(8), 4)
    assert comparable(TaskExecutor(half).execute(task(8))) == comparable(expected)


def test_the_length_follows_the_age_and_not_the_task(
    setup: WorkerSetup, dataset: Dataset, tmp_path: Path
) -> None:
    own = growing(setup, tmp_path / "run")
    chunk = Chunk(task(2, age=4), Member.create(own, parse("gelu"), 11), dataset)
    assert chunk.shortened(chunk.batch(0), 0).inputs.shape == (8, 8)
    assert chunk.shortened(chunk.batch(1), 2).inputs.shape == (4, 16)
