"""Runs as a comparison reads them, without a run."""

from collections.abc import Sequence
from math import log
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from orchestrator.analysis.compare.facts import RunFacts
from orchestrator.analysis.compare.settings_diff import flattened
from state.records import Evaluation, Split
from tests.builders import make_config
from trainer.manifest import DatasetManifest, SplitManifest

BYTES = 500
Bits: TypeAlias = Sequence[float] | NDArray[np.float64]
"""Per byte, of each stretch."""


def make_manifest(text: str = "a", inputs: str = "a") -> DatasetManifest:
    """The splits' texts are named by `text`."""
    splits: dict[Split, SplitManifest] = {
        name: SplitManifest(
            documents=1,
            tokens=100,
            num_bytes=1000,
            text_sha256=f"{text}{name}",
            tokens_sha256="t",
            lengths_sha256="l",
        )
        for name in ("train", "search", "test")
    }
    return DatasetManifest(
        inputs_sha256=inputs,
        sha256="corpus",
        num_bytes=3000,
        domain="text",
        tokenizer="bpe",
        vocab_size=512,
        tokenizer_sha256="tokenizer",
        splits=splits,
    )


def measured(bits: Bits, split: Split, num_bytes: int = BYTES) -> Evaluation:
    """A stretch of `num_bytes` for each of the bits per byte."""
    blocks = tuple((float(one) * log(2) * num_bytes, num_bytes) for one in bits)
    return Evaluation(
        split=split,
        nats=sum(nats for nats, _ in blocks),
        tokens=len(blocks),
        num_bytes=num_bytes * len(blocks),
        blocks=blocks,
    )


def make_facts(name: str, bits: Bits, **changes: object) -> RunFacts:
    """A finished run with these bits per byte in each stretch of both splits; `settings` are
    changes of the default configuration.
    """
    settings = changes.pop("settings", {})
    assert isinstance(settings, dict)
    seed = changes.get("seed", 0)
    config = make_config(seed=seed, run_dir=f"runs/{name}", **settings)
    fields: dict[str, object] = {
        "name": name,
        "folder": f"runs/{name}",
        "run_id": name,
        "mode": "phases",
        "status": "finished",
        "finished": True,
        "seed": 0,
        "resumed": 0,
        "phase": "done",
        "manifest": make_manifest(),
        "shape": "tiny: 4 layers",
        "parameters": 1000,
        "device": "cpu float32",
        "budget": 100,
        "spent": 100,
        "tokens": 1000,
        "flops": 1e6,
        "device_seconds": 1.0,
        "wall_seconds": 2.0,
        "formula": "gelu(x)",
        "search": measured(bits, "search"),
        "test": measured(bits, "test"),
        "untrained": 4.0,
        "order2": 3.0,
        "settings": flattened(config.model_dump(mode="json")),
    }
    return RunFacts.model_validate({**fields, **changes})
