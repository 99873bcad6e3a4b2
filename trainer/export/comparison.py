"""Does what was written give the logits of the model that it was made of?"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from safetensors.torch import load_file
from tokenizers import Tokenizer as HuggingFaceTokenizer
from torch import Tensor

from trainer.export.stock_reader import gpt2_logits, nanochat_logits

TOLERANCE = 1e-4
"""Of the largest logit; in float32 two orders of the same sums differ by 1e-6 or less of it."""

Reader = Callable[[Tensor], Tensor]
"""Tokens [B, T] to logits [B, T, V]."""
Encoder = Callable[[str], list[int]]


class Difference(NamedTuple):
    """Two models on the same tokens."""

    absolute: float
    """Of the two logits that differ most."""
    relative: float
    """That, as a share of the largest logit."""
    tokens: int

    @property
    def is_small(self) -> bool:
        """Whether rounding explains it; what is not a number is not small."""
        return self.relative <= TOLERANCE


def difference(ours_BTV: Tensor, theirs_BTV: Tensor) -> Difference:
    """How much the logits of two models on the same tokens differ."""
    ours, theirs = ours_BTV.double(), theirs_BTV.double()
    absolute, scale = float((ours - theirs).abs().max()), float(ours.abs().max())
    return Difference(absolute, absolute / scale if scale else absolute, ours[..., 0].numel())


def reader_of(folder: Path) -> Reader:
    """The model in an exported folder of either form, read as others read it."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    logits = {"gpt2": gpt2_logits, "nanochat": nanochat_logits}.get(config.get("model_type"))
    if logits is None:
        return standalone_model(folder)
    weights = load_file(folder / "model.safetensors")
    return lambda tokens_BT: logits(config, weights, tokens_BT)


def standalone_model(folder: Path) -> Reader:
    """What `load` of the folder's model.py gives."""
    model: Reader = module_of(folder).load(folder)
    return model


def encoder_of(folder: Path) -> Encoder:
    """The tokenizer in an exported folder, read as others read it."""
    if (folder / "tokenizer_config.json").exists():
        tokenizer = HuggingFaceTokenizer.from_file(str(folder / "tokenizer.json"))
        return lambda text: list(tokenizer.encode(text).ids)
    encode: Encoder = module_of(folder).load_tokenizer(folder).encode
    return encode


def module_of(folder: Path) -> ModuleType:
    """The folder's model.py; it says nothing of ours."""
    spec = spec_from_file_location("exported_model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with _without_bytecode():
        spec.loader.exec_module(module)
    return module


@contextmanager
def _without_bytecode() -> Iterator[None]:
    """Nothing is left in the folder that is imported from."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
