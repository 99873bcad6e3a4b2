"""What happens inside: layers, branches, units, heads, weights."""

from collections.abc import Mapping
from math import log
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from orchestrator.analysis.diagnose.estimates import mean_of
from orchestrator.analysis.diagnose.examination import Examination
from orchestrator.analysis.diagnose.record import (
    Branch,
    Component,
    ComponentShare,
    Estimate,
    Head,
    Layer,
    Matrix,
    Units,
)
from trainer.data import IGNORED
from trainer.diagnostics.ablation import Batches, ablations, component_ablations, shares_of
from trainer.diagnostics.layers import LayerReadings, read_layers
from trainer.diagnostics.token_losses import spread, windows
from trainer.diagnostics.weight_health import read_weights

LAYER_TOKENS = 8_192
"""That the figures inside the layers, and every ablation, are taken over."""


class Inside(NamedTuple):
    """The layers, and over how many tokens they were read."""

    layers: tuple[Layer, ...]
    tokens: int
    stream_end: float
    """Root mean square of the stream behind the last one."""
    components: tuple[ComponentShare, ...]


def read_inside(now: Examination) -> Inside:
    """Layer by layer, and component by component."""
    batches = _batches(now)
    taken = [inputs for inputs, _ in batches]
    now.progress.show("layers", 0, 1)
    read, behind = read_layers(now.model, now.opened.setup, taken)
    worth = _worth(now, batches)
    layers = tuple(
        _layer(index, one, {name: value for (at, name), value in worth.items() if at == index})
        for index, one in enumerate(read)
    )
    num_tokens = sum(int((targets != IGNORED).sum()) for _, targets in batches)
    return Inside(layers, num_tokens, behind, _shares(now, batches))


def matrices(now: Examination) -> tuple[Matrix, ...]:
    """Every matrix of weights."""
    return tuple(
        Matrix(
            name=one.name,
            shape=one.shape,
            rms=one.rms,
            rank=one.effective_rank,
            rank_share=one.rank_share,
        )
        for one in read_weights(now.model)
    )


def _batches(now: Examination) -> Batches:
    """Windows of the search split, evenly spread, whole ones where there are any."""
    whole = max(1, (len(now.stream) - 1) // now.block)
    indices = spread(whole, max(1, now.amount(LAYER_TOKENS) // now.block))
    size = now.opened.setup.optimizer.batch
    found = []
    for first in range(0, len(indices), size):
        inputs, targets = windows(now.stream, indices[first : first + size], now.block)
        found.append((torch.from_numpy(inputs), torch.from_numpy(targets)))
    return found


def _worth(now: Examination, batches: Batches) -> dict[tuple[int, str], Estimate]:
    """Bits per byte lost without each branch."""
    num_bytes, report = _num_bytes(now, batches), now.reporter("branches")
    return {
        (one.layer, one.branch): mean_of(one.extra_nats, num_bytes, 1 / log(2))
        for one in ablations(now.model, now.opened.setup, batches, report)
    }


def _shares(now: Examination, batches: Batches) -> tuple[ComponentShare, ...]:
    """What each component is worth in all layers together."""
    num_bytes = _num_bytes(now, batches)
    extra = component_ablations(now.model, now.opened.setup, batches)
    worth = {name: mean_of(nats, num_bytes, 1 / log(2)) for name, nats in extra.items()}
    shares = shares_of({name: one.value for name, one in worth.items()})
    return tuple(
        ComponentShare(name=name, worth=worth[name], share=share) for name, share in shares.items()
    )


def _num_bytes(now: Examination, batches: Batches) -> NDArray[np.float64]:
    """That the targets of each window stand for."""
    lengths = torch.from_numpy(now.byte_lengths)
    found = [lengths[targets.clamp_min(0)] * (targets != IGNORED) for _, targets in batches]
    values: NDArray[np.float64] = torch.cat(found).sum(dim=1).double().numpy()
    return values


def _layer(index: int, read: LayerReadings, worth: Mapping[str, Estimate]) -> Layer:
    pairs = zip(read.heads.entropy.tolist(), read.heads.distance.tolist(), strict=True)
    return Layer(
        layer=index + 1,
        stream=read.stream,
        mixing=read.mixing,
        attention=Branch(
            update=read.attention / read.stream if read.stream else 0.0,
            variance=read.variances[read.mixing],
            share=read.attention_share,
            worth=worth[read.mixing],
        ),
        feed_forward=Branch(
            update=read.feed_forward / read.stream if read.stream else 0.0,
            variance=read.variances["feed-forward"],
            share=1 - read.attention_share if read.attention or read.feed_forward else 0.0,
            worth=worth["feed-forward"],
        ),
        units=Units(**read.units._asdict()),
        heads=tuple(Head(entropy=entropy, distance=distance) for entropy, distance in pairs),
        components=tuple(
            Component(
                name=name,
                update=rms / read.stream,
                variance=read.variances[name],
                worth=worth[name],
            )
            for name, rms in read.components.items()
            if read.stream
        ),
    )
