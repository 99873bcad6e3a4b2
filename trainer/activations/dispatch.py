"""Which kernel computes an activation.

A single leaf (gelu, silu, relu, and the gate of swiglu) is one fused PyTorch call; everything
else runs in the reference kernel. The gate itself belongs to the feed-forward layer.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from torch import Tensor

from state.genome import expression
from state.genome.expression import Leaf
from state.records import Genome
from trainer.activations import reference

Activation: TypeAlias = Callable[[Tensor], Tensor]


def activation(genome: Genome) -> Activation:
    """The function of the pre-activation, element by element; of a gated genome, its inner one.

    Raises:
        ValueError: the genome is learnable: its function is a `Curve` with parameters.
    """
    tree = expression(genome)
    if isinstance(tree, Leaf):
        return partial(reference.leaf, tree.name)
    return partial(reference.evaluate, tree)
