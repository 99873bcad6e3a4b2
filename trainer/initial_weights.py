"""The weights that a new model begins with, taken from one that was trained before.

Weights alone: moments and counters begin anew, since the new run has an optimizer and a schedule
of its own.
"""

import json
from typing import NamedTuple

from pydantic import JsonValue
from safetensors import SafetensorError
from safetensors.torch import load

from state.genome import parse
from state.records import Genome
from trainer.backbones.gpt import GPT
from trainer.checkpoint import Checkpoint, Description, decode, encode, require_tensors
from trainer.config import ModelConfig
from trainer.export import configuration
from trainer.neurons import NamedTensors

NOT_COMPARED = {"activation", "activation_tree"}
"""Of an exported configuration: the activation is compared by its formula."""


class Exported(NamedTuple):
    """A model as `export` writes it."""

    weights: bytes
    """model.safetensors"""
    configuration: bytes
    """config.json"""


def initial_checkpoint(
    source: bytes | Exported, genome: Genome, model: ModelConfig, seed: int
) -> bytes:
    """A checkpoint of an untrained age with the weights of `source`, a checkpoint or an export.

    Raises:
        ValueError: the source cannot be read, or is of another activation or shape.
    """
    if isinstance(source, Exported):
        weights = _exported_weights(source, genome, model)
    else:
        weights = decode(source, genome, model).weights
    require_tensors(weights, GPT(model, genome).state_dict())
    return encode(Checkpoint(Description(genome=genome, model=model, seed=seed), weights))


def _exported_weights(source: Exported, genome: Genome, model: ModelConfig) -> NamedTensors:
    found = _table(source.configuration)
    # A model without the field is from before activations could be chosen.
    formula = parse(str(found.get("activation", "gelu"))).formula
    if formula != genome.activation.formula:
        raise ValueError(
            f"exported model was trained with activation {formula}, not {genome.formula}; "
            f"give --activation '{formula}'"
        )
    wanted = configuration(Description(genome=genome, model=model, seed=0))
    # The inner width follows from the others, so theirs is the better message.
    names = [*sorted(wanted.keys() - NOT_COMPARED - {"inner_width"}), "inner_width"]
    for name in names:
        if name in found and found[name] != wanted[name]:
            raise ValueError(
                f"exported model has {name} {found[name]}, not {wanted[name]}; "
                f"train with {name} {found[name]}"
            )
    try:
        return load(source.weights)
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"not a safetensors file: {error}; give an exported model") from error


def _table(text: bytes) -> dict[str, JsonValue]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError("config.json of the exported model is no table; export it again")  # noqa: TRY004
    return found
