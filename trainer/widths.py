"""Sizes that follow from the shape and the genome. Imports no torch."""

from state.genome import initial_coefficients, is_gated, is_per_channel
from state.records import Genome
from trainer.backbones.genes import with_fusion
from trainer.backbones.names import MIXINGS
from trainer.backbones.shapes import first_state_parameters, mixer_parameters
from trainer.config import ModelConfig


def gated_width(dim: int, ungated_width: int) -> int:
    """Inner width of a gated layer with the parameters of an ungated one.

    The nearest multiple of 8, else of 4, else of 2 that is within 1 %; layers too small for
    that get the nearest multiple of 2. Biases are not counted.
    """
    target = 2 * dim * ungated_width
    for unit in (8, 4, 2):
        width = max(unit, unit * round(2 * ungated_width / (3 * unit)))
        if abs(3 * dim * width - target) * 100 <= target:
            return width
    return max(2, 2 * round(ungated_width / 3))


def inner_width(config: ModelConfig, genome: Genome) -> int:
    """Neurons of one feed-forward layer with this activation."""
    if is_gated(genome):
        return gated_width(config.dim, config.ungated_width)
    return config.ungated_width


def num_coefficients(config: ModelConfig, genome: Genome) -> int:
    """Trained coefficients of the activation of one layer; 0 where it is not learnable."""
    neurons = inner_width(config, genome) if is_per_channel(genome) else 1
    return len(initial_coefficients(genome)) * neurons


def num_parameters(config: ModelConfig, genome: Genome) -> int:
    """Parameters of the model."""
    config = with_fusion(config, genome)
    classic = config.recipe == "classic"
    matrices = 3 if is_gated(genome) else 2
    width = inner_width(config, genome)
    layer = matrices * config.dim * width + num_coefficients(config, genome)
    total = config.vocab_size * config.dim * (1 if config.tied_head else 2)
    if classic:
        biases, norms = config.dim + (matrices - 1) * width, 4 * config.dim
        layer += biases + norms
        total += 2 * config.dim
        total += config.block * config.dim if config.backbone == "gpt" else 0
    return total + config.layers * layer + _mixing_parameters(config)


def _mixing_parameters(config: ModelConfig) -> int:
    """Of all that mixes positions, norms not counted."""
    attentive = sum(config.has_attention(layer) for layer in range(config.layers))
    biases = 4 * config.dim if config.recipe == "classic" else 0
    mixing = MIXINGS[config.backbone]
    recurrent = mixer_parameters(mixing, config.dim)
    if config.learned_state:
        recurrent += sum(first_state_parameters(one, config.dim) for one in mixing.components)
    return attentive * (4 * config.dim**2 + biases) + (config.layers - attentive) * recurrent
