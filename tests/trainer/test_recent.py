"""What lies at hand is what reading it back would give, and no more than there is room for."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from state.genome import parse
from state.objects import ObjectStore
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.tasks import Fusion, TrainingTask
from tests.task_builders import make_training_task
from tests.trainer_runs import comparable, read, with_its_own_run
from trainer.checkpoint import Checkpoint, all_kinds
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.recent import MOST_ON_CPU, RecentCheckpoints, num_bytes, tensors
from trainer.stacked.training import train_together

GELU = parse("gelu")


@pytest.fixture
def setup(setup: WorkerSetup, tmp_path: Path) -> WorkerSetup:
    """A run of its own for each test."""
    return with_its_own_run(setup, tmp_path / "run")


def sha_of(outcome: Outcome, name: str = "checkpoint") -> str:
    assert isinstance(outcome.result, TrainingResult)
    sha = getattr(outcome.result, name)
    assert isinstance(sha, str)
    return sha


def object_path(setup: WorkerSetup, sha: str) -> Path:
    return ObjectStore(RunFolder(Path(setup.run_folder)).objects).path(sha)


def named_tensors(checkpoint: Checkpoint) -> Iterator[tuple[str, torch.Tensor]]:
    kinds = {"weights": checkpoint.weights, **all_kinds(checkpoint)}
    for kind, named in sorted(kinds.items()):
        yield from ((f"{kind}/{name}", tensor) for name, tensor in named.items())


def require_same(one: Checkpoint, other: Checkpoint) -> None:
    assert one.description == other.description
    ours, theirs = list(named_tensors(one)), list(named_tensors(other))
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    for (_, left), (_, right) in zip(ours, theirs, strict=True):
        assert left.dtype == right.dtype
        assert torch.equal(left, right)


def child_of(sha: str, **changes: object) -> TrainingTask:
    return make_training_task("gelu", task_id="child", parent=sha, generation=2, **changes)


@pytest.mark.parametrize("formula", ["gelu", "swiglu", "rational"])
def test_what_a_task_leaves_is_what_reading_it_gives(setup: WorkerSetup, formula: str) -> None:
    executor = TaskExecutor(setup)
    task = make_training_task(formula, mean_rate=0.5, publishes_mean=True)
    outcome = executor.execute(task)
    shas = [sha_of(outcome), sha_of(outcome, "averaged")]
    assert list(executor.recent.found) == [shas[1], shas[0]]
    for sha in shas:
        require_same(executor.recent.found[sha], read(setup, sha))
        assert not any(one.requires_grad for one in tensors(executor.recent.found[sha]))


def test_members_of_a_stack_keep_no_more_than_their_own_memory(setup: WorkerSetup) -> None:
    stacked = setup.model_copy(update={"stack": 8})
    executor = TaskExecutor(stacked)
    tasks = [make_training_task(task_id=f"m{index}", init_seed=index) for index in range(3)]
    for outcome in train_together(executor, tasks):
        kept = executor.recent.found[sha_of(outcome)]
        require_same(kept, read(setup, sha_of(outcome)))
        assert all(one.untyped_storage().nbytes() == one.nbytes for one in tensors(kept))


def test_a_child_is_trained_without_reading_its_parent(setup: WorkerSetup, tmp_path: Path) -> None:
    other = with_its_own_run(setup, tmp_path / "other")
    fusion = Fusion(strength=0.1, rate=0.05, mean=None)
    executor, found = TaskExecutor(setup), []
    parent = make_training_task(role="champion")
    sha = sha_of(executor.execute(parent))
    assert sha == sha_of(TaskExecutor(other).execute(parent))
    object_path(setup, sha).unlink()
    first = child_of(sha, fusion=fusion, role="champion")
    outcome = executor.execute(first)
    found.append(outcome)
    mean = sha_of(outcome, "consensus")
    object_path(setup, mean).unlink()
    again = child_of(
        sha_of(outcome), fusion=fusion.model_copy(update={"mean": mean}), role="champion"
    )
    found.append(executor.execute(again))
    # Another process each, with nothing at hand.
    expected = [TaskExecutor(other).execute(task) for task in (first, again)]
    assert [comparable(one) for one in found] == [comparable(one) for one in expected]


def test_training_a_child_leaves_its_parent_as_it_is(setup: WorkerSetup) -> None:
    executor = TaskExecutor(setup)
    sha = sha_of(executor.execute(make_training_task()))
    before = read(setup, sha)
    executor.execute(child_of(sha, genome=parse("swiglu")))
    require_same(executor.recent.found[sha], before)


def test_another_activation_is_refused_whether_at_hand_or_not(setup: WorkerSetup) -> None:
    executor = TaskExecutor(setup)
    sha = sha_of(executor.execute(make_training_task()))
    for _ in range(2):
        with pytest.raises(ValueError, match="was trained with activation gelu"):
            executor.recent.get(sha, parse("tanh"))
        executor.recent.release()
    require_same(executor.recent.get(sha, GELU), read(setup, sha))


def test_on_a_cpu_the_last_few_stay(setup: WorkerSetup) -> None:
    recent, checkpoint = some(setup)
    for index in range(MOST_ON_CPU + 2):
        recent.keep(str(index), checkpoint)
        recent.keep("0", checkpoint)
    assert list(recent.found) == [*map(str, range(3, MOST_ON_CPU + 2)), "0"]
    assert recent.release()
    assert not recent.found
    assert not recent.release()


def test_on_a_cpu_large_ones_are_fewer(setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    recent, checkpoint = some(setup)
    monkeypatch.setattr("trainer.recent.BYTES_ON_CPU", 2 * num_bytes(checkpoint))
    for name in "abc":
        recent.keep(name, checkpoint)
    assert list(recent.found) == ["b", "c"]


def test_on_a_gpu_they_stay_within_a_share_of_its_memory(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent, checkpoint = some(setup)
    about = SimpleNamespace(total_memory=8 * 3 * num_bytes(checkpoint))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: about)
    recent.setup = setup.model_copy(update={"device": "cuda"})
    for name in "abcde":
        recent.keep(name, checkpoint)
    assert list(recent.found) == ["c", "d", "e"]
    # One that is larger than the share stays, alone.
    about.total_memory = 1
    recent.keep("f", checkpoint)
    assert list(recent.found) == ["f"]


def some(setup: WorkerSetup) -> tuple[RecentCheckpoints, Checkpoint]:
    """Nothing at hand, and a checkpoint that could be."""
    executor = TaskExecutor(setup)
    sha = sha_of(executor.execute(make_training_task()))
    checkpoint = executor.recent.found[sha]
    executor.recent.release()
    return executor.recent, checkpoint
