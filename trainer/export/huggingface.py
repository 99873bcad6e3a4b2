"""The folder for transformers: what `from_pretrained` reads for the model and its tokenizer."""

from pydantic import JsonValue
from safetensors.torch import save

from trainer.config import Domain
from trainer.export.custom import custom_model
from trainer.export.source import Source
from trainer.export.stock import HuggingFaceModel, stock_model
from trainer.export.tokenizer_files import tokenizer_files
from trainer.export.torch_folder import json_bytes
from trainer.tokenizer import CONTROL_IDS

MAX_NEW_TOKENS = 128
TEMPERATURE, TOP_K = 0.8, 40
"""As `symbio-auto sample` draws."""


def huggingface_files(source: Source) -> dict[str, bytes]:
    """The bytes of each file by its name; the same checkpoint gives the same bytes."""
    model = _model(source)
    block = source.checkpoint.description.model.block
    config = {
        **model.config,
        "domain": source.domain,
        "dtype": str(source.checkpoint.weights["embedding.weight"].dtype).removeprefix("torch."),
        "use_cache": True,
        **_token_ids(source.domain),
    }
    return {
        "model.safetensors": save(
            {name: tensor.contiguous() for name, tensor in model.weights.items()}, {"format": "pt"}
        ),
        "config.json": json_bytes(config),
        "generation_config.json": json_bytes(_generation(source.domain, block)),
        **tokenizer_files(source.tokenizer, source.domain, block),
        **model.code,
    }


def huggingface_class(source: Source) -> str:
    """The class that loads it."""
    named = _model(source).config["architectures"]
    assert isinstance(named, list)
    return str(named[0])


def _model(source: Source) -> HuggingFaceModel:
    """A class of transformers where one computes the same, else code of its own.

    Raises:
        ValueError: its states have no place in transformers' caches.
    """
    backbone = source.checkpoint.description.model.backbone
    if backbone != "gpt":
        raise ValueError(
            f"backbone {backbone} has no form for transformers, whose caches hold no such states; "
            "leave out --format hf"
        )
    return stock_model(source.checkpoint) or custom_model(source.checkpoint)


def _token_ids(domain: Domain) -> dict[str, JsonValue]:
    """Every stream of tokens begins with end-of-text; no text was trained on with <|bos|>."""
    end = CONTROL_IDS["end_of_text"]
    stops: list[JsonValue] = [end, CONTROL_IDS["user"]]
    return {
        "bos_token_id": end,
        "eos_token_id": stops if domain == "chat" else end,
        "pad_token_id": CONTROL_IDS["pad"],
    }


def _generation(domain: Domain, block: int) -> dict[str, JsonValue]:
    return {
        **_token_ids(domain),
        "do_sample": True,
        "temperature": TEMPERATURE,
        "top_k": TOP_K,
        "max_new_tokens": max(1, min(MAX_NEW_TOKENS, block // 2)),
        "suppress_tokens": [CONTROL_IDS[name] for name in ("pad", "bos", "eos")],
    }
