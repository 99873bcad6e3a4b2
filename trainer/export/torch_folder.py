"""The folder for torch alone: the weights, the tokenizer, the configuration with the activation as
a tree, and `model.py`, which needs torch and safetensors only.
"""

import json
from pathlib import Path

from pydantic import JsonValue
from safetensors.torch import save

from state.durable import write_atomically
from state.genome import is_gated
from state.objects import ObjectStore
from trainer.backbones.genes import with_fusion
from trainer.backbones.names import MIXINGS
from trainer.backbones.shapes import head_width, mamba_head_width
from trainer.checkpoint import Description
from trainer.config import ModelConfig
from trainer.export.activation import activation_parts
from trainer.export.source import Source, read_source
from trainer.widths import inner_width

TEMPLATES = Path(__file__).parent
STANDALONE_MODEL = TEMPLATES / "standalone_model.py.txt"
STANDALONE_RECURRENT = TEMPLATES / "standalone_recurrent.py.txt"
BEFORE_MODEL = "\nclass Model(nn.Module):\n"


def export_torch(objects: ObjectStore, sha: str, folder: Path, tokenizer_path: Path) -> None:
    """Write model.safetensors, config.json, tokenizer.json and model.py into `folder`.

    The same checkpoint gives the same bytes. Moments are left behind.

    Raises:
        ValueError: the checkpoint or the tokenizer is missing, damaged or not one of ours, or
            the folder cannot be made.
    """
    files = torch_files(read_source(objects, sha, tokenizer_path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{folder} cannot be made ({error.strerror}); give a folder") from error
    for name, data in files.items():
        write_atomically(folder / name, data)


def torch_files(source: Source) -> dict[str, bytes]:
    """The bytes of each file by its name."""
    config = {**configuration(source.checkpoint.description), "domain": source.domain}
    return {
        "model.safetensors": save(source.checkpoint.weights, {"format": "pt"}),
        "config.json": json_bytes(config),
        "tokenizer.json": source.tokenizer,
        "model.py": standalone_model(source.checkpoint.description),
    }


def configuration(description: Description) -> dict[str, JsonValue]:
    """What model.py needs to rebuild the model."""
    genome = description.genome.activation
    model = with_fusion(description.model, description.genome)
    return {
        "activation": genome.formula,
        **activation_parts(genome),
        "gated": is_gated(genome),
        "inner_width": inner_width(model, genome),
        **model.model_dump(include={"recipe", "dim", "heads", "layers", "block", "vocab_size"}),
        **model.model_dump(include={"tied_head", "logit_softcap"}),
        **_recurrence(model),
    }


def _recurrence(model: ModelConfig) -> dict[str, JsonValue]:
    """What a recurrent backbone needs besides; nothing for attention."""
    mixing = MIXINGS[model.backbone]
    if not mixing.components:
        return {}
    return {
        "backbone": model.backbone,
        "components": [*mixing.components],
        "fusion": mixing.fusion,
        "attention_layers": [n for n in range(model.layers) if model.has_attention(n)],
        "head_width": head_width(model.dim),
        "mamba_head_width": mamba_head_width(model.dim),
        **{one: True for one in ("learned_state", "stateful") if getattr(model, one)},
    }


def standalone_model(description: Description) -> bytes:
    """The code of the model: that of the decoder, with the recurrent blocks where it has them."""
    code = STANDALONE_MODEL.read_text(encoding="utf-8")
    if description.model.backbone != "gpt":
        blocks = STANDALONE_RECURRENT.read_text(encoding="utf-8")
        code = code.replace(BEFORE_MODEL, f"\n{blocks}{BEFORE_MODEL}", 1)
    return code.encode()


def json_bytes(content: object) -> bytes:
    """JSON for people and programs, its keys in order."""
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
