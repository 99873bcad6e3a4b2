"""Readings of healthy and of sick models, and an engine that answers what the gates ask."""

from collections.abc import Callable
from pathlib import Path

from state.results import EvaluationResult, Outcome, TrainingResult
from state.tasks import EvaluationTask, Task, TrainingTask
from state.validation import BuildReading, StateReading, Stretch
from tests.memory_runs import MemoryEngine

Course = Callable[[TrainingTask], tuple[Stretch, ...]]


def build_reading(**changes: object) -> BuildReading:
    """An untrained model as it should be."""
    healthy = BuildReading(
        controls=7,
        num_ids=256,
        shape=(2, 128, 300),
        expected_shape=(2, 128, 300),
        not_finite=0,
        entropy=5.6,
        vocabulary=300,
    )
    return BuildReading.model_validate({**healthy.model_dump(), **changes})


def state_reading(**changes: object) -> StateReading:
    """States that move, have a structure and are small."""
    healthy = StateReading(
        component="rwkv6",
        layer=0,
        cosine=0.7,
        token_cosine=0.98,
        top_share=0.9,
        outgrown=0.01,
        saturated=0.5,
        num_states=8,
    )
    return StateReading.model_validate({**healthy.model_dump(), **changes})


def stretch(loss: float = 3.0, *, grad: float = 1.0, ratio: float = 1.0) -> Stretch:
    """Ten steps."""
    return Stretch(steps=10, loss=loss, grad_norm=grad, first=ratio, second=1.0)


def falling(task: TrainingTask) -> tuple[Stretch, ...]:
    """The loss falls with the member's age."""
    return tuple(
        stretch(5.0 / (1 + 0.001 * (task.first_step + 10 * number)))
        for number in range(max(1, task.steps // 10))
    )


def rising(task: TrainingTask) -> tuple[Stretch, ...]:
    """The loss rises with the member's age."""
    return tuple(
        stretch(5.0 + 0.001 * (task.first_step + 10 * number))
        for number in range(max(1, task.steps // 10))
    )


class ProbedEngine(MemoryEngine):
    """A `MemoryEngine` whose models are read by the gates."""

    def __init__(self, folder: Path | None = None, course: Course = falling) -> None:
        super().__init__(folder)
        self.course = course
        self.build = build_reading()
        self.states = (state_reading(), state_reading(component="mamba2", cosine=0.5))

    def answer(self, task: Task) -> Outcome:
        outcome = super().answer(task)
        match outcome.result:
            case EvaluationResult() if isinstance(task, EvaluationTask) and task.probe:
                read = {"build": self.build} if task.probe == "build" else {"states": self.states}
                return outcome.model_copy(update={"result": outcome.result.model_copy(update=read)})
            case TrainingResult() if isinstance(task, TrainingTask):
                course = {"course": self.course(task)}
                return outcome.model_copy(
                    update={"result": outcome.result.model_copy(update=course)}
                )
            case _:
                return outcome

    def probes(self) -> list[EvaluationTask]:
        """What the gates have asked so far."""
        return [one for one in self.seen if isinstance(one, EvaluationTask) and one.probe]
