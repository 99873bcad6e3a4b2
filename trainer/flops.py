"""Analytic floating-point operations, matrix products only, a multiply-add counted as two.

Attention is counted in full although the causal kernel skips half of it, as is usual where model
FLOPs are compared; a recurrence as its chunks multiply in eager PyTorch. Norms, activations (their
trained coefficients too) and the optimizer are not counted. Imports no torch.
"""

from state.genome import is_gated
from state.records import Genome
from trainer.backbones.genes import with_fusion
from trainer.backbones.names import MIXINGS
from trainer.backbones.shapes import mixer_products
from trainer.config import ModelConfig
from trainer.widths import inner_width


def forward_flops_per_token(config: ModelConfig, genome: Genome) -> float:
    """One token's share of a forward pass over a full block."""
    config = with_fusion(config, genome)
    num_ffn_matrices = 3 if is_gated(genome) else 2
    feed_forward = num_ffn_matrices * config.dim * inner_width(config, genome)
    attention = 4 * config.dim**2 + 2 * config.block * config.dim
    recurrent = mixer_products(MIXINGS[config.backbone], config.dim, config.block)
    attentive = sum(config.has_attention(layer) for layer in range(config.layers))
    mixing = attentive * attention + (config.layers - attentive) * recurrent
    head = config.dim * config.vocab_size
    return 2.0 * (config.layers * feed_forward + mixing + head)


def training_flops_per_step(config: ModelConfig, genome: Genome, batch_tokens: int) -> float:
    """Forward and backward, the latter taken as two forwards."""
    return 3.0 * forward_flops_per_token(config, genome) * batch_tokens
