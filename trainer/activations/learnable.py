"""Activations with trained coefficients, in eager PyTorch.

A curve holds the coefficients of the untrained function and, as its one parameter, what training
has added to them. That parameter is zero at the start and treated like any bias: AdamW moves it
without decay, and a neuron that is appended to a layer starts with zeros.

Shapes: x is [..., W], W neurons; coefficients are [P, W] where each neuron has its own, else [P].
"""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias, assert_never

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from state.genome import initial_coefficients, initial_expression, is_per_channel, learnable
from state.genome.expression import Expression, Scale
from state.genome.learnable import constants
from state.records import Genome
from trainer.activations import reference
from trainer.activations.spline import spline

Function: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Of coefficients and x, in the dtype of both; the result has the shape of x."""


class Curve(nn.Module):
    """The trainable activation of one layer."""

    start: Tensor

    def __init__(self, genome: Genome, width: int) -> None:
        super().__init__()
        start = torch.tensor(initial_coefficients(genome))
        own = is_per_channel(genome)
        self.register_buffer("start", start[:, None] if own else start, persistent=False)
        self.bias = nn.Parameter(torch.zeros((len(start), width) if own else len(start)))
        self.function = function(genome)

    @property
    def coefficients(self) -> Tensor:
        """[P, W] or [P], as trained so far."""
        return self.start + self.bias

    def forward(self, x: Tensor) -> Tensor:
        """The activation at x, computed in the precision of the coefficients, in the dtype of x."""
        coefficients = self.coefficients
        return self.function(coefficients, x.to(coefficients.dtype)).to(x.dtype)


def function(genome: Genome) -> Function:
    """The function of coefficients and x that a learnable genome trains.

    Raises:
        ValueError: the genome is not learnable.
    """
    match learnable(genome):
        case "universal":
            return universal
        case "blend":
            return blend
        case "spline":
            return spline
        case "rational":
            return rational
        case "learned":
            tree = initial_expression(genome)
            return partial(graph, tree, constants(tree))
        case None:
            raise ValueError(f"{genome.formula} has nothing to train; give a learnable activation")
        case kind:
            assert_never(kind)


def universal(coefficients: Tensor, x: Tensor) -> Tensor:
    """`c0 silu(x) + c1 x`."""
    gate, skip = coefficients.unbind()
    return gate * F.silu(x) + skip * x


def blend(coefficients: Tensor, x: Tensor) -> Tensor:
    """`c0 silu(x) + c1 relu(x) + c2 gelu(x) + c3 x + c4 x^2`."""
    silu, relu, gelu, line, square = coefficients.unbind()
    return silu * F.silu(x) + relu * F.relu(x) + gelu * F.gelu(x) + (line + square * x) * x


def rational(coefficients: Tensor, x: Tensor) -> Tensor:
    """`(a0 + a1 x + a2 x^2 + a3 x^3) / (1 + |b1 x + b2 x^2|)`."""
    a0, a1, a2, a3, b1, b2 = coefficients.unbind()
    return (a0 + x * (a1 + x * (a2 + x * a3))) / (1 + (x * (b1 + x * b2)).abs())


def graph(tree: Expression, parts: tuple[Scale, ...], coefficients: Tensor, x: Tensor) -> Tensor:
    """The tree with these factors of its scaled parts in place of their own."""
    factors = zip(parts, coefficients.unbind(), strict=True)
    return reference.evaluate(tree, x, dict(factors))
