"""Workers without the run's folder give what others give; Ray is stood in for by a list."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator import guest as guests
from orchestrator.courier import Courier, require_same_packages
from orchestrator.engine import InlineEngine
from orchestrator.guest import Delivery, Greeting, GuestSeat, Missing, Piece, evict, place
from orchestrator.task_runner import TaskRunner
from state import partial
from state.genome import parse
from state.objects import ObjectStore
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from state.seeds import derive_seed
from state.tasks import (
    BaselineTask,
    EnsembleTask,
    EvaluationTask,
    Fusion,
    SampleTask,
    Task,
    Teacher,
)
from tests.orchestrator.test_engines import comparable
from tests.task_builders import make_training_task, make_worker_setup
from trainer.config import WorkerSetup

NODE = "a node"


class Far:
    """One worker elsewhere, and how tasks come to it."""

    def __init__(self, setup: WorkerSetup) -> None:
        self.sent: list[int] = []
        self.courier = Courier(setup, self.put)
        self.setup = setup
        self.seat = GuestSeat(self.fetch, lambda: NODE)
        hidden = setup.model_copy(update={"run_folder": "/nowhere"})
        self.greeting = self.seat.greet("/nowhere/mark", "token", hidden)
        self.hidden = hidden

    def put(self, piece: Piece) -> Piece:
        self.sent.append(piece.nbytes)
        return piece

    def fetch(self, references: Sequence[Any]) -> list[Piece]:
        return copy.deepcopy(list(references))

    def answer(self, tasks: Sequence[Task], lacks: Sequence[str] = ()) -> Delivery | Missing:
        errand = self.courier.errand(tasks, lacks)
        return self.seat.run_away(TaskRunner, self.hidden, tasks, errand)

    def do(self, *tasks: Task) -> list[Outcome]:
        answer = self.answer(tasks)
        if isinstance(answer, Missing):
            answer = self.answer(tasks, answer.names)
        assert isinstance(answer, Delivery)
        return self.courier.received(tasks, self.greeting.context, answer)


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkerSetup:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    return make_worker_setup(tmp_path / "run")


@pytest.fixture
def far(setup: WorkerSetup) -> Far:
    return Far(setup)


def parent_of(setup: WorkerSetup) -> str:
    """A checkpoint that is trained in the run's folder."""
    (outcome,) = InlineEngine(setup).run([make_training_task(task_id="parent")], lambda: False)
    assert isinstance(outcome.result, TrainingResult)
    assert outcome.result.checkpoint is not None
    return outcome.result.checkpoint


def tasks_from(parent: str) -> list[Task]:
    gelu = parse("gelu")
    teacher = Teacher(checkpoint=parent, genome=gelu)
    fusion = Fusion(mean=None, rate=0.5, strength=0.1)
    seed = derive_seed(0, "sample")
    return [
        make_training_task(task_id="child", parent=parent, fusion=fusion, role="champion"),
        make_training_task(task_id="taught", teachers=(teacher,), teacher_weight=0.5),
        make_training_task(task_id="mean", parent=parent, mean_rate=0.1, publishes_mean=True),
        EvaluationTask(
            task_id="measured", genome=gelu, checkpoint=parent, init_seed=7, splits=("search",)
        ),
        EnsembleTask(task_id="both", models=(teacher, teacher)),
        SampleTask(task_id="says", genome=gelu, checkpoint=parent, seed=seed),
        BaselineTask(task_id="order2"),
    ]


def test_a_worker_elsewhere_gives_the_same_bits_and_brings_its_objects(
    setup: WorkerSetup, far: Far
) -> None:
    tasks = tasks_from(parent_of(setup))
    brought = [outcome for task in tasks for outcome in far.do(task)]
    objects = ObjectStore(RunFolder(Path(setup.run_folder)).objects)
    for outcome in brought:
        for sha in guests.objects_made(outcome):
            assert objects.read(sha)
    assert sum(len(guests.objects_made(outcome)) for outcome in brought) == 5
    partial.clear(RunFolder(Path(setup.run_folder)))
    here = InlineEngine(setup).run(tasks, lambda: False)
    assert comparable(brought) == comparable(here)


def test_a_stack_elsewhere_has_the_bits_of_one_here(setup: WorkerSetup) -> None:
    stacked = setup.model_copy(update={"stack": 4})
    parent = parent_of(stacked)
    tasks: list[Task] = [
        make_training_task(task_id=f"m{seed}", parent=parent, init_seed=seed, steps=3)
        for seed in range(3)
    ]
    far = Far(stacked)
    brought = far.do(*tasks)
    assert not {one.result.status for one in brought} - {"trained"}
    partial.clear(RunFolder(Path(setup.run_folder)))
    here = InlineEngine(stacked).run(tasks, lambda: False)
    assert comparable(brought) == comparable(here)
    objects = ObjectStore(RunFolder(Path(setup.run_folder)).objects)
    assert all(objects.read(sha) for one in brought for sha in guests.objects_made(one))


def test_what_is_there_is_not_sent_again(setup: WorkerSetup, far: Far) -> None:
    parent = parent_of(setup)
    far.do(tasks_from(parent)[0])
    before = len(far.sent)
    for task in tasks_from(parent)[1:]:
        far.do(task)
    assert len(far.sent) == before
    second = Far(setup)
    second.do(
        EvaluationTask(
            task_id="x", genome=parse("gelu"), checkpoint=parent, init_seed=1, splits=("test",)
        )
    )
    assert second.sent == []


def test_what_was_damaged_or_deleted_there_is_sent_again(setup: WorkerSetup, far: Far) -> None:
    parent = parent_of(setup)
    task = tasks_from(parent)[3]
    expected = comparable(far.do(task))
    there = place(far.courier.errand([task]).place)
    partial.clear(there)
    ObjectStore(there.objects).path(parent).write_bytes(b"damaged")
    (there.data / "train.bin").unlink()
    other = Far(setup)
    answer = other.answer([task])
    assert isinstance(answer, Missing)
    assert len(answer.names) == 2
    assert comparable(other.do(task)) == expected


def test_what_was_brought_is_remembered_where_the_run_is(setup: WorkerSetup, far: Far) -> None:
    tasks: list[Task] = [make_training_task(task_id="member"), BaselineTask(task_id="order2")]
    outcomes = far.do(*tasks)
    again = Courier(setup, far.put).remembered(tasks, far.greeting.context)
    assert again is not None
    assert comparable(again) == comparable(outcomes)
    other = {**far.greeting.context, "device": "another"}
    assert far.courier.remembered(tasks, other) is None
    # What is remembered of a part of a stack does not stand for the stack.
    more = [*tasks, make_training_task(task_id="another")]
    assert far.courier.remembered(more, far.greeting.context) is None


def test_an_object_that_comes_damaged_is_not_taken(setup: WorkerSetup, far: Far) -> None:
    task = make_training_task(task_id="member")
    answer = far.answer([task])
    assert isinstance(answer, Missing)
    answer = far.answer([task], answer.names)
    assert isinstance(answer, Delivery)
    (sha,) = answer.objects
    damaged = answer._replace(objects={sha: answer.objects[sha][1:]})
    with pytest.raises(RuntimeError, match="came damaged"):
        far.courier.received([task], far.greeting.context, damaged)


def test_a_worker_that_sees_the_folder_says_so(setup: WorkerSetup, far: Far) -> None:
    assert not far.greeting.shares_disk
    path, token = far.courier.mark
    assert far.seat.greet(path, token, setup).shares_disk
    assert not far.seat.greet(path, "another", setup).shares_disk
    far.courier.close()
    assert not [*Path(setup.run_folder).glob(".*")]


def test_other_packages_are_refused(far: Far) -> None:
    require_same_packages(far.greeting, "cluster:6379")
    context = copy.deepcopy(dict(far.greeting.context))
    environment = context["environment"]
    assert isinstance(environment, dict)
    packages = environment["packages"]
    assert isinstance(packages, dict)
    packages["torch"] = "1.0"
    with pytest.raises(RuntimeError, match=r"a node of Ray at cluster:6379 has torch 1\.0, here"):
        require_same_packages(Greeting(NODE, False, context), "cluster:6379")


def test_the_oldest_objects_go_first_but_none_that_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    for age, name in enumerate(("new", "older", "oldest")):
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1000.0 - age, 1000.0 - age))
    evict(tmp_path, 150)
    assert {path.name for path in tmp_path.iterdir()} == {"new"}
    (tmp_path / "new").touch()
    evict(tmp_path, 0)
    assert (tmp_path / "new").exists()


def test_a_folder_that_somebody_else_prepared_is_refused(
    tmp_path: Path, setup: WorkerSetup
) -> None:
    import os

    (tmp_path / "scratch" / f"symbio-auto-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(RuntimeError, match="belongs to somebody else"):
        place("name")
