"""A decoder in plain PyTorch with two recipes.

`modern`: RMSNorm without gains, rotary positions, normalised queries and keys, no biases, output
projections that start at zero, capped logits. `classic`: GPT-2's learned positions, LayerNorm,
biases and scaled initialisation. Dropout acts on the embedding and on what each layer adds to
the residual stream, not on attention weights, which keeps attention in its fused kernel.

Shapes: B sequences, T positions, D model width, H heads, E width of a head, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from state.records import Genome
from state.seeds import derive_seed
from trainer.backbones.attention import attend, attend_to
from trainer.backbones.rms_norm import RMSNorm, rms_norm
from trainer.backbones.rotary import rotate, rotation_table
from trainer.config import ModelConfig
from trainer.feed_forward import FeedForward

CLASSIC_STD = 0.02
EMBEDDING_STD = 0.02


@dataclass
class LayerCache:
    """Keys and values [B, H, T, E] of one layer, T the whole context; filled in place."""

    keys: Tensor
    values: Tensor


@dataclass
class Cache:
    """What has been read so far. Belongs to its sequences and is used once."""

    layers: list[LayerCache]
    length: int


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.modern = config.recipe == "modern"
        self.qkv = nn.Linear(config.dim, 3 * config.dim, bias=not self.modern)
        self.out = nn.Linear(config.dim, config.dim, bias=not self.modern)

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
            y_BTHE = attend_to(q_BTHE, *past, is_causal=start == 0)
        out_BTD: Tensor = self.out(y_BTHE.reshape(B, T, D))
        return out_BTD


def extend(cache: LayerCache, k_BHTE: Tensor, v_BHTE: Tensor, start: int) -> tuple[Tensor, Tensor]:
    """Write keys and values behind those of the cache and return all of them."""
    end = start + k_BHTE.shape[2]
    cache.keys[:, :, start:end] = k_BHTE
    cache.values[:, :, start:end] = v_BHTE
    return cache.keys[:, :, :end], cache.values[:, :, :end]


def make_norm(config: ModelConfig) -> nn.Module:
    """RMSNorm without gains, or LayerNorm."""
    if config.recipe == "modern":
        return RMSNorm()
    return nn.LayerNorm(config.dim)


class Block(nn.Module):
    """Attention and feed-forward, each added to the residual stream."""

    def __init__(self, config: ModelConfig, genome: Genome) -> None:
        super().__init__()
        self.attention_norm, self.ffn_norm = make_norm(config), make_norm(config)
        self.attention = Attention(config)
        self.ffn = FeedForward(config, genome)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x_BTD: Tensor, rotation: Tensor, cache: LayerCache | None, start: int
    ) -> Tensor:
        """The residual stream behind this block."""
        mixed = self.attention(self.attention_norm(x_BTD), rotation, cache, start)
        x_BTD = x_BTD + self.dropout(mixed)
        out_BTD: Tensor = x_BTD + self.dropout(self.ffn(self.ffn_norm(x_BTD)))
        return out_BTD


class GPT(nn.Module):
    """The decoder. Parameters are empty until `initialise` or `load_state_dict`."""

    rotation: Tensor

    def __init__(self, config: ModelConfig, genome: Genome) -> None:
        super().__init__()
        self.config, self.genome = config, genome
        classic = config.recipe == "classic"
        self.embedding = nn.Embedding(config.vocab_size, config.dim)
        self.positions = nn.Embedding(config.block, config.dim) if classic else None
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config, genome) for _ in range(config.layers))
        self.norm = make_norm(config)
        self.head = None
        if not config.tied_head:
            self.head = nn.Linear(config.dim, config.vocab_size, bias=False)
        table = rotation_table(config.block, config.dim // config.heads)
        self.register_buffer("rotation", table, persistent=False)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Next-token logits [B, T, V], float32; T is at most the block."""
        return self.logits(self.read(tokens_BT, None))

    def read(self, tokens_BT: Tensor, cache: Cache | None) -> Tensor:
        """The normalised residual stream of the tokens that follow the cache."""
        start = cache.length if cache is not None else 0
        end = start + tokens_BT.shape[1]
        if not start < end <= self.context_length:
            raise ValueError(
                f"{end} tokens do not fit a context of {self.context_length}; cut the prompt"
            )
        x_BTD = self.dropout(self.embed(tokens_BT, start, end))
        rotation = self.rotation[:, start:end]
        for index, block in enumerate(self.blocks):
            x_BTD = block(x_BTD, rotation, cache.layers[index] if cache else None, start)
        out_BTD: Tensor = self.norm(x_BTD)
        return out_BTD

    def embed(self, tokens_BT: Tensor, start: int, end: int) -> Tensor:
        """Vectors that enter the first block."""
        x_BTD: Tensor = self.embedding(tokens_BT)
        if self.positions is None:
            return rms_norm(x_BTD)
        return x_BTD + self.positions.weight[start:end]

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
        """Most tokens that one sequence may hold; more are refused with a ValueError."""
        return self.config.block

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
        """Room for the whole context of every layer."""
        config, weight = self.config, self.embedding.weight
        shape = (num_sequences, config.heads, config.block, config.dim // config.heads)
        return Cache(
            [
                LayerCache(weight.new_zeros(shape), weight.new_zeros(shape))
                for _ in range(config.layers)
            ],
            0,
        )

    def feed_forwards(self) -> list[FeedForward]:
        """The feed-forward layers from first to last."""
        return [block.ffn for block in self.blocks if isinstance(block, Block)]

    @torch.no_grad()
    def initialise(self, seed: int) -> None:
        """Draw every parameter from a stream of its own.

        Models that differ in their activation share all the bits they can: a gated layer gets
        the first rows of the ungated `w_in`.
        """
        for name, parameter in self.named_parameters():
            std = initial_std(self.config, name)
            if std == 0:
                parameter.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
                continue
            stream = torch.Generator().manual_seed(derive_seed(seed, "parameter", name))
            shape = list(parameter.shape)
            if name.endswith("w_in.weight"):
                shape[0] = max(shape[0], self.config.ungated_width)
            drawn = torch.empty(shape).normal_(0.0, std, generator=stream)
            parameter.copy_(drawn[: parameter.shape[0]])

    def set_dropout(self, probability: float) -> None:
        """Change the dropout of every layer."""
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = probability

    def begin_morph(self, previous: Genome) -> None:
        """Start blending from `previous`; parameters that appear are empty."""
        for layer in self.feed_forwards():
            layer.begin_morph(previous, self.genome)

    def set_morph(self, t: float) -> None:
        """How far the morph under way has come, in [0, 1]; no effect without one."""
        for layer in self.feed_forwards():
            if layer.morph is not None:
                layer.morph.t = t

    def finish_morph(self) -> list[str]:
        """Become exactly the new model; returns the names of the parameters that vanished."""
        before = {name for name, _ in self.named_parameters()}
        for layer in self.feed_forwards():
            layer.finish_morph()
        return sorted(before - {name for name, _ in self.named_parameters()})


def initial_std(config: ModelConfig, name: str) -> float:
    """Standard deviation that a parameter is drawn with; 0 means that it is not random."""
    classic = config.recipe == "classic"
    if name.endswith("bias") or "norm" in name:
        return 0.0
    if name.endswith(("attention.out.weight", "ffn.w_out.weight")):
        return CLASSIC_STD / (2 * config.layers) ** 0.5 if classic else 0.0
    if classic:
        return CLASSIC_STD
    if name == "head.weight":
        return 0.0
    return EMBEDDING_STD if name == "embedding.weight" else config.dim**-0.5
