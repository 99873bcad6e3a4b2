"""Moving the neurons of a feed-forward layer into a narrower or wider one.

Works on named tensors, so weights, the coefficients of neurons and every kind of optimizer moment
go through the same selection. Narrowing keeps the neurons of largest `|w_in| * |w_out|`, in their
order; widening appends neurons whose output is zero.
"""

from typing import TypeAlias

import torch
from torch import Tensor

NamedTensors: TypeAlias = dict[str, Tensor]
Kept: TypeAlias = dict[str, Tensor]
"""Prefix of a layer (`blocks.0.ffn.`) to the indices of the neurons that it keeps."""

W_IN, W_OUT = "w_in.weight", "w_out.weight"
FUSION, LEAVING = ".mixer.fusion.", ".mixer.leaving."


def kept_neurons(weights: NamedTensors, new_width: int) -> Kept:
    """The neurons that each layer keeps when it gets `new_width` of them."""
    prefixes = [name.removesuffix(W_IN) for name in weights if name.endswith(W_IN)]
    return {prefix: _strongest(weights, prefix, new_width) for prefix in prefixes}


def carry_over(source: NamedTensors, fresh: NamedTensors, kept: Kept) -> NamedTensors:
    """`fresh` with everything that `source` has in its place.

    A tensor of a layer that changed its width takes the kept neurons first; the rest of it, and
    tensors that `source` lacks, stay as in `fresh`.
    """
    return {name: _carried(name, source, tensor, kept) for name, tensor in fresh.items()}


def silence_new_neurons(fresh: NamedTensors) -> NamedTensors:
    """Set output weights to zero, so that neurons that are appended add nothing."""
    return {n: torch.zeros_like(t) if n.endswith(W_OUT) else t for n, t in fresh.items()}


def leaving_fusion(named: NamedTensors) -> NamedTensors:
    """The same under the names of a block whose fusion is being left."""
    return {name.replace(FUSION, LEAVING): tensor for name, tensor in named.items()}


def _strongest(weights: NamedTensors, prefix: str, new_width: int) -> Tensor:
    strength = weights[prefix + W_IN].norm(dim=1) * weights[prefix + W_OUT].norm(dim=0)
    order = torch.sort(strength, descending=True, stable=True).indices
    return order[:new_width].sort().values


def _carried(name: str, source: NamedTensors, fresh: Tensor, kept: Kept) -> Tensor:
    old = source.get(name)
    if old is None or old.shape == fresh.shape:
        return fresh if old is None else old
    neurons = next(indices for prefix, indices in kept.items() if name.startswith(prefix))
    axis = next(a for a in range(old.ndim) if old.shape[a] != fresh.shape[a])
    carried = fresh.clone()
    carried.narrow(axis, 0, len(neurons)).copy_(old.index_select(axis, neurons))
    return carried
