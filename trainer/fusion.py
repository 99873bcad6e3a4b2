"""Drawing a member to the running mean of its lineage's weights, before its first step.

Mean and member are checkpoints of one structure; only weights take part, moments stay with the
member. All of it is arithmetic on what is stored, so whoever asks again gets the same bits.
"""

from dataclasses import replace

import torch

from trainer.checkpoint import Checkpoint
from trainer.neurons import NamedTensors


def moved_mean(mean: Checkpoint | None, member: Checkpoint, rate: float) -> Checkpoint:
    """The running mean with the member taken in, `mean + rate (weights - mean)`, no moments.

    It begins anew as the member's weights where there is none, and where the tensors of the two
    differ in name or shape: another gate, width or curve is another structure.
    """
    weights = member.weights
    if mean is not None and is_alike(mean.weights, weights):
        weights = moved(mean.weights, weights, rate)
    description = member.description.model_copy(update={"instruments": None})
    return Checkpoint(description, weights)


def drawn(member: Checkpoint, mean: Checkpoint, strength: float) -> Checkpoint:
    """The member with `weights + strength (mean - weights)`, its moments as they were."""
    return replace(member, weights=moved(member.weights, mean.weights, strength))


def moved(start: NamedTensors, target: NamedTensors, share: float) -> NamedTensors:
    """`start + share (target - start)`, what is not floating-point as in `start`; new tensors
    of equal names and shapes.
    """
    return {
        name: torch.add(tensor, target[name] - tensor, alpha=share)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in start.items()
    }


def is_alike(one: NamedTensors, other: NamedTensors) -> bool:
    """Whether both have tensors of the same names and shapes."""
    shapes, others = ({n: t.shape for n, t in named.items()} for named in (one, other))
    return shapes == others
