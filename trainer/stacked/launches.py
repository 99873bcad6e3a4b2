"""The launches of a step, recorded once its shapes stand still and then replayed as one.

What is recorded reads its inputs where they lay then, and writes its results where it wrote them
then. So inputs are copied into buffers, generators are kept and seeded anew, and gradients are put
back into the parameters that forget them after each step.

Shapes: M members, B sequences, T positions.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from trainer.config import WorkerSetup

WARM_UP_STEPS = 3
"""Steps on a stream of their own before launches are recorded, as PyTorch asks for."""

_log = logging.getLogger(__name__)


class Graph(Protocol):
    """What records launches; `CudaGraph`, or what stands in for it."""

    def aside(self) -> AbstractContextManager[None]:
        """On the stream that warms up."""
        ...

    def record(self, work: Callable[[], Tensor], generators: Sequence[torch.Generator]) -> Tensor:
        """The result of `work`, which is there once `replay` was called."""
        ...

    def replay(self) -> None:
        """Do what was recorded again, where it was done."""
        ...


Work: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""A function of tokens and targets [M, B, T] that leaves gradients in parameters."""


class Launches:
    """Those of a step; the work comes with each, so that nothing here keeps a stack alive."""

    def __init__(
        self,
        parameters: Sequence[Tensor],
        generators: Sequence[torch.Generator],
        new_graph: Callable[[], Graph] | None,
    ) -> None:
        """Without `new_graph` nothing is recorded."""
        self.parameters, self.generators = parameters, generators
        self.new_graph = new_graph
        self._key: object = None
        self._graph: Graph | None = None
        self._warm_steps = 0
        self._recorded: Recorded | None = None

    @property
    def records(self) -> bool:
        """What was taken last was recorded."""
        return self._recorded is not None

    def __call__(self, work: Work, tokens_MBT: Tensor, targets_MBT: Tensor, key: object) -> Tensor:
        """What `work` finds; under another `key` it is recorded anew, and under None not at all."""
        if self.new_graph is None or key is None:
            self._forget()
            return work(tokens_MBT, targets_MBT)
        if (key, tokens_MBT.shape) != self._key:
            self._forget()
            self._key = (key, tokens_MBT.shape)
        if self._graph is None:
            self._graph = self.new_graph()
        if self._recorded is None and self._warm_steps < WARM_UP_STEPS:
            self._warm_steps += 1
            with self._graph.aside():
                return work(tokens_MBT, targets_MBT)
        try:
            return self._replayed(self._graph, work, tokens_MBT, targets_MBT)
        except RuntimeError as error:
            return self._given_up(error, work, tokens_MBT, targets_MBT)

    def _replayed(
        self, graph: Graph, work: Work, tokens_MBT: Tensor, targets_MBT: Tensor
    ) -> Tensor:
        if self._recorded is None:
            self._recorded = self._record(graph, work, tokens_MBT, targets_MBT)
        recorded = self._recorded
        recorded.tokens_MBT.copy_(tokens_MBT)
        recorded.targets_MBT.copy_(targets_MBT)
        graph.replay()
        for parameter, gradient in zip(self.parameters, recorded.gradients, strict=True):
            parameter.grad = gradient
        return recorded.found

    def _record(
        self, graph: Graph, work: Work, tokens_MBT: Tensor, targets_MBT: Tensor
    ) -> "Recorded":
        inputs = tokens_MBT.clone(), targets_MBT.clone()
        states = [one.get_state() for one in self.generators]
        try:
            found = graph.record(partial(work, *inputs), self.generators)
        except RuntimeError:
            for generator, state in zip(self.generators, states, strict=True):
                generator.set_state(state)
            raise
        return Recorded(*inputs, found, [one.grad for one in self.parameters])

    def _given_up(
        self, error: RuntimeError, work: Work, tokens_MBT: Tensor, targets_MBT: Tensor
    ) -> Tensor:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        _log.warning("CUDA graphs are not used, recording failed: %s", reason)
        self.new_graph = None
        self._forget()
        for parameter in self.parameters:
            parameter.grad = None
        return work(tokens_MBT, targets_MBT)

    def _forget(self) -> None:
        self._key = self._graph = self._recorded = None
        self._warm_steps = 0


class Recorded:
    """Where a recording reads and writes."""

    def __init__(
        self,
        tokens_MBT: Tensor,
        targets_MBT: Tensor,
        found: Tensor,
        gradients: Sequence[Tensor | None],
    ) -> None:
        self.tokens_MBT, self.targets_MBT = tokens_MBT, targets_MBT
        self.found, self.gradients = found, gradients


class CudaGraph:
    """Launches on a GPU. Never run on one yet."""

    def __init__(self) -> None:
        self.graph = torch.cuda.CUDAGraph()
        self.stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """See `Graph.aside`; what follows on the usual stream waits for it."""
        usual = torch.cuda.current_stream()
        self.stream.wait_stream(usual)
        with torch.cuda.stream(self.stream):
            yield
        usual.wait_stream(self.stream)

    def record(self, work: Callable[[], Tensor], generators: Sequence[torch.Generator]) -> Tensor:
        """See `Graph.record`; masks are drawn from where the generators stand at each replay."""
        for generator in generators:
            self.graph.register_generator_state(generator)
        with torch.cuda.graph(self.graph):
            return work()

    def replay(self) -> None:
        """See `Graph.replay`."""
        self.graph.replay()


def graphs_of(setup: WorkerSetup) -> Callable[[], Graph] | None:
    """What records the launches of a stack; None where they go one by one."""
    wanted = setup.cuda_graphs and setup.device == "cuda" and not setup.deterministic
    return CudaGraph if wanted else None
