"""Every backbone at about 3.6 million parameters: 1,000 steps of 32 x 64 characters.

    python -m benchmarks.hybrids --data tinyshakespeare.txt --runs FOLDER
    python -m benchmarks.hybrids_speed
    python -m benchmarks.hybrids_stateful --data tinyshakespeare.txt

One `symbio-auto train` a backbone and seed, 3 seeds for gpt, hy, gf-mh, cp and hgf, else one. A run
that is in FOLDER already is read and not made again. Told are nats a character and perplexity on
the last tenth of the text, tokens a second and peak memory of the process, what each component is
worth with the other left in place, and how often the ratio of their gradient norms is in .3 to 3.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from math import exp
from pathlib import Path
from statistics import fmean, median, stdev

import torch
from pydantic import JsonValue

from benchmarks.recording import write_result
from orchestrator.opened_model import open_model
from state.genome import parse
from state.run_folder import RunFolder
from trainer.backbones.names import MIXINGS, Backbone, list_backbones
from trainer.config import ModelConfig
from trainer.diagnostics.ablation import component_ablations, shares_of
from trainer.widths import num_parameters

PARAMETERS = 3_600_000
REPEATED: tuple[Backbone, ...] = ("gpt", "hy", "gf-mh", "cp", "hgf")
SEEDS = 3
RATIOS = (0.3, 3.0)
ABLATED_WINDOWS = 128
CHARACTERS = 330
"""About the vocabulary of the text; only the size of the embedding depends on it."""


def main() -> None:
    """Make what is missing, print the table and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/hybrids"))
    parser.add_argument("--backbones", nargs="*", default=[*list_backbones()])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of those that are repeated")
    parser.add_argument("--block", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--parameters", type=int, default=PARAMETERS)
    asked = parser.parse_args()
    table: dict[str, JsonValue] = {}
    for backbone in asked.backbones:
        seeds = range(asked.seeds if backbone in REPEATED else 1)
        figures = [measured(asked, backbone, seed) for seed in seeds]
        table[backbone] = {"seeds": [*figures], **summary(figures)}
        print(line(backbone, figures), flush=True)
    config: dict[str, JsonValue] = {"steps": asked.steps, "block": asked.block}
    print(write_result("hybrids", {**config, "batch": asked.batch, "backbones": table}))


def shape_near(backbone: Backbone, parameters: int, block: int) -> ModelConfig:
    """As many layers of 128, or of 192 for gpt, as come nearest to the parameters."""
    dim = 192 if backbone == "gpt" else 128
    made = [
        ModelConfig(
            dim=dim,
            heads=dim // 32,
            layers=layers,
            block=block,
            backbone=backbone,
            vocab_size=CHARACTERS,
        )
        for layers in range(1, 40)
    ]
    return min(made, key=lambda one: abs(num_parameters(one, parse("gelu")) - parameters))


def measured(asked: argparse.Namespace, backbone: Backbone, seed: int) -> dict[str, JsonValue]:
    """Everything of one run."""
    folder = RunFolder(asked.runs / f"{backbone}-{seed}")
    shape = shape_near(backbone, asked.parameters, asked.block)
    note = folder.root / "peak-megabytes.json"
    if not folder.final_report.exists():
        command = [sys.executable, "-m", "orchestrator.cli", "train", "--data", asked.data]
        command += ["--plain", "--tokenizer", "char", "--split", "contiguous:0.9,0.1,0"]
        command += ["--backbone", backbone, "--dim", str(shape.dim), "--heads", str(shape.heads)]
        command += ["--layers", str(shape.layers), "--block", str(asked.block), "--seed", str(seed)]
        command += ["--batch", str(asked.batch), "--iters", str(asked.steps)]
        command += ["--run-dir", str(folder.root)]
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(peak_megabytes(command)), encoding="utf-8")
    report = json.loads(folder.final_report.read_text(encoding="utf-8"))
    nats = report["search"]["nats_per_token"]
    rows = [json.loads(one) for one in folder.metrics_jsonl.read_text().splitlines()]
    worth = component_worth(folder) if len(MIXINGS[backbone].components) > 1 else {}
    return {
        "nats": nats,
        "perplexity": exp(nats),
        "parameters": num_parameters(shape, parse("gelu")),
        "layers": shape.layers,
        "dim": shape.dim,
        "tokens_per_second": median(row["tokens_per_sec"] for row in rows),
        "peak_megabytes": json.loads(note.read_text(encoding="utf-8")),
        "ablation_nats": {**worth},
        "ablation_shares": {**shares_of(worth)},
        "ratios_inside": ratios_inside(rows),
    }


def peak_megabytes(command: list[str]) -> float:
    """Most memory of the process that runs the command."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(command[:4])} failed")
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def component_worth(folder: RunFolder) -> dict[str, float]:
    """Nats a token that the loss rises by without each component, on windows of held-out text."""
    opened = open_model(folder.root)
    block = opened.setup.model.block
    windows = next(opened.dataset.windows("search", block, ABLATED_WINDOWS))
    pair = (torch.from_numpy(windows.inputs), torch.from_numpy(windows.targets))
    with opened.model() as model:
        extra = component_ablations(model, opened.setup, [pair])
    return {name: float(nats.sum()) / pair[0].numel() for name, nats in extra.items()}


def ratios_inside(rows: Iterable[Mapping[str, float | None]]) -> float | None:
    """Share of the steps whose gradient norms of both components are of the same size."""
    ratios = [
        first / second
        for row in rows
        if (first := row.get("grad_norm_rwkv6")) and (second := row.get("grad_norm_mamba2"))
    ]
    inside = sum(RATIOS[0] <= ratio <= RATIOS[1] for ratio in ratios)
    return inside / len(ratios) if ratios else None


def summary(figures: list[dict[str, JsonValue]]) -> dict[str, JsonValue]:
    """Mean and spread of the loss."""
    nats = [nats_of(one) for one in figures]
    return {"mean": fmean(nats), "stdev": stdev(nats) if len(nats) > 1 else None}


def nats_of(figures: Mapping[str, JsonValue]) -> float:
    """The loss of one run."""
    found = figures["nats"]
    assert isinstance(found, float)
    return found


def line(backbone: str, figures: list[dict[str, JsonValue]]) -> str:
    """A row for people, of the first seed but for the loss."""
    nats, one = [nats_of(each) for each in figures], figures[0]
    spread = f"+-{stdev(nats):.4f}" if len(nats) > 1 else ""
    shares = one["ablation_shares"]
    told = {
        name: f"{share:.0%}" for name, share in (shares if isinstance(shares, dict) else {}).items()
    }
    return (
        f"{backbone:8} {fmean(nats):.4f} {spread:9} {one['parameters']:>10,} parameters "
        f"{one['tokens_per_second']:>9,.0f} tokens/s {one['peak_megabytes']:>7,.0f} MB {told} "
        f"ratio inside {one['ratios_inside']}"
    )


if __name__ == "__main__":
    main()
