"""Every backbone at about 3.6 million parameters: 1,000 steps of 32 x 64 characters.

    python -m benchmarks.hybrids --data tinyshakespeare.txt --scratch FOLDER [--save]
    python -m benchmarks.hybrids_speed [--save]
    python -m benchmarks.hybrids_stateful --data tinyshakespeare.txt --scratch FOLDER [--save]

One `symbio-auto train` a backbone and seed, on one thread, with as many layers of 128, or of 192
for gpt, as come nearest (`--dim` for another width): 3 seeds for gpt, hy, gf-mh, cp and hgf, else
one. results/hybrids-runs.jsonl holds every finished run; stop at any time, what is there is not
made again, on another machine neither, and a run that was cut off goes on from its last commit.
`--minutes 0` makes nothing and tells what is there.
`--set NAME=VALUE` changes a setting of every run, so that an option is measured beside the default
(its runs are kept apart):

    --backbones gf-mh --set model.attention_every=4
    --backbones gf-mh --set model.learned_state=true
    --backbones gf-mh --set optimizer.first_length=8

Told are nats a character and perplexity on the last tenth of the text, tokens a second and peak
memory of the process, what each component is worth with the other left in place, and how often
the ratio of their gradient norms is in .3 to 3 (gpt: of attention's to the feed-forward's).
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from math import exp
from pathlib import Path
from statistics import fmean, median

import torch
from pydantic import JsonValue

from benchmarks.hybrids_table import line, ratios, summary, verdicts
from benchmarks.kept_rows import KeptRows, Row
from benchmarks.one_thread import peak_megabytes, resume_command, train_command
from benchmarks.recording import RESULTS, write_result
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
ABLATED_WINDOWS = 512
CHARACTERS = 330
"""About the vocabulary of the text; only the size of the embedding depends on it."""


def main() -> None:
    """Make what is missing, print the table, record it if asked."""
    asked = arguments()
    rows, began = KeptRows(asked.rows), time.monotonic()
    for backbone, seed in plan(asked):
        if rows.find(key_of(asked, backbone, seed)) is not None:
            continue
        if asked.minutes is not None and time.monotonic() - began >= 60 * asked.minutes:
            break
        row = {**key_of(asked, backbone, seed), **measured(asked, backbone, seed)}
        rows.add(row)
        print(line(backbone, summary([row])), flush=True)
    table = table_of(asked, rows)
    print(f"\n{asked.steps} steps of {asked.batch} x {asked.block}, all that is finished:")
    for name, told in table.items():
        print(line(name, told))
    verdict = verdicts(table)
    for name, found in verdict.items():
        print(f"{name}: {found}")
    if asked.save:
        config = key_of(asked, "gpt", 0)
        own = ("backbone", "seed", "dim")
        settings = {name: config[name] for name in config if name not in own} | {"dim": asked.dim}
        backbones: dict[str, JsonValue] = {**table}
        print(write_result("hybrids", {**settings, "bars": verdict, "backbones": backbones}))


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--scratch", type=Path, default=Path("runs/hybrids"))
    parser.add_argument("--rows", type=Path, default=RESULTS / "hybrids-runs.jsonl")
    parser.add_argument("--save", action="store_true", help="write results/hybrids.json")
    parser.add_argument("--minutes", type=float, help="begin no run after so many; 0: make none")
    parser.add_argument("--backbones", nargs="*", default=[*list_backbones()])
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of those that are repeated")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--block", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--parameters", type=int, default=PARAMETERS)
    parser.add_argument("--dim", type=int, help="of every backbone")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


def plan(asked: argparse.Namespace) -> Iterator[tuple[Backbone, int]]:
    """Every run: the first seed of all, those that are repeated in front, then further seeds."""
    ordered = sorted(asked.backbones, key=lambda one: one not in REPEATED)
    for seed in range(asked.seeds):
        for backbone in ordered:
            if seed == 0 or backbone in REPEATED:
                yield backbone, seed


def key_of(asked: argparse.Namespace, backbone: Backbone, seed: int) -> Row:
    """What a run depends on."""
    sizes = {name: getattr(asked, name) for name in ("steps", "block", "batch")}
    sizes |= {"dim": width(backbone, asked.dim), "aimed_at": asked.parameters}
    return {"backbone": backbone, "seed": seed, **sizes, "settings": sorted(asked.set)}


def table_of(asked: argparse.Namespace, rows: KeptRows) -> dict[str, Row]:
    """By backbone, in the order of the registry, what its finished runs say together."""
    found: dict[str, list[Row]] = {}
    for backbone, seed in plan(asked):
        row = rows.find(key_of(asked, backbone, seed))
        if row is not None:
            found.setdefault(backbone, []).append(row)
    return {name: summary(found[name]) for name in list_backbones() if name in found}


def width(backbone: Backbone, asked: int | None) -> int:
    """The channels asked for, else those that let every backbone come near to the parameters."""
    return asked or (192 if backbone == "gpt" else 128)


def shape_near(
    backbone: Backbone, parameters: int, block: int, asked: int | None = None
) -> ModelConfig:
    """As many layers as come nearest to the parameters."""
    dim = width(backbone, asked)
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


def measured(asked: argparse.Namespace, backbone: Backbone, seed: int) -> Row:
    """Everything of one run."""
    shape = shape_near(backbone, asked.parameters, asked.block, asked.dim)
    folder, peak = finished_run(asked, shape, seed)
    report = json.loads(folder.final_report.read_text(encoding="utf-8"))
    nats = report["search"]["nats_per_token"]
    rows = [json.loads(one) for one in folder.metrics_jsonl.read_text().splitlines()]
    worth = component_worth(folder) if len(MIXINGS[backbone].components) > 1 else {}
    return {
        "nats": nats,
        "perplexity": exp(nats),
        "parameters": num_parameters(shape, parse("gelu")),
        "layers": shape.layers,
        "tokens_per_second": median(row["tokens_per_sec"] for row in rows),
        "seconds": fmean(row["ms_per_step"] for row in rows) * len(rows) / 1000,
        "peak_megabytes": peak,
        "ablation_nats": {**worth},
        "ablation_shares": {**shares_of(worth)},
        **ratios(rows),
    }


def finished_run(
    asked: argparse.Namespace, shape: ModelConfig, seed: int
) -> tuple[RunFolder, float]:
    """The run, whose rest is made where it was cut off, and the peak memory in MB of the process
    that ended it.
    """
    names = [shape.backbone, str(seed), *(one.replace("/", "-") for one in sorted(asked.set))]
    sizes = f"{asked.steps}-{asked.batch}x{asked.block}-{shape.dim}-{asked.parameters}"
    folder = RunFolder(asked.scratch / "-".join([*names, sizes]))
    note = folder.root / "peak-megabytes.json"
    if not note.exists():
        if folder.state.exists() and not folder.final_report.exists():
            command = resume_command(folder.state)
        else:
            shutil.rmtree(folder.root, ignore_errors=True)
            command = train_command(asked.data, shape, seed, asked.steps, asked.batch, folder.root)
        peak = peak_megabytes(command, asked.set)
        note.write_text(json.dumps(peak), encoding="utf-8")
    return folder, json.loads(note.read_text(encoding="utf-8"))


def component_worth(folder: RunFolder) -> dict[str, float]:
    """Nats a token that the loss rises by without each component, on windows of held-out text."""
    opened = open_model(folder.root)
    block = opened.setup.model.block
    windows = next(opened.dataset.windows("search", block, ABLATED_WINDOWS))
    pair = (torch.from_numpy(windows.inputs), torch.from_numpy(windows.targets))
    with opened.model() as model:
        extra = component_ablations(model, opened.setup, [pair])
    return {name: float(nats.sum()) / pair[0].numel() for name, nats in extra.items()}


if __name__ == "__main__":
    main()
