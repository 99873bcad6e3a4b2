"""Who is trained together, and why somebody is not."""

from state.genome import parse
from state.tasks import BaselineTask, Task, Teacher
from tests.task_builders import make_training_task
from tests.trainer.stacked.stacks import setup_of
from trainer.config import OptimizerConfig
from trainer.stacked.grouping import groups, why_alone

STACKED = setup_of().model_copy(update={"stack": 3})


def test_equal_steps_and_gates_go_together_up_to_the_limit() -> None:
    tasks: list[Task] = [
        make_training_task("gelu"),
        make_training_task("glu(silu(x))"),
        BaselineTask(task_id="order2"),
        make_training_task("relu2"),
        make_training_task("gelu", steps=5),
        make_training_task("silu"),
        make_training_task("sin(x)"),
        make_training_task("glu(gelu(x))"),
    ]
    assert groups(tasks, STACKED) == [[0, 3, 5], [1, 7], [2], [4], [6]]


def test_workers_share_what_could_be_one_stack() -> None:
    tasks: list[Task] = [*(make_training_task("gelu") for _ in range(5)), BaselineTask(task_id="o")]
    wide = STACKED.model_copy(update={"stack": 16})
    assert groups(tasks, wide, slots=2) == [[0, 1, 2], [3, 4], [5]]
    assert groups(tasks, wide, slots=8) == [[index] for index in range(6)]
    assert groups(tasks, STACKED.model_copy(update={"stack": 2}), slots=2) == [
        [0, 1],
        [2, 3],
        [4],
        [5],
    ]


def test_without_stacks_every_task_is_alone() -> None:
    tasks: list[Task] = [make_training_task("gelu"), make_training_task("relu2")]
    assert groups(tasks, setup_of()) == [[0], [1]]


def test_what_cannot_be_stacked_is_told() -> None:
    taught = make_training_task(teachers=(Teacher(checkpoint="a", genome=parse("gelu")),))
    gated = make_training_task("glu(silu(x))", parent_genome=parse("gelu"))
    smoothed = STACKED.model_copy(update={"optimizer": OptimizerConfig(label_smoothing=0.1)})
    assert why_alone(make_training_task(), STACKED) is None
    assert why_alone(taught, STACKED) == "it has teachers"
    assert why_alone(gated, STACKED) == "its gate changes"
    assert why_alone(make_training_task(), smoothed) == "labels are smoothed"
    assert why_alone(make_training_task(), setup_of()) == "stacks are off"
