"""One model by itself at nanoGPT's documented CPU configuration, in both recipes.

python -m benchmarks.single_model --data tinyshakespeare.txt --runs FOLDER

nanoGPT's own figure for this configuration is 1.8982 nats a character on the last tenth of the text
(4 layers, 4 heads, 128 wide, block 64, batch 12, 2,000 iterations, no dropout). A run that is in
FOLDER already is read and not made again.
"""

import argparse
import json
import subprocess
from pathlib import Path
from statistics import fmean, stdev

from pydantic import JsonValue

from benchmarks.program import PROGRAM
from benchmarks.recording import write_result

CONFIGURATION = (
    *("--tokenizer", "char", "--split", "contiguous:0.9,0.1,0"),
    *("--layers", "4", "--heads", "4", "--dim", "128", "--block", "64"),
    *("--batch", "12", "--iters", "2000"),
)
NANOGPT = 1.8982


def main() -> None:
    """Make what is missing, print the table and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/single-model"))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    tables: dict[str, JsonValue] = {}
    for recipe in ("classic", "modern"):
        nats = [
            measured(arguments.data, recipe, seed, arguments.runs / f"{recipe}-{seed}")
            for seed in range(arguments.seeds)
        ]
        spread = stdev(nats) if len(nats) > 1 else None
        tables[recipe] = {"nats_per_token": list(nats), "mean": fmean(nats), "stdev": spread}
        print(f"{recipe:8} {fmean(nats):.4f} +- {spread or 0:.4f}")
    figures: dict[str, JsonValue] = {"nanogpt": NANOGPT, "flags": list(CONFIGURATION)}
    print(write_result("single-model", {**figures, "recipes": tables}))


def measured(data: str, recipe: str, seed: int, folder: Path) -> float:
    """Nats a character over the whole search split."""
    report = folder / "final-report.json"
    if not report.exists():
        command = [*PROGRAM, "train", "--data", data, "--plain"]
        command += [*CONFIGURATION, "--recipe", recipe, "--seed", str(seed)]
        subprocess.run([*command, "--run-dir", str(folder)], check=True)
    nats: float = json.loads(report.read_text(encoding="utf-8"))["search"]["nats_per_token"]
    return nats


if __name__ == "__main__":
    main()
