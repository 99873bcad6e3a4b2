"""A decoder in plain PyTorch with two recipes, whichever backbone mixes its positions.

`modern`: RMSNorm without gains, rotary positions, normalised queries and keys, no biases, output
projections that start at zero, capped logits. `classic`: GPT-2's learned positions, LayerNorm,
biases and scaled initialisation. Dropout acts on the embedding and on what each layer adds to
the residual stream, not on attention weights, which keeps attention in its fused kernel.

Shapes: B sequences, T positions, D model width, H heads, E width of a head, V vocabulary.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from state.records import Genome
from trainer.backbones.blocks import (
    Block,
    DecoderBlock,
    LayerState,
    Mixer,
    Past,
    Place,
    RecurrentBlock,
    make_block,
    make_norm,
)
from trainer.backbones.empty import Embedding, Linear
from trainer.backbones.first_values import initialise
from trainer.backbones.genes import with_fusion
from trainer.backbones.rms_norm import rms_norm
from trainer.backbones.rotary import rotation_table
from trainer.config import ModelConfig
from trainer.feed_forward import FeedForward

END_OF_TEXT = 6
"""The token that opens a document; `trainer.tokenizer` numbers the control tokens."""
UNBOUNDED = 2**40

__all__ = ["GPT", "Block", "Cache"]


@dataclass
class Cache:
    """What has been read so far. Belongs to its sequences and is used once."""

    layers: list[Past]
    length: int

    def states(self) -> dict[str, Tensor]:
        """Tensors of the layers that have states, by layer, component and name."""
        return {
            f"{layer}.{name}": tensor
            for layer, past in enumerate(self.layers)
            if isinstance(past, LayerState)
            for name, tensor in past.tensors().items()
        }

    def load_states(self, states: Mapping[str, Tensor]) -> None:
        """Copies of what `states` gave."""
        for layer, past in enumerate(self.layers):
            if isinstance(past, LayerState):
                past.load({name: states[f"{layer}.{name}"] for name in past.tensors()})

    def detach(self) -> None:
        """Let no gradient pass to what was read so far."""
        self.load_states({name: tensor.detach() for name, tensor in self.states().items()})


def beginnings(tokens_BT: Tensor) -> Tensor | None:
    """True where a document begins; None, for which there is faster code, where none does."""
    begins_BT = tokens_BT == END_OF_TEXT
    return begins_BT if bool(begins_BT.any()) else None


class GPT(nn.Module):
    """The decoder. Parameters are empty until `initialise` or `load_state_dict`."""

    rotation: Tensor

    def __init__(self, config: ModelConfig, genome: Genome) -> None:
        super().__init__()
        self.given_config, self.genome = config, genome
        config = self.config = with_fusion(config, genome)
        learned_positions = config.recipe == "classic" and config.backbone == "gpt"
        self.embedding = Embedding(config.vocab_size, config.dim)
        self.positions = Embedding(config.block, config.dim) if learned_positions else None
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            make_block(config, genome, layer) for layer in range(config.layers)
        )
        self.norm = make_norm(config)
        self.head = None
        if not config.tied_head:
            self.head = Linear(config.dim, config.vocab_size, bias=False)
        table = rotation_table(config.block, config.dim // config.heads)
        self.register_buffer("rotation", table, persistent=False)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Next-token logits [B, T, V], float32; T is at most the block."""
        return self.logits(self.read(tokens_BT, None))

    def read(
        self, tokens_BT: Tensor, cache: Cache | None, fresh_BT: Tensor | None = None
    ) -> Tensor:
        """The normalised residual stream of the tokens that follow the cache.

        `fresh_BT` is True where a document begins: what has a state forgets what came before.
        """
        if self.config.stateful and fresh_BT is None:
            fresh_BT = beginnings(tokens_BT)
        start = cache.length if cache is not None else 0
        end = start + tokens_BT.shape[1]
        if not start < end <= self.context_length:
            raise ValueError(
                f"{end} tokens do not fit a context of {self.context_length}; cut the prompt"
            )
        x_BTD = self.dropout(self.embed(tokens_BT, start, end))
        place = Place(start, self.rotation[:, start:end], fresh_BT)
        for index, block in enumerate(self.blocks):
            x_BTD = block(x_BTD, place, cache.layers[index] if cache else None)
        out_BTD: Tensor = self.norm(x_BTD)
        return out_BTD

    def embed(self, tokens_BT: Tensor, start: int, end: int) -> Tensor:
        """Vectors that enter the first block."""
        x_BTD: Tensor = self.embedding(tokens_BT)
        if self.positions is not None:
            return x_BTD + self.positions.weight[start:end]
        return rms_norm(x_BTD) if self.config.recipe == "modern" else x_BTD

    def logits(self, x_BTD: Tensor) -> Tensor:
        """Logits of normalised vectors, capped in the modern recipe."""
        raw_BTV = self.raw_logits(x_BTD)
        return raw_BTV if self.cap is None else self.cap * torch.tanh(raw_BTV / self.cap)

    def raw_logits(self, x_BTD: Tensor) -> Tensor:
        """Logits before the cap, float32."""
        weight_VD = self.embedding.weight if self.head is None else self.head.weight
        return F.linear(x_BTD, weight_VD).float()

    @property
    def cap(self) -> float | None:
        """What bounds the logits; the classic recipe has no cap."""
        return self.config.logit_softcap if self.config.recipe == "modern" else None

    @property
    def inner_width(self) -> int:
        """Neurons of a feed-forward layer."""
        return self.feed_forwards()[0].w_in.out_features

    @property
    def context_length(self) -> int:
        """Most tokens that one sequence may hold; more are refused with a ValueError.

        States that are handed on know no end.
        """
        return UNBOUNDED if self.config.stateful else self.config.block

    @torch.no_grad()
    def start(self, tokens_BT: Tensor) -> tuple[Tensor, Cache]:
        """Logits [B, V] of the token after each prompt; all prompts have T tokens."""
        cache = self.empty_cache(tokens_BT.shape[0])
        x_BTD = self.read(tokens_BT, cache)
        cache.length = tokens_BT.shape[1]
        return self.logits(x_BTD[:, -1]), cache

    @torch.no_grad()
    def advance(self, tokens_B: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Logits [B, V] of the token after `tokens_B`. The cache given is used up."""
        x_BTD = self.read(tokens_B[:, None], cache)
        return self.logits(x_BTD[:, -1]), Cache(cache.layers, cache.length + 1)

    def empty_cache(self, num_sequences: int) -> Cache:
        """Nothing has been read: room for the whole context of attention, empty states."""
        like = self.embedding.weight
        return Cache([block.empty_past(num_sequences, like) for block in self.own_blocks()], 0)

    def own_blocks(self) -> list[DecoderBlock]:
        """The blocks from first to last."""
        return [block for block in self.blocks if isinstance(block, DecoderBlock)]

    def feed_forwards(self) -> list[FeedForward]:
        """The feed-forward layers from first to last."""
        return [block.ffn for block in self.own_blocks()]

    def mixers(self) -> list[Mixer]:
        """The recurrent mixers from first to last; none where all layers have attention."""
        return [block.mixer for block in self.own_blocks() if isinstance(block, RecurrentBlock)]

    def initialise(self, seed: int) -> None:
        """Draw every parameter from a stream of its own."""
        initialise(self, self.config, seed)

    def set_dropout(self, probability: float) -> None:
        """Change the dropout of every layer."""
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = probability

    def begin_morph(self, previous: Genome) -> None:
        """Start blending from `previous`; parameters that appear are empty."""
        for layer in self.feed_forwards():
            layer.begin_morph(previous, self.genome)
        for mixer in self.mixers():
            mixer.begin_morph(with_fusion(self.given_config, previous))

    def set_morph(self, t: float) -> None:
        """How far the morph under way has come, in [0, 1]; no effect without one."""
        for layer in self.feed_forwards():
            if layer.morph is not None:
                layer.morph.t = t
        for mixer in self.mixers():
            mixer.t = t

    def finish_morph(self) -> list[str]:
        """Become exactly the new model; returns the names of the parameters that vanished."""
        before = {name for name, _ in self.named_parameters()}
        for layer in self.feed_forwards():
            layer.finish_morph()
        for mixer in self.mixers():
            mixer.leaving = None
        return sorted(before - {name for name, _ in self.named_parameters()})
