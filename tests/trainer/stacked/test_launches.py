"""Recorded steps, with a stand-in for CUDA graphs: when, from which buffers, and what if not."""

import gc
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from state.genome import parse
from tests.trainer.stacked.stacks import batches_of, members_of, settings_of, setup_of
from trainer.config import WorkerSetup
from trainer.member import Member
from trainer.stacked.launches import WARM_UP_STEPS, CudaGraph, graphs_of
from trainer.stacked.stack import Stack

FORMULAS = ("gelu", "0.3*sin(x) + silu(x)")
STEPS = WARM_UP_STEPS + 3


class RerunGraph:
    """Computes nothing when it records, as a GPU does; a replay writes where that had written."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = parameters
        self.warmed = self.replayed = 0

    @contextmanager
    def aside(self) -> Iterator[None]:
        self.warmed += 1
        yield

    def record(self, work: Callable[[], Tensor], generators: Sequence[torch.Generator]) -> Tensor:
        states = [one.get_state() for one in generators]
        self.work, self.found = work, work()
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
        self.gradients = [one.grad for one in self.parameters]
        for tensor in (self.found, *self.gradients):
            if tensor is not None:
                tensor.detach().fill_(torch.nan)
        return self.found

    def replay(self) -> None:
        self.replayed += 1
        self.forget()
        self.found.copy_(self.work())
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            if gradient is not None:
                assert parameter.grad is not None
                gradient.copy_(parameter.grad)
        self.forget()

    def forget(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None


class Recorder:
    """Makes such graphs for a stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.made = stack, list[RerunGraph]()
        stack.launches.new_graph = self

    def __call__(self) -> RerunGraph:
        self.made.append(RerunGraph(self.stack.launches.parameters))
        return self.made[-1]


def take(stack: Stack, step: int, morph: float = 1.0) -> list[float]:
    count = len(stack.members)
    batches = batches_of(stack.setup, count, step)
    return [one.loss for one in stack.step(batches, settings_of(count, step, morph))]


def pair(setup: WorkerSetup) -> tuple[Stack, Stack]:
    """The same members twice, one stack that records and one that does not."""
    one, other = (Stack(members_of(setup, FORMULAS)) for _ in range(2))
    for member in (*one.members, *other.members):
        member.model.set_dropout(0.2)
    return one, other


def equal(one: Sequence[Member], other: Sequence[Member]) -> bool:
    pairs = [
        (mine, theirs)
        for first, second in zip(one, other, strict=True)
        for mine, theirs in zip(first.model.parameters(), second.model.parameters(), strict=True)
    ]
    return all(torch.equal(mine, theirs) for mine, theirs in pairs)


def test_recorded_steps_have_the_bits_of_those_that_are_not() -> None:
    recording, plain = pair(setup_of())
    recorder = Recorder(recording)
    for step in range(STEPS):
        assert take(recording, step) == take(plain, step)
    assert equal(recording.members, plain.members)
    (graph,) = recorder.made
    assert (graph.warmed, graph.replayed) == (WARM_UP_STEPS, STEPS - WARM_UP_STEPS)


def test_a_skipped_member_leaves_the_recording_as_it_is() -> None:
    setup = setup_of()
    spiky = setup.model_copy(
        update={"optimizer": setup.optimizer.model_copy(update={"spike_threshold": 0.6})}
    )
    recording, plain = pair(spiky)
    Recorder(recording)
    for step in range(STEPS):
        take(recording, step)
        take(plain, step)
    skipped = [member.counters.skipped_steps for member in recording.members]
    assert sum(skipped) > 0
    assert skipped == [member.counters.skipped_steps for member in plain.members]
    assert equal(recording.members, plain.members)


def test_nothing_is_recorded_in_a_morph() -> None:
    recording, _ = pair(setup_of())
    recording.members[0].change_activation(parse("relu2"))
    stack = Stack(recording.members)
    recorder = Recorder(stack)
    for step in range(STEPS):
        take(stack, step, morph=0.5)
    assert recorder.made == []
    for member in stack.members:
        member.finish_morph()
    for step in range(STEPS):
        take(stack, step)
    assert [one.replayed for one in recorder.made] == [STEPS - WARM_UP_STEPS]


def test_other_probabilities_or_shapes_are_recorded_anew() -> None:
    recording, plain = pair(setup_of())
    recorder = Recorder(recording)
    for step in range(STEPS):
        take(recording, step)
        take(plain, step)
    for stack in (recording, plain):
        stack.members[0].model.set_dropout(0.5)
    for step in range(STEPS):
        assert take(recording, step) == take(plain, step)
    assert len(recorder.made) == 2
    assert equal(recording.members, plain.members)


def test_what_cannot_be_recorded_goes_on_launch_by_launch_and_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recording, plain = pair(setup_of())

    def refuse(self: RerunGraph, work: Callable[[], Tensor], generators: object) -> Tensor:
        work()
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    monkeypatch.setattr(RerunGraph, "record", refuse)
    Recorder(recording)
    for step in range(STEPS):
        assert take(recording, step) == take(plain, step)
    assert equal(recording.members, plain.members)
    expected = "CUDA graphs are not used, recording failed: operation not permitted when stream is"
    assert [one.message for one in caplog.records] == [f"{expected} capturing"]


def test_a_stack_that_is_let_go_frees_its_memory_at_once() -> None:
    stack, _ = pair(setup_of())
    take(stack, 0)
    gone = weakref.ref(stack)
    gc.disable()
    try:
        del stack
        assert gone() is None
    finally:
        gc.enable()


def test_only_a_gpu_without_repeatable_kernels_records() -> None:
    wanted = setup_of().model_copy(update={"cuda_graphs": True, "deterministic": False})
    assert graphs_of(wanted) is None
    on_gpu = wanted.model_copy(update={"device": "cuda"})
    assert graphs_of(on_gpu) is CudaGraph
    assert graphs_of(on_gpu.model_copy(update={"deterministic": True})) is None
    assert graphs_of(on_gpu.model_copy(update={"cuda_graphs": False})) is None
