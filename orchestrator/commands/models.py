"""`symbio-auto models`: the sizes and backbones, and what they cost."""

import argparse
import json

from pydantic import JsonValue

from orchestrator.sizing import ALIASES, SIZES, size_of
from state.genome import parse
from trainer.backbones.names import MIXINGS, Backbone, list_backbones
from trainer.config import ModelConfig
from trainer.widths import num_parameters

# The vocabulary that a half-megabyte text gets; the table names it.
VOCABULARY = 1024
NAMED_SIZES = ("tiny", "small", "medium", "large", "xl")


def run(arguments: argparse.Namespace) -> int:
    """Print both tables; as JSON a row for every size of every backbone."""
    if arguments.json:
        print(json.dumps([row(size, one) for one in list_backbones() for size in SIZES]))
        return 0
    print(
        f"{'--model':10}{'parameters':>12}{'dim':>6}{'heads':>7}{'layers':>8}"
        f"{'block':>7}{'batch':>7}  recipe   also"
    )
    for name in SIZES:
        size, also = size_of(name, "gpt"), " ".join(aliases(name))
        print(
            f"{name:10}{parameters(name, 'gpt'):>12,}{size.dim:>6}{size.heads:>7}{size.layers:>8}"
            f"{size.block:>7}{size.batch:>7}  {size.recipe:8} {also}".rstrip()
        )
    print(f"\n{'--backbone':12}" + "".join(f"{name:>9}" for name in NAMED_SIZES) + "  mixes by")
    for backbone in list_backbones():
        cells = "".join(f"{parameters(name, backbone) / 1e6:8.2f}M" for name in NAMED_SIZES)
        print(f"{backbone:12}{cells}  {MIXINGS[backbone].text}")
    print(f"parameters with a vocabulary of {VOCABULARY} and gelu")
    return 0


def row(name: str, backbone: Backbone) -> dict[str, JsonValue]:
    """One size of one backbone."""
    return {
        "name": name,
        "aliases": [*aliases(name)],
        "backbone": backbone,
        "parameters": parameters(name, backbone),
        **size_of(name, backbone).model_dump(),
    }


def aliases(name: str) -> list[str]:
    """Other names of a size."""
    return [alias for alias, target in ALIASES.items() if target == name]


def parameters(size: str, backbone: Backbone) -> int:
    """Of a named size."""
    shape = size_of(size, backbone).model_dump(exclude={"batch"})
    config = ModelConfig(size=size, backbone=backbone, vocab_size=VOCABULARY, **shape)
    return num_parameters(config, parse("gelu"))
