"""A checkpoint as a folder that runs without this program.

The folder holds the weights, the tokenizer, the configuration with the activation as a tree, and
`model.py`, which needs torch and safetensors only.
"""

import json
from pathlib import Path
from typing import assert_never

from pydantic import JsonValue
from safetensors.torch import save

from state.durable import write_atomically
from state.genome import (
    expression,
    initial_coefficients,
    initial_expression,
    is_gated,
    is_per_channel,
    learnable,
)
from state.genome.expression import Add, Compose, Expression, Leaf, Mul, Scale
from state.genome.learnable import constants
from state.objects import ObjectStore
from state.records import Genome
from trainer.checkpoint import Description, decode_any
from trainer.feed_forward import curve_name
from trainer.manifest import read_tokenizer
from trainer.widths import inner_width

STANDALONE_MODEL = Path(__file__).parent / "standalone_model.py.txt"
Tree = list[JsonValue]
"""A node as a list: its kind, then its name or factor where it has one, then its children."""


def export_torch(objects: ObjectStore, sha: str, folder: Path, tokenizer_path: Path) -> None:
    """Write model.safetensors, config.json, tokenizer.json and model.py into `folder`.

    The same checkpoint gives the same bytes. Moments are left behind.

    Raises:
        ValueError: the checkpoint or the tokenizer is missing, damaged or not one of ours, or
            the folder cannot be made.
    """
    checkpoint = decode_any(objects.read(sha))
    text = json.dumps(configuration(checkpoint.description), indent=2, sort_keys=True) + "\n"
    files = {
        "model.safetensors": save(checkpoint.weights, {"format": "pt"}),
        "config.json": text.encode(),
        "tokenizer.json": read_tokenizer(tokenizer_path.parent),
        "model.py": STANDALONE_MODEL.read_bytes(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder} cannot be made ({error.strerror}); give a folder") from error
    for name, data in files.items():
        write_atomically(folder / name, data)


def configuration(description: Description) -> dict[str, JsonValue]:
    """What model.py needs to rebuild the model."""
    model, genome = description.model, description.genome
    return {
        "activation": genome.formula,
        **activation_parts(genome),
        "gated": is_gated(genome),
        "inner_width": inner_width(model, genome),
        **model.model_dump(include={"recipe", "dim", "heads", "layers", "block", "vocab_size"}),
        **model.model_dump(include={"tied_head", "logit_softcap"}),
    }


def activation_parts(genome: Genome) -> dict[str, JsonValue]:
    """The tree, and for a learnable activation the curve whose coefficients are in the weights."""
    kind = learnable(genome)
    if kind is None:
        return {"activation_tree": tree(expression(genome)), "curve": None}
    curve: dict[str, JsonValue] = {
        "name": curve_name(genome),
        "kind": kind,
        "start": list(initial_coefficients(genome)),
        "own": is_per_channel(genome),
    }
    learned = None
    if kind == "learned":
        start = initial_expression(genome)
        learned = tree(start, constants(start))
    return {"activation_tree": learned, "curve": curve}


def tree(node: Expression, trained: tuple[Scale, ...] = ()) -> Tree:
    """The expression as nested lists; the factor of a part that is trained is its number."""
    match node:
        case Scale(_, inner) if node in trained:
            return ["trained", trained.index(node), tree(inner, trained)]
        case Leaf(name):
            return ["leaf", name]
        case Scale(factor, inner):
            return ["scale", factor, tree(inner, trained)]
        case Add(terms):
            return ["add", *(tree(term, trained) for term in terms)]
        case Mul(factors):
            return ["mul", *(tree(factor, trained) for factor in factors)]
        case Compose(outer, inner):
            return ["compose", outer, tree(inner, trained)]
        case _:
            assert_never(node)
