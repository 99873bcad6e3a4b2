"""Which tasks are spread over several devices."""

import pytest

from state.genome import parse
from state.tasks import EvaluationTask, Task, Teacher
from tests.task_builders import make_training_task
from trainer.config import ModelConfig, OptimizerConfig, WorkerSetup
from trainer.instruments.config import SymbioConfig
from trainer.ranks.spreading import why_whole
from trainer.stacked.grouping import why_alone


def setup_of(**changes: object) -> WorkerSetup:
    given: dict[str, object] = {"host_devices": 2, **changes}
    setup = WorkerSetup(
        run_folder="nowhere", model=ModelConfig(), optimizer=OptimizerConfig(batch=4)
    )
    return setup.model_copy(update=given)


HOST = make_training_task(role="host")
TEACHER = Teacher(checkpoint="0" * 64, genome=HOST.genome)


@pytest.mark.parametrize("role", ["host", "control"])
def test_hosts_are_spread_and_stacked_with_nobody(role: str) -> None:
    task = make_training_task(role=role)
    assert why_whole(task, setup_of()) is None
    assert why_alone(task, setup_of(stack=4)) == "its batches are spread over devices"
    assert why_alone(task, setup_of(stack=4, host_devices=1)) is None


@pytest.mark.parametrize(
    ("task", "changes", "reason"),
    [
        (HOST, {"host_devices": 1}, "one device is the host's"),
        (make_training_task(), {}, "it trains a challenger, not a host"),
        (HOST, {"symbio": SymbioConfig()}, "its instruments read whole batches"),
        (HOST, {"model": ModelConfig(stateful=True, backbone="gf-mh")}, "states are handed"),
        (HOST, {"host_devices": 3}, "its batch does not divide"),
        (
            HOST.model_copy(update={"parent_genome": parse("relu2")}),
            {},
            "its activation changes",
        ),
        (
            HOST.model_copy(update={"teachers": (TEACHER,), "teaching": "table"}),
            {},
            "what its teachers say is a table",
        ),
        (
            EvaluationTask(
                task_id="e", genome=HOST.genome, checkpoint=None, init_seed=0, splits=("search",)
            ),
            {},
            "it trains nothing",
        ),
    ],
)
def test_why_a_task_stays_whole(task: Task, changes: dict[str, object], reason: str) -> None:
    said = why_whole(task, setup_of(**changes))
    assert said is not None
    assert said.startswith(reason)
