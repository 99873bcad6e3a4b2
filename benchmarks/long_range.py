"""What far context is worth to three backbones that were trained briefly on one text.

    python -m benchmarks.long_range --data tinyshakespeare.txt --scratch FOLDER [--save]

One `symbio-auto train` a backbone, on one thread, with pieces of words as tokens and the last tenth
of the text held out. FOLDER/long-range.jsonl holds what is finished; it is not made again. Then
what `symbio-auto diagnose --reach 16384` asks of it: the loss after 8 to 512 tokens of context, a
made-up name that was told in texts of up to 16,384 tokens, the size of the states. Attention reads
no more than its block.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import torch
from pydantic import JsonValue

from benchmarks.kept_rows import KeptRows, Row
from benchmarks.program import PROGRAM
from benchmarks.recording import write_result
from orchestrator.analysis.diagnose.asking import needle, states
from orchestrator.analysis.diagnose.examination import Examination
from orchestrator.analysis.diagnose.reach import MOST_REACH
from orchestrator.analysis.diagnose.reach_view import long_range as shown_range
from orchestrator.analysis.diagnose.reach_view import needle as shown_needle
from orchestrator.analysis.diagnose.reach_view import states as shown_states
from orchestrator.analysis.diagnose.reading import long_range, read_context
from orchestrator.analysis.diagnose.record import LongRange, Needle, States
from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import open_model

BACKBONES = ("gpt", "gf-mh", "hy")
TRAINING = (
    *("--tokenizer", "bpe", "--vocab", "1024", "--split", "contiguous:0.9,0.1,0"),
    *("--dim", "64", "--heads", "2", "--layers", "2", "--block", "128", "--batch", "16"),
    *("--device", "cpu", "--seed", "0", "--keep-gb", "0", "--plain"),
)


def main() -> None:
    """Train what is missing, ask, print, record if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--scratch", type=Path, default=Path("runs/long-range"))
    parser.add_argument("--backbones", nargs="*", default=[*BACKBONES])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--reach", type=int, default=MOST_REACH)
    parser.add_argument("--save", action="store_true", help="write results/long-range.json")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows, table = KeptRows(asked.scratch / "long-range.jsonl"), dict[str, JsonValue]()
    for backbone in asked.backbones:
        key: Row = {"backbone": backbone, "steps": asked.steps, "reach": asked.reach}
        row = rows.find(key)
        if row is None:
            row = {**key, **measured(trained(asked, backbone), asked.reach)}
            rows.add(row)
        print(f"\n{backbone}", *shown(row), sep="\n", flush=True)
        table[backbone] = row
    if asked.save:
        told: Row = {"text": Path(asked.data).name, "flags": [*TRAINING]}
        print(write_result("long-range", {**told, "backbones": table}))


def trained(asked: argparse.Namespace, backbone: str) -> Path:
    """The folder of a finished run."""
    folder: Path = asked.scratch / f"{backbone}-{asked.steps}"
    if not (folder / "final-report.json").exists():
        command = [*PROGRAM, "train", "--data", asked.data]
        command += [*TRAINING, "--backbone", backbone, "--iters", str(asked.steps)]
        command += ["--run-dir", str(folder), "--sample-interval", "0"]
        variables = {"OMP_NUM_THREADS": "1", "SYMBIO_ENGINE__HOST_THREADS": "1"}
        variables["SYMBIO_NO_FIGURES"] = "1"
        subprocess.run(command, check=True, env={**os.environ, **variables})
    return folder


def measured(folder: Path, reach: int) -> Row:
    """Everything of one run."""
    opened, began = open_model(folder), time.monotonic()
    report = json.loads((folder / "final-report.json").read_text(encoding="utf-8"))
    with opened.model() as model:
        now = Examination(opened, model, False, Progress(), reach)
        found = {
            "long_range": long_range(now, read_context(now)),
            "needle": needle(now),
            "states": states(now),
        }
        now.progress.clear()
    return {
        "parameters": sum(one.numel() for one in model.parameters()),
        "block": model.config.block,
        "bits_per_byte": report["search"]["bits_per_byte"],
        **{name: one.model_dump(mode="json") for name, one in found.items()},
        "seconds": round(time.monotonic() - began, 1),
    }


def shown(row: Row) -> list[str]:
    """As `diagnose` shows it."""
    return [
        *shown_range(LongRange.model_validate(row["long_range"])),
        *shown_needle(Needle.model_validate(row["needle"])),
        *shown_states(States.model_validate(row["states"])),
    ]


if __name__ == "__main__":
    main()
