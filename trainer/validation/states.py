"""Whether recurrent states move, have a structure and stay small.

Shapes: B sequences, T tokens, H heads, K rows and V columns of a state, S singular values.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from state.validation import RecurrentName, StateReading
from trainer.backbones.blocks import LayerState
from trainer.backbones.gpt import GPT, Cache
from trainer.data import Dataset
from trainer.evaluation import evaluation_mode

NUM_SEQUENCES = 4
MOST_STEPS = 16
"""Tokens that are read one by one; a quarter of a window at most."""
TOP = 5
SATURATED = 5.0

States = dict[tuple[RecurrentName, int], Tensor]
"""Matrix states [B, H, K, V] by component and layer."""


def read_states(model: GPT, dataset: Dataset) -> tuple[StateReading, ...]:
    """A reading for each component and layer; none where the model has no states."""
    inputs_BT, *_ = next(dataset.windows("search", model.config.block, NUM_SEQUENCES))
    tokens_BT = torch.from_numpy(inputs_BT).to(model.embedding.weight.device)
    with evaluation_mode([model]):
        half, *last = successive_states(model, tokens_BT)
    return tuple(
        reading_of(place, half[place], [states[place] for states in last]) for place in sorted(half)
    )


def reading_of(
    place: tuple[RecurrentName, int], half_BHKV: Tensor, last: Sequence[Tensor]
) -> StateReading:
    """Of the states behind the first half of a window and behind each of its last tokens."""
    component, layer = place
    end_BHKV = last[-1]
    steps_BH = [cosine(one, other) for one, other in pairwise(last)]
    return StateReading(
        component=component,
        layer=layer,
        cosine=_finite(cosine(half_BHKV, end_BHKV).mean()),
        token_cosine=_finite(torch.stack(steps_BH).mean()),
        top_share=_finite(top_share(end_BHKV).mean()),
        outgrown=_share_beyond(end_BHKV, SATURATED * _root_mean_square(half_BHKV)),
        saturated=_share_beyond(end_BHKV, torch.tensor(SATURATED)),
        num_states=end_BHKV.shape[0] * end_BHKV.shape[1],
    )


def successive_states(model: GPT, tokens_BT: Tensor) -> Iterator[States]:
    """States behind the first half of a window, then behind each of its last tokens."""
    length = tokens_BT.shape[1]
    half, singly = length // 2, length - max(1, min(MOST_STEPS, length // 4))
    cache = model.empty_cache(len(tokens_BT))
    for start, end in [(0, half), (half, singly), *((t, t + 1) for t in range(singly, length))]:
        model.read(tokens_BT[:, start:end], cache)
        cache.length = end
        yield matrices(cache)


def matrices(cache: Cache) -> States:
    """The matrix states that a cache holds, in float64."""
    found: States = {}
    for layer, past in enumerate(cache.layers):
        if isinstance(past, LayerState) and past.rwkv6 is not None:
            found["rwkv6", layer] = past.rwkv6.matrix.double()
        if isinstance(past, LayerState) and past.mamba2 is not None:
            found["mamba2", layer] = past.mamba2.matrix.double()
    return found


def cosine(one_BHKV: Tensor, other_BHKV: Tensor) -> Tensor:
    """Between two states, [B, H]; 1 where either is zero: it does not move."""
    one_BHN, other_BHN = one_BHKV.flatten(2), other_BHKV.flatten(2)
    product_BH = (one_BHN * other_BHN).sum(dim=-1)
    sizes_BH = one_BHN.norm(dim=-1) * other_BHN.norm(dim=-1)
    return torch.where(sizes_BH == 0, 1.0, product_BH / sizes_BH)


def top_share(state_BHKV: Tensor) -> Tensor:
    """Share of the largest singular values in the sum of all, [B, H]; 0 for a state of zeros."""
    if not bool(state_BHKV.isfinite().all()):
        return state_BHKV.new_full(state_BHKV.shape[:2], float("nan"))
    values_BHS = torch.linalg.svdvals(state_BHKV)
    total_BH = values_BHS.sum(dim=-1)
    return torch.where(total_BH == 0, 0.0, values_BHS[..., :TOP].sum(dim=-1) / total_BH)


def _root_mean_square(state_BHKV: Tensor) -> Tensor:
    """Over the entries of each head, [B, H, 1, 1]."""
    return state_BHKV.square().mean(dim=(-1, -2), keepdim=True).sqrt()


def _share_beyond(state_BHKV: Tensor, limit: Tensor) -> float | None:
    if not bool(state_BHKV.isfinite().all()):
        return None
    return float((state_BHKV.abs() > limit.to(state_BHKV.device)).double().mean())


def _finite(value: Tensor) -> float | None:
    return float(value) if bool(value.isfinite()) else None
