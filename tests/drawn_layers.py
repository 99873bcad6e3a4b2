"""Layers begin empty; a model draws them, and these a layer by itself."""

from typing import TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)


def drawn(layer: Layer, seed: int = 3) -> Layer:
    """The same with weights of every linear map drawn, biases zero."""
    stream = torch.Generator().manual_seed(seed)
    for module in layer.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5, generator=stream)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return layer
