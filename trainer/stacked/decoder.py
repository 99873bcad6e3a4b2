"""The forward pass of a stack, from tokens to every member's mean nats.

Shapes: M members, B sequences, T positions, D model width, V vocabulary.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.activations.gpu import usable_on
from trainer.backbones.rms_norm import rms_norm
from trainer.capped_cross_entropy import capped_cross_entropy
from trainer.stacked.activations import StackedActivations
from trainer.stacked.cross_entropy import cross_entropy_by_row
from trainer.stacked.dropout import StackedDropout
from trainer.stacked.regions import BlockWeights, Weights, linear, normed, regions
from trainer.stacked.storage import Storage


class StackedDecoder:
    """The members' decoders as one."""

    def __init__(self, storage: Storage) -> None:
        self.parameters = storage.parameters
        self.model = storage.members[0].model
        self.config = self.model.config
        self.modern = self.config.recipe == "modern"
        self.activations = StackedActivations(storage.members)
        self.regions = regions(self.model.embedding.weight.device.type)

    def nats(self, tokens_MBT: Tensor, targets_MBT: Tensor, dropout: StackedDropout) -> Tensor:
        """Mean cross-entropy [M]."""
        x_MBTD = self.read(tokens_MBT, dropout)
        head = self.parameters.get("head.weight", self.parameters["embedding.weight"])
        return mean_nats(linear(x_MBTD, Weights(head)), targets_MBT, self.model.cap)

    def read(self, tokens_MBT: Tensor, dropout: StackedDropout) -> Tensor:
        """The normalised residual streams [M, B, T, D]."""
        x_MBTD = self.embedded(tokens_MBT)
        dropped = dropout.factors(x_MBTD)
        x_MBTD = x_MBTD if dropped is None else x_MBTD * dropped
        rotation = self.model.rotation[:, : tokens_MBT.shape[2]] if self.modern else None
        composed = self.regions.composed
        for layer in range(self.config.layers):
            weights = self.block(layer)
            before = self.regions.before(
                *(x_MBTD, weights, rotation, self.config.heads, dropout.factors(x_MBTD)),
                composed=composed,
            )
            hidden_MBTW = self.activations.hidden(layer, before.inner, before.up)
            dropped = dropout.factors(before.stream)
            x_MBTD = self.regions.after(before.stream, hidden_MBTW, weights.w_out, dropped)
        return normed(x_MBTD, self.weights("norm"), composed=False)

    def embedded(self, tokens_MBT: Tensor) -> Tensor:
        """Vectors that enter the first block."""
        table_MVD = self.parameters["embedding.weight"]
        M, V, D = table_MVD.shape
        moved_MBT = tokens_MBT + V * torch.arange(M, device=tokens_MBT.device)[:, None, None]
        x_MBTD = F.embedding(moved_MBT, table_MVD.view(M * V, D))
        if "positions.weight" in self.parameters:
            return x_MBTD + self.parameters["positions.weight"][:, None, : tokens_MBT.shape[2]]
        return rms_norm(x_MBTD) if self.modern else x_MBTD

    def block(self, layer: int) -> BlockWeights:
        """The parameters of a block."""
        own = (
            *("attention_norm", "attention.qkv", "attention.out"),
            *("ffn_norm", "ffn.w_in", "ffn.w_up", "ffn.w_out"),
        )
        return BlockWeights(*(self.weights(f"blocks.{layer}.{name}") for name in own))

    def weights(self, name: str) -> Weights:
        """The parameters of a module."""
        find = self.parameters.get
        return Weights(find(f"{name}.weight"), find(f"{name}.bias"))


def mean_nats(raw_MBTV: Tensor, targets_MBT: Tensor, cap: float | None) -> Tensor:
    """Each member's mean nats [M] of logits before the cap."""
    M, V = len(raw_MBTV), raw_MBTV.shape[-1]
    if usable_on(raw_MBTV):
        nats_R = cross_entropy_by_row(raw_MBTV.reshape(-1, V), targets_MBT.flatten(), cap)
        return nats_R.view(M, -1).mean(dim=1)
    pairs = zip(raw_MBTV.float().flatten(1, 2), targets_MBT.flatten(1), strict=True)
    return torch.stack([nats_of(raw_NV, targets_N, cap) for raw_NV, targets_N in pairs])


def nats_of(raw_NV: Tensor, targets_N: Tensor, cap: float | None) -> Tensor:
    """One member's, as it is computed alone."""
    if cap is None:
        return F.cross_entropy(raw_NV, targets_N)
    return capped_cross_entropy(raw_NV, targets_N, cap)
