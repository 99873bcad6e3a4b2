"""A model as code of its own for transformers: for activations that no class of transformers has.

The code is `model.py`, the same file as in the folder for torch alone, with a thin class around it.
"""

from pydantic import JsonValue

from trainer.checkpoint import Checkpoint
from trainer.export.stock import HuggingFaceModel
from trainer.export.torch_folder import STANDALONE_MODEL, TEMPLATES, configuration

CODE = ("configuration_symbio.py", "modeling_symbio.py")


def custom_model(checkpoint: Checkpoint) -> HuggingFaceModel:
    """The model with its code."""
    config: dict[str, JsonValue] = {
        **configuration(checkpoint.description),
        "architectures": ["SymbioForCausalLM"],
        "model_type": "symbio",
        "auto_map": {
            "AutoConfig": "configuration_symbio.SymbioConfig",
            "AutoModelForCausalLM": "modeling_symbio.SymbioForCausalLM",
        },
        "tie_word_embeddings": checkpoint.description.model.tied_head,
    }
    weights = {f"model.{name}": tensor for name, tensor in checkpoint.weights.items()}
    code = {name: (TEMPLATES / f"{name}.txt").read_bytes() for name in CODE}
    return HuggingFaceModel(config, weights, code | {"model.py": STANDALONE_MODEL.read_bytes()})
