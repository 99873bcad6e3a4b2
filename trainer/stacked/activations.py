"""The activations of a stack: one launch where kernels can be compiled, else member by member.

Shapes: M members, B sequences, T positions, W inner width.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from state.genome import expression, learnable
from state.records import Genome
from trainer.activations.gpu import Program, Programs, blend, program, usable_on, without_kernels
from trainer.member import Member


class StackedActivations:
    """What every layer of the members computes between its matrices."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = list(members)
        self.wanted: list[Program] | None = None
        """None where an activation is trained."""
        self._made: Programs | None = None
        self._of: list[Program] = []

    def begin_step(self) -> None:
        """Look where the members' morphs stand."""
        plain = all(map(is_plain, self.members))
        self.wanted = [program_of(member) for member in self.members] if plain else None

    def hidden(self, layer: int, inner_MBTW: Tensor, up_MBTW: Tensor | None) -> Tensor:
        """What enters `w_out` of that layer."""
        if self.wanted is not None and usable_on(inner_MBTW):
            programs = self._programs(self.wanted, inner_MBTW.device)
            return programs(inner_MBTW) if up_MBTW is None else programs.gated(inner_MBTW, up_MBTW)
        if self.wanted is None:
            without_kernels(inner_MBTW, "what is trained in an activation has no kernels")
        layers = [member.model.feed_forwards()[layer] for member in self.members]
        ups = [None] * len(layers) if up_MBTW is None else up_MBTW.unbind()
        triples = zip(layers, inner_MBTW, ups, strict=True)
        return torch.stack([own.hidden(inner_BTW, up_BTW) for own, inner_BTW, up_BTW in triples])

    def _programs(self, wanted: list[Program], device: torch.device) -> Programs:
        if self._made is None or self._of is not wanted:
            if self._made is None or self._of != wanted:
                self._made = Programs(wanted, device)
            self._of = wanted
        return self._made


def is_plain(member: Member) -> bool:
    """Whether nothing in its activation is trained."""
    genomes = [member.genome, *([member.previous] if member.previous is not None else [])]
    return not any(map(_is_trained, genomes))


def program_of(member: Member) -> Program:
    """What the member computes at this point of its morph."""
    new, morph = _program(member.genome), member.model.feed_forwards()[0].morph
    if morph is None or morph.previous is None or member.previous is None:
        return new
    return blend(_program(member.previous), new, morph.t)


@lru_cache(maxsize=256)
def _program(genome: Genome) -> Program:
    return program(expression(genome))


@lru_cache(maxsize=256)
def _is_trained(genome: Genome) -> bool:
    return learnable(genome) is not None
