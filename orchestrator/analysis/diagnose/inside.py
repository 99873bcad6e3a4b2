"""What happens inside: layers, branches, units, heads, weights."""

from math import log

import torch

from orchestrator.analysis.diagnose.estimates import mean_of
from orchestrator.analysis.diagnose.examination import Examination
from orchestrator.analysis.diagnose.record import Branch, Estimate, Head, Layer, Matrix, Units
from trainer.data import IGNORED
from trainer.diagnostics.ablation import Batches, ablations
from trainer.diagnostics.layers import LayerReadings, read_layers
from trainer.diagnostics.token_losses import spread, windows
from trainer.diagnostics.weight_health import read_weights

LAYER_TOKENS = 8_192
"""That the figures inside the layers, and every ablation, are taken over."""


def read_inside(now: Examination) -> tuple[tuple[Layer, ...], int, float]:
    """The layers, over how many tokens, and the stream behind the last one."""
    batches = _batches(now)
    taken = [inputs for inputs, _ in batches]
    now.progress.show("layers", 0, 1)
    read, behind = read_layers(now.model, now.opened.setup, taken)
    worth = _worth(now, batches)
    layers = tuple(
        _layer(index, one, worth[index, "attention"], worth[index, "feed-forward"])
        for index, one in enumerate(read)
    )
    return layers, sum(int((targets != IGNORED).sum()) for _, targets in batches), behind


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
    num_bytes = torch.cat(
        [
            torch.from_numpy(now.byte_lengths)[targets.clamp_min(0)] * (targets != IGNORED)
            for _, targets in batches
        ]
    ).sum(dim=1)
    report = now.reporter("branches")
    return {
        (one.layer, one.branch): mean_of(one.extra_nats, num_bytes.double().numpy(), 1 / log(2))
        for one in ablations(now.model, now.opened.setup, batches, report)
    }


def _layer(index: int, read: LayerReadings, attention: Estimate, ffn: Estimate) -> Layer:
    pairs = zip(read.heads.entropy.tolist(), read.heads.distance.tolist(), strict=True)
    return Layer(
        layer=index + 1,
        stream=read.stream,
        attention=Branch(
            update=read.attention / read.stream if read.stream else 0.0,
            share=read.attention_share,
            worth=attention,
        ),
        feed_forward=Branch(
            update=read.feed_forward / read.stream if read.stream else 0.0,
            share=1 - read.attention_share if read.attention or read.feed_forward else 0.0,
            worth=ffn,
        ),
        units=Units(**read.units._asdict()),
        heads=tuple(Head(entropy=entropy, distance=distance) for entropy, distance in pairs),
    )
