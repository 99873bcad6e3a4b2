"""Which part of the model the gradient falls on."""

from collections.abc import Iterable, Mapping
from math import fsum, sqrt
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

Component = Literal["embedding", "attention", "feed_forward", "rwkv6", "mamba2", "fusion", "other"]

MIXER_PARTS: dict[str, Component] = {"rwkv6": "rwkv6", "mamba2": "mamba2"}


class GradientNorms(NamedTuple):
    """Euclidean norms of the gradient; those of the components make, in squares, the total.

    NaN or infinite where a gradient is.
    """

    total: float
    embedding: float
    """Token embedding, which is the head too where that is tied, and learned positions."""
    attention: float
    """Projections of attention and the norms in front of them."""
    feed_forward: float
    """Matrices, biases and activation parameters of the feed-forward layers, and the norms in
    front of them."""
    rwkv6: float
    """Everything of RWKV-6; 0 where there is none."""
    mamba2: float
    fusion: float
    """What puts both together, and the norms in front of them."""
    other: float
    """The norm behind the last block, and a head that is not tied."""


def component_of(name: str) -> Component:
    """The component of a parameter of the decoder."""
    top, _, rest = name.partition(".")
    if top in {"embedding", "positions"}:
        return "embedding"
    if top != "blocks":
        return "other"
    layer, *inner = rest.split(".")[1:]
    if layer == "mixer":
        return MIXER_PARTS.get(inner[0], "fusion")
    if layer in {"attention", "attention_norm"}:
        return "attention"
    if layer == "mixer_norm":
        return "fusion"
    return "feed_forward" if layer in {"ffn", "ffn_norm"} else "other"


@torch.no_grad()
def gradient_norms(gradients: Mapping[str, Tensor]) -> GradientNorms:
    """The norms of gradients by the names of their parameters, in one transfer from the device.

    The total has the bits of `torch.nn.utils.get_total_norm`.
    """
    if not gradients:
        return by_component((), 0.0, ())
    found = torch.stack(torch._foreach_norm(list(gradients.values())))
    total, *norms = torch.cat([torch.linalg.vector_norm(found).reshape(1), found]).tolist()
    return by_component(gradients, total, norms)


def by_component(names: Iterable[str], total: float, norms: Iterable[float]) -> GradientNorms:
    """The norms of the components from those of the parameters."""
    parts: tuple[Component, ...] = get_args(Component)
    squares: dict[Component, list[float]] = {part: [] for part in parts}
    for name, norm in zip(names, norms, strict=True):
        squares[component_of(name)].append(norm * norm)
    return GradientNorms(total, **{part: sqrt(fsum(each)) for part, each in squares.items()})
