"""The blocks of a decoder: a part that mixes positions, and the feed-forward.

Shapes: B sequences, T positions, D model width, H heads, E width of a head.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from state.records import Genome
from trainer.backbones.attention import attend, attend_to
from trainer.backbones.empty import Linear
from trainer.backbones.fusion import Fusion, fusion_of
from trainer.backbones.mamba2 import Mamba2, Mamba2State
from trainer.backbones.names import MIXINGS
from trainer.backbones.rms_norm import RMSNorm, rms_norm
from trainer.backbones.rotary import rotate
from trainer.backbones.rwkv6 import RWKV6, RWKV6State
from trainer.config import ModelConfig
from trainer.feed_forward import FeedForward


@dataclass
class LayerCache:
    """Keys and values [B, H, T, E] of one layer, T the whole context; filled in place."""

    keys: Tensor
    values: Tensor


@dataclass
class LayerState:
    """States of the components of one layer, replaced as tokens are read."""

    rwkv6: RWKV6State | None
    mamba2: Mamba2State | None

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by its name."""
        return {
            f"{component}.{name}": tensor
            for component, state in (("rwkv6", self.rwkv6), ("mamba2", self.mamba2))
            if state is not None
            for name, tensor in state._asdict().items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Become what `tensors` gave."""
        if self.rwkv6 is not None:
            named = {name: tensors[f"rwkv6.{name}"] for name in RWKV6State._fields}
            self.rwkv6 = RWKV6State(**named)
        if self.mamba2 is not None:
            named = {name: tensors[f"mamba2.{name}"] for name in Mamba2State._fields}
            self.mamba2 = Mamba2State(**named)


Past: TypeAlias = LayerCache | LayerState


class Place(NamedTuple):
    """Where the tokens that are read stand."""

    start: int
    """Tokens before the first one."""
    rotation: Tensor
    """Of their positions."""
    fresh: Tensor | None = None
    """True where a document begins, for what has a state."""


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.modern = config.recipe == "modern"
        self.qkv = Linear(config.dim, 3 * config.dim, bias=not self.modern)
        self.out = Linear(config.dim, config.dim, bias=not self.modern)

    def forward(
        self, x_BTD: Tensor, rotation: Tensor, cache: LayerCache | None, start: int
    ) -> Tensor:
        """Output of the layer for positions `start` to `start + T`."""
        B, T, D = x_BTD.shape
        heads_BT3HE = self.qkv(x_BTD).view(B, T, 3, self.heads, D // self.heads)
        qk_BT2HE, v_BT1HE = heads_BT3HE.split([2, 1], dim=2)
        if self.modern:
            qk_BT2HE = rotate(rms_norm(qk_BT2HE), rotation)
        if cache is None:
            y_BTHE = attend(qk_BT2HE, v_BT1HE.squeeze(2))
        else:
            q_BTHE, k_BTHE = qk_BT2HE.unbind(2)
            past = extend(cache, k_BTHE.transpose(1, 2), v_BT1HE[:, :, 0].transpose(1, 2), start)
            y_BTHE = attend_to(q_BTHE, *past, start)
        out_BTD: Tensor = self.out(y_BTHE.reshape(B, T, D))
        return out_BTD


def extend(cache: LayerCache, k_BHTE: Tensor, v_BHTE: Tensor, start: int) -> tuple[Tensor, Tensor]:
    """Write keys and values behind those of the cache and return all of them."""
    end = start + k_BHTE.shape[2]
    cache.keys[:, :, start:end] = k_BHTE
    cache.values[:, :, start:end] = v_BHTE
    return cache.keys[:, :, :end], cache.values[:, :, :end]


class Mixer(nn.Module):
    """The recurrent components of a block and their fusion."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        mixing = MIXINGS[config.backbone]
        self.rwkv6 = RWKV6(config, layer) if "rwkv6" in mixing.components else None
        self.mamba2 = Mamba2(config) if "mamba2" in mixing.components else None
        self.fusion = fusion_of(mixing, config.dim)
        self.leaving: Fusion | None = None
        """The fusion that the other takes the place of, while a morph is under way."""
        self.t = 1.0

    def forward(
        self, x_BTD: Tensor, past: LayerState | None, fresh_BT: Tensor | None = None
    ) -> Tensor:
        """What the components add together; the states in `past` become those behind the last
        token. Without it nothing was read, and nothing is kept.
        """
        added: list[Tensor] = []
        states = past or LayerState(None, None)
        if self.rwkv6 is not None:
            r_BTD, states.rwkv6 = self.rwkv6(x_BTD, states.rwkv6, fresh_BT)
            added.append(r_BTD)
        if self.mamba2 is not None:
            m_BTD, states.mamba2 = self.mamba2(x_BTD, states.mamba2, fresh_BT)
            added.append(m_BTD)
        return self.fused(added)

    def fused(self, added: Sequence[Tensor]) -> Tensor:
        """What the components gave as one; blended with the fusion that is being left."""
        if self.fusion is None:
            return added[0]
        out_BTD: Tensor = self.fusion(*added)
        if self.leaving is None:
            return out_BTD
        return torch.lerp(self.leaving(*added), out_BTD, self.t)

    def begin_morph(self, previous: ModelConfig) -> None:
        """Start at t = 0 from the fusion that another configuration names."""
        mixing = MIXINGS[previous.backbone]
        if self.fusion is not None and mixing.fusion != self.fusion.kind:
            self.leaving, self.t = fusion_of(mixing, previous.dim), 0.0

    def components(self) -> dict[str, nn.Module]:
        """By name, in the order in which they are fused."""
        both = {"rwkv6": self.rwkv6, "mamba2": self.mamba2}
        return {name: module for name, module in both.items() if module is not None}

    def empty_state(self, num_sequences: int) -> LayerState:
        """Nothing has been read."""
        return LayerState(
            None if self.rwkv6 is None else self.rwkv6.empty_state(num_sequences),
            None if self.mamba2 is None else self.mamba2.empty_state(num_sequences),
        )


def make_norm(config: ModelConfig) -> nn.Module:
    """RMSNorm without gains, or LayerNorm."""
    if config.recipe == "modern":
        return RMSNorm()
    return nn.LayerNorm(config.dim)


class DecoderBlock(nn.Module):
    """What every block has: both of its parts are added to the residual stream."""

    ffn_norm: nn.Module
    ffn: FeedForward
    dropout: nn.Dropout

    def forward(self, x_BTD: Tensor, place: Place, past: Past | None) -> Tensor:
        """The residual stream behind this block."""
        x_BTD = x_BTD + self.dropout(self.mixed(x_BTD, place, past))
        out_BTD: Tensor = x_BTD + self.dropout(self.ffn(self.ffn_norm(x_BTD)))
        return out_BTD

    def mixed(self, x_BTD: Tensor, place: Place, past: Past | None) -> Tensor:
        """What the part that mixes positions adds."""
        raise NotImplementedError

    @property
    def mixing(self) -> tuple[str, nn.Module]:
        """Name and module of what mixes positions."""
        raise NotImplementedError

    def components(self) -> dict[str, nn.Module]:
        """What is fused in it, by name; nothing where there is one part only."""
        return {}

    def empty_past(self, num_sequences: int, like: Tensor) -> Past:
        """Nothing has been read; device and dtype are those of `like`."""
        raise NotImplementedError


class Block(DecoderBlock):
    """Attention and feed-forward."""

    def __init__(self, config: ModelConfig, genome: Genome) -> None:
        super().__init__()
        self.config = config
        self.attention_norm, self.ffn_norm = make_norm(config), make_norm(config)
        self.attention = Attention(config)
        self.ffn = FeedForward(config, genome)
        self.dropout = nn.Dropout(config.dropout)

    def mixed(self, x_BTD: Tensor, place: Place, past: Past | None) -> Tensor:
        """What attention adds."""
        assert not isinstance(past, LayerState)
        out_BTD: Tensor = self.attention(
            self.attention_norm(x_BTD), place.rotation, past, place.start
        )
        return out_BTD

    @property
    def mixing(self) -> tuple[str, nn.Module]:
        """Attention."""
        return "attention", self.attention

    def empty_past(self, num_sequences: int, like: Tensor) -> Past:
        """Room for the whole context."""
        config = self.config
        shape = (num_sequences, config.heads, config.block, config.dim // config.heads)
        return LayerCache(like.new_zeros(shape), like.new_zeros(shape))


class RecurrentBlock(DecoderBlock):
    """Recurrent components and feed-forward."""

    def __init__(self, config: ModelConfig, genome: Genome, layer: int) -> None:
        super().__init__()
        self.mixer_norm, self.ffn_norm = make_norm(config), make_norm(config)
        self.mixer = Mixer(config, layer)
        self.ffn = FeedForward(config, genome)
        self.dropout = nn.Dropout(config.dropout)

    def mixed(self, x_BTD: Tensor, place: Place, past: Past | None) -> Tensor:
        """What the components add, as `Mixer.forward` says."""
        assert not isinstance(past, LayerCache)
        added: Tensor = self.mixer(self.mixer_norm(x_BTD), past, place.fresh)
        return added

    @property
    def mixing(self) -> tuple[str, nn.Module]:
        """The fused components, or the only one."""
        return "+".join(self.mixer.components()), self.mixer

    def components(self) -> dict[str, nn.Module]:
        """Of the mixer, where there are several."""
        found = self.mixer.components()
        return found if len(found) > 1 else {}

    def empty_past(self, num_sequences: int, like: Tensor) -> Past:  # noqa: ARG002
        """Empty states."""
        return self.mixer.empty_state(num_sequences)


def make_block(config: ModelConfig, genome: Genome, layer: int) -> DecoderBlock:
    """The block of that layer, from 0."""
    if config.has_attention(layer):
        return Block(config, genome)
    return RecurrentBlock(config, genome, layer)
