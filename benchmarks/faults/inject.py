"""Faults that are put into a run from outside: the training goes wrong, no record is made up.

A fault is silent until it is planted. It may change the tasks, what surrounds their execution, and
the drawing of challengers; the stages that judge what comes of it are the product's own.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import NotRequired, TypedDict, Unpack
from unittest.mock import patch

import numpy as np
from torch import Tensor

from orchestrator.evolution import draw
from orchestrator.task_runner import TaskRunner
from state.genome import OPERATORS, LeafName, Mutation, Operator, distance, mutate, size
from state.records import Genome
from state.results import Outcome
from state.tasks import BatchKey, Task, TrainingTask
from trainer import member
from trainer.config import WorkerSetup
from trainer.data import Tokens
from trainer.execution import TaskExecutor
from trainer.guards import update_is_sound
from trainer.neurons import Kept, NamedTensors, carry_over

EVERYBODY = ("champion", "challenger", "host")
"""Null twins measure the noise of a training that nothing is wrong with."""
GROWING: tuple[Operator, ...] = ("inject_residual", "inject_gate", "add_term", "compose")
TRIES = 24


class Fault:
    """Nothing goes wrong."""

    def alter(self, task: TrainingTask) -> TrainingTask:
        """The task that is really run."""
        return task

    def around(self, task: TrainingTask, executor: TaskExecutor) -> AbstractContextManager[object]:
        """What holds while the task is run."""
        del task, executor
        return nullcontext()

    def drawing(self) -> AbstractContextManager[object]:
        """What holds while challengers are drawn."""
        return nullcontext()


@dataclass(frozen=True)
class Rate(Fault):
    """The learning rate is `factor` times what was asked for."""

    factor: float

    def alter(self, task: TrainingTask) -> TrainingTask:
        return task.model_copy(update={"lr_scale": task.lr_scale * self.factor})


@dataclass(frozen=True)
class FewWindows(Fault):
    """Members in these roles, with graphs of at least `nodes` nodes, see one stretch of the text
    again and again.
    """

    tokens: int
    roles: tuple[str, ...] = EVERYBODY
    nodes: int = 0

    def around(self, task: TrainingTask, executor: TaskExecutor) -> AbstractContextManager[object]:
        if task.role not in self.roles or size(task.genome).nodes < self.nodes:
            return nullcontext()
        whole: Callable[[BatchKey, int, int, int], Tokens] = executor.dataset.starts

        def few(key: BatchKey, step: int, batch: int, block: int) -> Tokens:
            return whole(key, step, batch, block) % self.tokens

        return patch.object(executor.dataset, "starts", few)


@dataclass(frozen=True)
class MixedWeights(Fault):
    """A change of activation carries the embeddings alone: the rows of the matrices between them
    come out in reverse order.
    """

    def around(self, task: TrainingTask, executor: TaskExecutor) -> AbstractContextManager[object]:
        del task, executor

        def wrong(source: NamedTensors, fresh: NamedTensors, kept: Kept) -> NamedTensors:
            carried = carry_over(source, fresh, kept)
            return {name: _mixed(name, tensor) for name, tensor in carried.items()}

        return patch.object(member, "carry_over", wrong)


@dataclass(frozen=True)
class Pull(Fault):
    """Where fusion is on, it is `factor` times as strong."""

    factor: float

    def alter(self, task: TrainingTask) -> TrainingTask:
        if task.fusion is None:
            return task
        strength = min(1.0, self.factor * task.fusion.strength)
        fusion = task.fusion.model_copy(update={"strength": strength})
        return task.model_copy(update={"fusion": fusion})


@dataclass(frozen=True)
class Slow(Fault):
    """Every step takes so many seconds more."""

    seconds: float

    def around(self, task: TrainingTask, executor: TaskExecutor) -> AbstractContextManager[object]:
        del task, executor

        def slowly(loss: float, grad_norm: float, spike_threshold: float | None) -> bool:
            time.sleep(self.seconds)
            return update_is_sound(loss, grad_norm, spike_threshold)

        return patch.object(member, "update_is_sound", slowly)


class Limits(TypedDict):
    """What the draw asks of `mutate`."""

    operators: Sequence[Operator]
    leaves: Sequence[LeafName]
    max_depth: int
    max_nodes: int
    attempts: NotRequired[int]


class Children(Fault):
    """Mutants are made in another way, and no two champions are crossed."""

    def child(self, parent: Genome, rng: np.random.Generator, limits: Limits) -> Mutation | None:
        """The mutant, within the limits."""
        return mutate(parent, rng, **limits)

    def drawing(self) -> AbstractContextManager[object]:
        def drawn(
            parent: Genome, rng: np.random.Generator, **limits: Unpack[Limits]
        ) -> Mutation | None:
            child = self.child(parent, rng, limits)
            return child and child.model_copy(update={"parents": (parent.formula,)})

        return patch.multiple(draw, mutate=drawn, crossover=no_child, retune=no_child)


@dataclass(frozen=True)
class NearChildren(Children):
    """Of all operators one is left that changes a constant by little."""

    furthest: float = 0.3

    def child(self, parent: Genome, rng: np.random.Generator, limits: Limits) -> Mutation | None:
        for _ in range(TRIES):
            child = changed(parent, rng, limits, ("perturb_constant",))
            if child is not None and distance(child.genome, parent) < self.furthest:
                return child
        return None


@dataclass(frozen=True)
class LargeChildren(Children):
    """Children have at least `nodes` nodes, where the phase allows so many."""

    nodes: int

    def child(self, parent: Genome, rng: np.random.Generator, limits: Limits) -> Mutation | None:
        child = mutate(parent, rng, **limits)
        for _ in range(TRIES):
            if child is None or size(child.genome).nodes >= self.nodes:
                break
            child = changed(child.genome, rng, limits, GROWING) or child
        return child


@dataclass(frozen=True)
class FarChildren(Children):
    """A child is the child of a child: several changes lie between it and its champion."""

    changes: int = 4

    def child(self, parent: Genome, rng: np.random.Generator, limits: Limits) -> Mutation | None:
        child = mutate(parent, rng, **limits)
        for _ in range(self.changes - 1):
            child = child and (changed(child.genome, rng, limits, OPERATORS) or child)
        return child


def changed(
    parent: Genome, rng: np.random.Generator, limits: Limits, operators: Sequence[Operator]
) -> Mutation | None:
    """A mutant by other operators than the draw asks for, within its limits."""
    return mutate(
        parent,
        rng,
        operators=operators,
        leaves=limits["leaves"],
        max_depth=limits["max_depth"],
        max_nodes=limits["max_nodes"],
    )


def no_child(*parents: object, **limits: object) -> None:
    """No child, as where no attempt succeeds."""
    del parents, limits


class PlantedEngine:
    """Runs tasks in this process, with the faults once they are `planted`."""

    slots = 1

    def __init__(self, setup: WorkerSetup, faults: Sequence[Fault]) -> None:
        self.runner, self.faults, self.planted = TaskRunner(setup), tuple(faults), False

    @property
    def active(self) -> tuple[Fault, ...]:
        """The faults that are there now."""
        return self.faults if self.planted else ()

    def run(self, tasks: Sequence[Task], should_stop: Callable[[], bool]) -> list[Outcome]:
        del should_stop
        return [self._run(task) for task in tasks]

    def close(self) -> None:
        return None

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """The product draws challengers meanwhile."""
        with ExitStack() as stack:
            for fault in self.active:
                stack.enter_context(fault.drawing())
            yield

    def _run(self, task: Task) -> Outcome:
        if not isinstance(task, TrainingTask):
            return self.runner.run(task)
        with ExitStack() as stack:
            for fault in self.active:
                task = fault.alter(task)
                stack.enter_context(fault.around(task, self.runner.executor))
            return self.runner.run(task)


def _mixed(name: str, tensor: Tensor) -> Tensor:
    """The rows of a matrix of a block in reverse order, anything else as it is."""
    return tensor.flip(0) if tensor.ndim == 2 and "blocks." in name else tensor
