"""A member is drawn to its lineage's running mean before its first step, the same way again."""

import functools
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from state import partial
from state.genome import parse
from state.partial import objects_in_progress
from state.results import TrainingResult
from state.run_folder import RunFolder
from state.tasks import BatchKey, Fusion, LearningRateSpan, TrainingTask
from tests.cut_off import cut_off
from tests.task_builders import make_training_task
from tests.trainer_runs import comparable, equal, read, trained, with_its_own_run
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.fusion import moved
from trainer.instruments.weight_entropy import weight_entropy

STEPS = 6


@pytest.fixture
def setup(setup: WorkerSetup, tmp_path: Path) -> WorkerSetup:
    """A run of its own for each test."""
    return with_its_own_run(setup, tmp_path / "run")


task_of = functools.partial(
    make_training_task,
    role="champion",
    generation=2,
    init_seed=11,
    steps=STEPS,
    batches=BatchKey(seed=3, lineage=0, generation=2, purpose="train"),
    learning_rate=LearningRateSpan(warmup_steps=2),
)


def ancestor(setup: WorkerSetup, formula: str = "gelu", steps: int = 3) -> str:
    """A member with moments."""
    task = task_of(formula, task_id=f"ancestor of {steps}", generation=1, steps=steps)
    sha = trained(setup, task).checkpoint
    assert sha is not None
    return sha


def fused(parent: str, mean: str | None, formula: str = "gelu", **changes: object) -> TrainingTask:
    fusion = Fusion(mean=mean, rate=0.25, strength=0.5)
    fields = {"parent": parent, "parent_genome": parse(formula), "fusion": fusion}
    return task_of(formula, **{**fields, **changes})


# ---- the arithmetic


def test_the_mean_moves_first_and_then_draws_the_member(setup: WorkerSetup) -> None:
    old, new = ancestor(setup, steps=1), ancestor(setup, steps=9)
    mean, member = read(setup, old), read(setup, new)
    result = trained(setup, fused(new, old, steps=0))
    drawn, consensus = read(setup, result.checkpoint), read(setup, result.consensus)
    assert not equal(mean.weights, member.weights)
    for name, weights in member.weights.items():
        expected = mean.weights[name] + 0.25 * (weights - mean.weights[name])
        torch.testing.assert_close(consensus.weights[name], expected)
        torch.testing.assert_close(drawn.weights[name], (weights + expected) / 2)


def test_moments_stay_with_the_member(setup: WorkerSetup) -> None:
    old, new = ancestor(setup, steps=1), ancestor(setup, steps=9)
    result = trained(setup, fused(new, old, steps=0))
    before, after = read(setup, new), read(setup, result.checkpoint)
    assert before.moments.keys() == after.moments.keys() != set()
    assert all(equal(before.moments[kind], after.moments[kind]) for kind in before.moments)
    assert read(setup, result.consensus).moments == {}


def test_a_mean_that_begins_leaves_the_member_alone(setup: WorkerSetup) -> None:
    sha = ancestor(setup)
    result = trained(setup, fused(sha, None))
    assert result.checkpoint == trained(setup, fused(sha, None, fusion=None)).checkpoint
    assert equal(read(setup, result.consensus).weights, read(setup, sha).weights)


@given(
    start=st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=5),
    share=st.floats(0, 1),
    offset=st.floats(-2, 2, width=32),
)
def test_a_share_moves_every_element_that_far(
    start: list[float], share: float, offset: float
) -> None:
    weights = {"w": torch.tensor(start), "n": torch.tensor([3])}
    target = {"w": torch.tensor(start) + offset, "n": torch.tensor([5])}
    found = moved(weights, target, share)
    assert torch.equal(found["n"], weights["n"])
    torch.testing.assert_close(found["w"], weights["w"] + share * (target["w"] - weights["w"]))
    assert torch.equal(moved(weights, target, 0.0)["w"], weights["w"])


def test_what_is_read_once_is_not_changed(setup: WorkerSetup) -> None:
    """Members of a generation share their parent in memory."""
    task = fused(ancestor(setup, steps=9), ancestor(setup, steps=1))
    executor = TaskExecutor(setup)
    first, second = (comparable(executor.execute(task)) for _ in range(2))
    assert first == second == comparable(TaskExecutor(setup).execute(task))


# ---- structure


@pytest.mark.parametrize(
    ("old", "new"), [("gelu", "swiglu"), ("swiglu", "gelu"), ("universal", "blend")]
)
def test_a_mean_of_another_structure_begins_anew(setup: WorkerSetup, old: str, new: str) -> None:
    mean, sha = ancestor(setup, old), ancestor(setup, new)
    result = trained(setup, fused(sha, mean, new))
    assert equal(read(setup, result.consensus).weights, read(setup, sha).weights)
    assert result.checkpoint == trained(setup, fused(sha, None, new, fusion=None)).checkpoint


@pytest.mark.parametrize(("old", "new"), [("gelu", "silu(x) + 0.1*x"), ("swiglu", "glu(relu(x))")])
def test_a_change_of_function_alone_keeps_the_mean(setup: WorkerSetup, old: str, new: str) -> None:
    mean, sha = ancestor(setup, old), ancestor(setup, new)
    result = trained(setup, fused(sha, mean, new))
    found = read(setup, result.consensus)
    assert found.description.genome == parse(new)
    assert not equal(found.weights, read(setup, sha).weights)


# ---- who has it


def test_the_champion_alone_leaves_the_mean_and_its_entropy(setup: WorkerSetup) -> None:
    sha, mean = ancestor(setup), ancestor(setup, steps=1)
    result = trained(setup, fused(sha, mean))
    found = read(setup, result.consensus)
    assert result.consensus_entropy == weight_entropy(found.weights.values())
    assert result.consensus_bytes > 0
    for changes in ({"role": "challenger"}, {"role": "null"}, {"save": False}, {"fusion": None}):
        other = trained(setup, fused(sha, mean, **changes))
        assert (other.consensus, other.consensus_entropy) == (None, None)


def test_all_members_begin_from_the_drawn_weights(setup: WorkerSetup) -> None:
    sha, mean = ancestor(setup), ancestor(setup, steps=1)
    tasks = [fused(sha, mean, role=role) for role in ("champion", "challenger", "null")]
    left = {trained(setup, task).checkpoint for task in tasks}
    assert len(left) == 1
    assert left != {trained(setup, fused(sha, mean, fusion=None)).checkpoint}


def test_a_quarantined_champion_leaves_no_mean(setup: WorkerSetup) -> None:
    optimizer = setup.optimizer.model_copy(update={"spike_threshold": 1e-9})
    spiky = setup.model_copy(update={"optimizer": optimizer})
    result = trained(spiky, fused(ancestor(setup), None, steps=9))
    assert (result.status, result.consensus) == ("quarantined", None)


# ---- a kill


@pytest.fixture
def eager(setup: WorkerSetup) -> WorkerSetup:
    """A snapshot after every step."""
    return setup.model_copy(update={"snapshot_steps": 1, "snapshot_seconds": 0})


@pytest.mark.parametrize(("role", "formula"), [("champion", "gelu"), ("challenger", "swiglu")])
def test_a_task_cut_off_anywhere_ends_like_one_that_was_not(
    setup: WorkerSetup, eager: WorkerSetup, role: str, formula: str
) -> None:
    sha, mean = ancestor(setup, steps=9), ancestor(setup, steps=1)
    task = fused(sha, mean, role=role, genome=parse(formula), morph_steps=4)
    whole = comparable(TaskExecutor(setup).execute(task))
    for num_steps in range(STEPS):
        cut_off(eager, task, num_steps)
        assert (TaskExecutor(setup).work.progress(task) is not None) == (num_steps > 0)
        assert comparable(TaskExecutor(setup).execute(task)) == whole
        partial.clear(RunFolder(Path(setup.run_folder)))


def test_the_mean_of_a_finished_task_is_kept_and_checked(setup: WorkerSetup) -> None:
    task = fused(ancestor(setup, steps=9), ancestor(setup, steps=1))
    executor, folder = TaskExecutor(setup), RunFolder(Path(setup.run_folder))
    outcome = executor.execute(task)
    executor.work.finish(task, outcome)
    assert isinstance(outcome.result, TrainingResult)
    sha = outcome.result.consensus
    assert sha is not None
    assert {outcome.result.checkpoint, sha} <= objects_in_progress(folder)
    executor.work.objects.path(sha).unlink()
    assert executor.work.outcome(task) is None
    assert comparable(executor.execute(task)) == comparable(outcome)
