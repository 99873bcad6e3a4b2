"""What the parameters of a decoder begin with, each from a stream of its own.

Models that differ in their activation share all the bits they can: a gated layer gets the first
rows of the ungated `w_in`. Parameters of a component that are no plain matrices are the
component's business.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from state.seeds import derive_seed
from trainer.backbones.names import MIXINGS
from trainer.config import ModelConfig

CLASSIC_STD = 0.02
EMBEDDING_STD = 0.02
ADDS_TO_STREAM = ("attention.out.weight", "ffn.w_out.weight", "fusion.join.weight")
COMPONENT_OUTPUTS = ("rwkv6.output.weight", "mamba2.out.weight")


@runtime_checkable
class HasFirstValues(Protocol):
    """A module that says how some of its own parameters begin."""

    def first_values(self) -> dict[str, Callable[[torch.Generator], Tensor]]:
        """By the parameter's name in the module."""


@torch.no_grad()
def initialise(model: nn.Module, config: ModelConfig, seed: int) -> None:
    """Fill every parameter."""
    own = {
        f"{path}.{name}": draw
        for path, module in model.named_modules()
        if isinstance(module, HasFirstValues)
        for name, draw in module.first_values().items()
    }
    for name, parameter in model.named_parameters():
        stream = torch.Generator().manual_seed(derive_seed(seed, "parameter", name))
        if name in own:
            parameter.copy_(own[name](stream))
            continue
        std = initial_std(config, name)
        if std == 0:
            parameter.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
            continue
        shape = list(parameter.shape)
        if name.endswith("w_in.weight"):
            shape[0] = max(shape[0], config.ungated_width)
        drawn = torch.empty(shape).normal_(0.0, std, generator=stream)
        parameter.copy_(drawn[: parameter.shape[0]])


def initial_std(config: ModelConfig, name: str) -> float:
    """Standard deviation that a parameter is drawn with; 0 means that it is not random."""
    classic = config.recipe == "classic"
    if name.endswith("bias") or "norm" in name:
        return 0.0
    if name.endswith(ADDS_TO_STREAM) or (name.endswith(COMPONENT_OUTPUTS) and not scaled(config)):
        return CLASSIC_STD / (2 * config.layers) ** 0.5 if classic else 0.0
    if classic:
        return CLASSIC_STD
    if name == "head.weight":
        return 0.0
    return EMBEDDING_STD if name == "embedding.weight" else config.dim**-0.5


def scaled(config: ModelConfig) -> bool:
    """Whether the components' outputs must not begin at zero: a norm divides by their size, or a
    projection behind them does.
    """
    return MIXINGS[config.backbone].fusion in {"hy", "cp"}
