"""Do the validation gates see what they must, and nothing where all is well?

    python -m benchmarks.gates --data tinyshakespeare.txt --scratch FOLDER [--save]
    python -m benchmarks.gates --data tinyshakespeare.txt --scratch FOLDER --first-seed 20 [--save]

One model of two layers of 64 on characters, one thread: a healthy run of each backbone, held
against the gpt run; six runs that were made sick; healthy seeds of one layer of 32, the backbones
in turn, held against the first of them. With --first-seed these seeds alone, which no limit has
been set by: a repetition, in results/gates-from-N.json.
Every run trains with its gates, and `symbio-auto gates` judges it afterwards. A run is in
FOLDER/gates.jsonl once it is finished, and is not made again.

    nan           a weight of the new model is not finite            G1, stops
    dead          Mamba-2 adds nothing, and learns nothing           G4, stops
    frozen        RWKV-6 hands on the state that it was given        G3.5
    exploding     the objective grows by 4 % a step                  G3
    vocabulary    the model has 40 tokens that the text has not      G1
    diverging     a text of 2,500 characters, no dropout, more steps  G5
"""

import argparse
import shutil
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from benchmarks.gates_sabotage import SABOTAGES
from benchmarks.gates_tables import case_table, seed_table
from benchmarks.kept_rows import KeptRows, Row
from benchmarks.recording import write_result
from orchestrator.analysis.gates.examine import gates_of
from orchestrator.analysis.gates.history import Reference, reference_from
from orchestrator.commits import restore
from orchestrator.config import RunConfig
from orchestrator.opened_model import open_model
from orchestrator.preparation import prepare_run
from orchestrator.run_state import RunState
from orchestrator.session import execute
from orchestrator.settings import Settings
from orchestrator.train_settings import build_train_config
from orchestrator.validation.hold import GateFailedError
from orchestrator.validation.limits import Limits
from state.commit import load_commit
from state.run_folder import RunFolder
from state.validation import Verdict

BACKBONES = ("gpt", "hy", "gf-mh")
EXPECTED = {
    "nan": "G1",
    "dead": "G4",
    "frozen": "G3.5",
    "exploding": "G3",
    "vocabulary": "G1",
    "diverging": "G5",
}
CHARACTERS, DIVERGING_CHARACTERS = 100_000, 2_500
"""Of the text that is learned."""
DIVERGING_TIMES = 2
"""As many steps as the others have."""
SMALL = 32
"""Width of the healthy seeds."""


class Case(NamedTuple):
    """A run."""

    backbone: str
    seed: int
    steps: int
    dim: int = 64
    fault: str = ""


def main() -> None:
    """Make what is missing, print the table, record it if asked."""
    asked = arguments()
    asked.scratch.mkdir(parents=True, exist_ok=True)
    kept = KeptRows(asked.scratch / "gates.jsonl")
    table = {} if asked.first_seed else runs_of(asked, kept)
    seeds = [row_of(asked, kept, case) for case in healthy(asked)]
    tally: dict[str, JsonValue] = {}
    for name in BACKBONES:
        rows = [one for one in seeds if one["backbone"] == name]
        tally[name] = told_apart(rows)
    sick: dict[str, JsonValue] = {
        f"{one['backbone']} {one['seed']}": [*failed(one)] for one in seeds if failed(one)
    }
    print(case_table(table), seed_table(tally), sep="\n\n")
    print(f"{len(sick)} of {len(seeds)} healthy runs fail a gate: {sick or 'none'}")
    if asked.save:
        name = f"gates-from-{asked.first_seed}" if asked.first_seed else "gates"
        settings: dict[str, JsonValue] = {
            name: getattr(asked, name) for name in ("steps", "first_seed", "seeds", "seed_steps")
        }
        found: dict[str, JsonValue] = {"runs": table, "healthy": tally, "failed": sick}
        print(write_result(name, {**settings, **found}))


def runs_of(asked: argparse.Namespace, kept: KeptRows) -> dict[str, JsonValue]:
    """The healthy run of each backbone and the sick ones, and which gate saw what."""
    table: dict[str, JsonValue] = {}
    for name in BACKBONES:
        table[name] = shown(name, row_of(asked, kept, Case(name, 0, asked.steps)))
    for fault in EXPECTED:
        backbone = "gpt" if fault in {"vocabulary", "diverging"} else "gf-mh"
        steps = DIVERGING_TIMES * asked.steps if fault == "diverging" else asked.steps
        case = Case(backbone, 0, steps, fault=fault)
        table[fault] = shown(fault, row_of(asked, kept, case))
    for fault, gate in EXPECTED.items():
        gates = failed(table[fault])
        verdict = "caught" if gate in gates else "MISSED"
        print(f"{fault}: {verdict} by {', '.join(gates) or 'no gate'}")
    return table


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, default=Path("runs/gates"))
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0, help="of the healthy seeds, alone")
    parser.add_argument("--seed-steps", type=int, default=120, help="of each healthy seed")
    parser.add_argument("--save", action="store_true", help="write the result file")
    return parser.parse_args()


def healthy(asked: argparse.Namespace) -> list[Case]:
    """A run of each seed, the backbones in turn, gpt first."""
    first = asked.first_seed
    return [
        Case(BACKBONES[(seed - first) % len(BACKBONES)], seed, asked.seed_steps, SMALL)
        for seed in range(first, first + asked.seeds)
    ]


def row_of(asked: argparse.Namespace, kept: KeptRows, case: Case) -> Row:
    """The finished run, made if it is missing."""
    key: Row = {**case._asdict()}
    found = kept.find(key)
    if found is None:
        found = {**key, **measured(asked, case)}
        kept.add(found)
    return found


def measured(asked: argparse.Namespace, case: Case) -> Row:
    """Train, judge, and say how long both took."""
    folder = folder_of(asked, case)
    shutil.rmtree(folder.root, ignore_errors=True)
    backbone, fault = case.backbone, case.fault
    characters = DIVERGING_CHARACTERS if fault == "diverging" else CHARACTERS
    data = asked.scratch / f"{characters}.txt"
    data.write_text(asked.data.read_text(encoding="utf-8")[:characters], encoding="utf-8")
    seed = asked.first_seed if case.dim == SMALL else 0
    first = folder_of(asked, case._replace(backbone="gpt", seed=seed)).root
    sabotage = SABOTAGES.get(fault, nullcontext)
    with sabotage():
        stopped, seconds = trained(config_of(case, data, folder))
        again, judging = judged(folder, first if not fault and backbone != "gpt" else None)
    in_run = state_of(folder).validation.verdicts
    return {
        "stopped": stopped,
        "seconds": round(seconds, 2),
        "judging_seconds": round(judging, 2),
        "in_run": [told(one) for one in in_run],
        "again": [told(one) for one in again],
    }


def folder_of(asked: argparse.Namespace, case: Case) -> RunFolder:
    """Where the run is."""
    return RunFolder(asked.scratch / "-".join(map(str, case)).rstrip("-"))


def config_of(case: Case, data: Path, folder: RunFolder) -> RunConfig:
    """A layer for each 32 channels, windows as long as the model is wide."""
    dim = case.dim
    shape: Settings = {"dim": dim, "heads": dim // 16, "layers": dim // 32, "block": dim}
    shape |= {"dropout": 0.0} if case.fault == "diverging" else {}
    model: Settings = {"backbone": case.backbone, **shape}
    text: Settings = {"paths": [str(data)], "tokenizer": "char", "split": "contiguous:0.8,0.1,0.1"}
    return build_train_config(
        {
            "data": text,
            "budget": case.steps,
            "seed": case.seed,
            "run_dir": str(folder.root),
            "model": model,
            "optimizer": {"batch": dim // 8},
            "train": {"eval_interval": max(1, case.steps // 4), "sample_interval": 0},
            "engine": {"device": "cpu", "host_threads": 1},
        }
    ).config


def trained(config: RunConfig) -> tuple[str, float]:
    """Train to the end or to a gate; which gate stopped it, and the seconds."""
    started = time.monotonic()
    try:
        execute(prepare_run(config), started_at=started)
    except GateFailedError as error:
        return str(error).split()[2], time.monotonic() - started
    return "", time.monotonic() - started


def judged(folder: RunFolder, reference: Path | None) -> tuple[tuple[Verdict, ...], float]:
    """What `symbio-auto gates` says; nothing of a run that kept no model."""
    started = time.monotonic()
    try:
        opened = open_model(folder.root)
    except ValueError:
        return (), 0.0
    against: Reference | None = None
    if reference is not None:
        against = reference_from(reference, opened.saved, opened.folder)
    return gates_of(opened, Limits(), against), time.monotonic() - started


def state_of(folder: RunFolder) -> RunState:
    """Of the last commit."""
    return restore(load_commit(folder).record).run


def told(one: Verdict) -> Row:
    """The verdict with its numbers."""
    return one.model_dump(mode="json", include={"gate", "place", "verdict", "measures", "n"})


def verdicts_of(row: JsonValue) -> list[Row]:
    """Those of the run, then those of the judging afterwards."""
    assert isinstance(row, dict)
    listed = [one for name in ("in_run", "again") if isinstance(one := row[name], list)]
    return [one for each in listed for one in each if isinstance(one, dict)]


def failed(row: JsonValue) -> list[str]:
    """Gates with a failure, each once."""
    found = [str(one["gate"]) for one in verdicts_of(row) if one["verdict"] == "fail"]
    return [*dict.fromkeys(found)]


def told_apart(rows: list[Row]) -> dict[str, JsonValue]:
    """How often each gate of one backbone said what, and the range of its numbers."""
    counts: dict[str, Counter[str]] = {}
    values: dict[str, list[float]] = {}
    for one in (each for row in rows for each in verdicts_of(row)):
        counts.setdefault(str(one["gate"]), Counter())[str(one["verdict"])] += 1
        measures = one["measures"]
        assert isinstance(measures, list)
        for place, measure in enumerate(measures):
            assert isinstance(measure, dict)
            if isinstance(value := measure["value"], int | float):
                values.setdefault(f"{one['gate']}.{place}", []).append(value)
    ranges: dict[str, JsonValue] = {
        name: [round(min(found), 4), round(max(found), 4)] for name, found in values.items()
    }
    return {"verdicts": {name: dict(one) for name, one in counts.items()}, "ranges": ranges}


def shown(name: str, row: Row) -> Row:
    """Print a line and give the row back."""
    verdicts = ", ".join(f"{one['gate']} {one['verdict']}" for one in verdicts_of(row))
    stopped = f", stopped by {row['stopped']}" if row["stopped"] else ""
    print(f"{name:11} {row['seconds']} s{stopped}: {verdicts}", flush=True)
    return row


if __name__ == "__main__":
    main()
