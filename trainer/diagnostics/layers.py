"""What each layer does with real text, read by hooks: the model itself is not changed.

Shapes: B sequences, T positions, D model width, W inner width, H heads, E width of a head,
Q query positions, G points of a curve.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

from trainer.backbones.attention.attend import heard_by_torch
from trainer.backbones.blocks import DecoderBlock
from trainer.backbones.gpt import GPT
from trainer.config import WorkerSetup
from trainer.diagnostics.activations import UnitReadings, UnitTally
from trainer.evaluation import evaluation_mode
from trainer.member import precision

MAX_QUERIES = 128
"""Positions of a window from which attention is looked at, evenly spread."""

Outcome: TypeAlias = Tensor | tuple[Tensor, object]
"""Of a module that adds to the stream: a recurrent one returns its state too."""


class HeadReadings(NamedTuple):
    """Attention of the heads of one layer, each [H]."""

    entropy: NDArray[np.float64]
    """Share of the greatest possible, ln of the positions that can be seen: 1 is even."""
    distance: NDArray[np.float64]
    """Mean number of positions that it looks back."""


class LayerReadings(NamedTuple):
    """One block."""

    stream: float
    """Root mean square of the residual stream that enters it."""
    mixing: str
    """What mixes positions: attention, or the components that are fused."""
    attention: float
    """Root mean square of what that adds."""
    feed_forward: float
    attention_share: float
    """Of the variance over tokens that the block's two branches add; the rest is the other's."""
    heads: HeadReadings
    """None of a recurrent block."""
    components: dict[str, float]
    """Root mean square of what each component brings to the fusion, where there are several."""
    variances: dict[str, float]
    """Over tokens, mean over channels, of what each branch adds and each component brings."""
    units: UnitReadings


class Spread:
    """Second moments of vectors [..., D] over many tokens."""

    def __init__(self) -> None:
        self.count = 0
        self.total: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, x_BTD: Tensor) -> None:
        flat = x_BTD.detach().flatten(0, -2).double()
        self.count += len(flat)
        self.total = self.total + flat.sum(dim=0)
        self.squares = self.squares + flat.square().sum(dim=0)

    @property
    def rms(self) -> float:
        """Root of the mean square over tokens and channels."""
        assert isinstance(self.squares, Tensor)
        return float((self.squares / self.count).mean().sqrt())

    @property
    def variance(self) -> float:
        """Over tokens, summed over channels: what is the same everywhere counts nothing."""
        assert isinstance(self.squares, Tensor)
        assert isinstance(self.total, Tensor)
        mean = self.total / self.count
        return float((self.squares / self.count - mean.square()).clamp_min(0).sum())

    @property
    def channel_variance(self) -> float:
        """Over tokens, mean over channels."""
        assert isinstance(self.total, Tensor)
        return self.variance / len(self.total)


class AttentionMode(TorchFunctionMode):
    """Reads the queries and keys of every fused attention, whoever calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.sums: list[tuple[Tensor, Tensor]] = []
        """Of each call in the order of the layers: entropy shares and distances [H]."""
        self.calls: list[int] = []
        self.turn = 0

    def __torch_function__(
        self,
        func: object,
        types: object,
        args: Sequence[Tensor] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        given = dict(kwargs or {})
        assert callable(func)
        if func is F.scaled_dot_product_attention and given.get("is_causal"):
            with torch._C.DisableTorchFunction():
                self.read(args[0].detach(), args[1].detach())
        return func(*args, **given)

    def read(self, q_BHTE: Tensor, k_BHTE: Tensor) -> None:
        found = attention_of(q_BHTE, k_BHTE)
        if self.turn == len(self.sums):
            self.sums.append(found)
            self.calls.append(1)
        else:
            entropy, distance = self.sums[self.turn]
            self.sums[self.turn] = (entropy + found[0], distance + found[1])
            self.calls[self.turn] += 1
        self.turn += 1

    def heads(self, layer: int) -> HeadReadings:
        """Of the layer with that number among those with attention."""
        entropy, distance = self.sums[layer]
        calls = self.calls[layer]
        return HeadReadings((entropy / calls).cpu().numpy(), (distance / calls).cpu().numpy())


def attention_of(q_BHTE: Tensor, k_BHTE: Tensor) -> tuple[Tensor, Tensor]:
    """Entropy as a share of the greatest possible, and positions looked back, means [H]."""
    T, width = q_BHTE.shape[2], q_BHTE.shape[3]
    count = min(MAX_QUERIES, T - 1)
    asked = torch.linspace(1, T - 1, count, device=q_BHTE.device).round().long()
    scores = (q_BHTE[:, :, asked].float() @ k_BHTE.float().transpose(-1, -2)) * width**-0.5
    place = torch.arange(T, device=q_BHTE.device)
    scores = scores.masked_fill(place > asked[:, None], float("-inf"))
    weights_BHQT = scores.softmax(dim=-1).double()
    entropy_BHQ = -torch.special.xlogy(weights_BHQT, weights_BHQT).sum(dim=-1)
    share_BHQ = entropy_BHQ / (asked + 1).double().log()
    back_BHQ = (weights_BHQT * (asked[:, None] - place).clamp_min(0)).sum(dim=-1)
    return share_BHQ.mean(dim=(0, 2)), back_BHQ.mean(dim=(0, 2))


class BlockTally:
    """What the hooks of one block gather."""

    def __init__(self, block: DecoderBlock) -> None:
        self.mixing = block.mixing[0]
        self.components = {name: Spread() for name in block.components()}
        self.stream, self.attention, self.feed_forward = Spread(), Spread(), Spread()
        self.units = UnitTally(block.ffn)

    def readings(self, heads: HeadReadings) -> LayerReadings:
        both = self.attention.variance + self.feed_forward.variance
        branches = {self.mixing: self.attention, "feed-forward": self.feed_forward}
        spreads = {**self.components, **branches}
        return LayerReadings(
            stream=self.stream.rms,
            mixing=self.mixing,
            attention=self.attention.rms,
            feed_forward=self.feed_forward.rms,
            attention_share=self.attention.variance / both if both else 0.0,
            heads=heads,
            components={name: spread.rms for name, spread in self.components.items()},
            variances={name: spread.channel_variance for name, spread in spreads.items()},
            units=self.units.readings(),
        )


def read_layers(
    model: GPT, setup: WorkerSetup, batches: Sequence[Tensor]
) -> tuple[list[LayerReadings], float]:
    """Every block on the sequences [B, T] of the batches, and the root mean square of the stream
    behind the last one.
    """
    blocks = model.own_blocks()
    tallies = [BlockTally(block) for block in blocks]
    behind, attention = Spread(), AttentionMode()
    device = model.embedding.weight.device
    with hooked(model, blocks, tallies, behind), evaluation_mode([model]), precision(setup):
        for tokens in batches:
            attention.turn = 0
            with heard_by_torch(), attention:
                model.read(tokens.to(device), None)
    heads = [attention.heads(number) for number in range(len(attention.sums))]
    none = HeadReadings(np.zeros(0), np.zeros(0))
    return [
        tally.readings(heads.pop(0) if tally.mixing == "attention" else none) for tally in tallies
    ], behind.rms


@contextmanager
def hooked(
    model: GPT, blocks: Sequence[DecoderBlock], tallies: Sequence[BlockTally], behind: Spread
) -> Iterator[None]:
    """Readers on every branch, taken off again."""
    with ExitStack() as stack:
        for block, tally in zip(blocks, tallies, strict=True):
            components = block.components()
            for module, add in (
                (block.mixing[1], tally.attention.add),
                *((components[name], one.add) for name, one in tally.components.items()),
                (block.ffn, tally.feed_forward.add),
                (block.ffn.w_in, tally.units.add),
            ):
                hook = module.register_forward_hook(lambda _m, _i, out, add=add: add(added(out)))
                stack.callback(hook.remove)
            entering = block.register_forward_pre_hook(
                lambda _m, given, add=tally.stream.add: add(given[0])
            )
            stack.callback(entering.remove)
        leaving = model.norm.register_forward_pre_hook(lambda _m, given: behind.add(given[0]))
        stack.callback(leaving.remove)
        yield


@contextmanager
def silenced(branch: nn.Module) -> Iterator[None]:
    """The branch adds nothing to the residual stream; its states are as they were."""

    def nothing(_module: nn.Module, _given: object, out: Outcome) -> Outcome:
        if isinstance(out, Tensor):
            return torch.zeros_like(out)
        return torch.zeros_like(out[0]), *out[1:]

    hook = branch.register_forward_hook(nothing)
    try:
        yield
    finally:
        hook.remove()


def added(out: Outcome) -> Tensor:
    """What a module adds, without the state that it may return beside it."""
    return out if isinstance(out, Tensor) else out[0]
