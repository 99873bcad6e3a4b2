"""The running mean of a member's weights, over its last steps.

    mean <- mean + rate (weights - mean)      after every step

With a rate of 1 / n it looks back about n steps. Source: Polyak and Juditsky 1992; as a second
model beside the one that trains, Tarvainen and Valpola 2017, arXiv 1703.01780.
"""

import torch

from trainer.backbones.gpt import GPT
from trainer.neurons import NamedTensors


def moved_mean(mean: NamedTensors | None, model: GPT, rate: float) -> NamedTensors:
    """The mean with the model's weights taken in, changed in place; it begins as a copy of them.

    What is no floating-point number is not averaged.
    """
    weights = model.state_dict()
    if mean is None:
        return {name: tensor.clone() for name, tensor in weights.items()}
    names = [name for name, tensor in weights.items() if tensor.is_floating_point()]
    torch._foreach_lerp_([mean[name] for name in names], [weights[name] for name in names], rate)
    return mean
