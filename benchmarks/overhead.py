"""What a run of six phases spends on anything but training and evaluation.

python -m benchmarks.overhead --data TEXT --budget 2000 --engines ray inline --save
python -m benchmarks.overhead --run RUN
python -m benchmarks.overhead --engines --generations 120

Each engine sees one run of the command through in this process, from its first line to its last,
and tells where the wall time went. A third run, of the smallest shapes and very many generations,
tells what the controller takes for one and whether that grows with what has gone before. A run
that is over is told from its files.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path

from pydantic import JsonValue

from benchmarks.overhead_clock import Timeline, recorded
from benchmarks.overhead_growth import growth
from benchmarks.recording import write_result
from orchestrator.cli import main as symbio_auto
from orchestrator.commits import restore
from orchestrator.resolve import resolve_engine
from orchestrator.telemetry import covered
from state.commit import load_commit
from state.journal import read_journal
from state.run_folder import RunFolder

GENERATIONS = 120
KINDS = ("train_seconds", "eval_seconds", "battery_seconds")
"""Of a result, in the order in which they follow its start."""


def main() -> None:
    """Print the accounts; write them only when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/historic.txt")
    parser.add_argument("--budget", type=int, default=2000)
    parser.add_argument("--engines", nargs="*", default=["ray", "inline"])
    parser.add_argument("--generations", type=int, default=GENERATIONS, help="0: none")
    parser.add_argument("--run", type=Path, help="tell of this one alone, from its files")
    parser.add_argument("--save", action="store_true", help="write results/overhead.json")
    arguments = parser.parse_args()
    if arguments.run is not None:
        _show("files", told(RunFolder(arguments.run)))
        return
    figures: dict[str, JsonValue] = {
        "data": Path(arguments.data).name,
        "budget": arguments.budget,
    }
    for engine in arguments.engines:
        figures[engine] = measured(arguments.data, arguments.budget, engine)
        _show(engine, figures[engine])
    if arguments.generations:
        figures["growth"] = growth(arguments.generations)
        _show("growth", figures["growth"])
    if arguments.save:
        print(write_result("overhead", figures))


def measured(data: str, budget: int, engine: str) -> dict[str, JsonValue]:
    """One run of the command with this engine, and where its time went."""
    with tempfile.TemporaryDirectory() as temporary:
        command = ["--data", data, "--budget", str(budget), "--engine", engine, "--plain"]
        command += ["--run-dir", str(Path(temporary) / "run")]
        printed = Path(temporary) / "printed.txt"
        with printed.open("w", encoding="utf-8") as file, redirect_stdout(file), recorded() as line:
            code = symbio_auto(command)
        if code:
            raise RuntimeError(f"the run ended with code {code}: {printed.read_text()[-500:]}")
        return account(line, time.perf_counter())


def account(timeline: Timeline, ended: float) -> dict[str, JsonValue]:
    """Shares of the wall time; each second is in one of them."""
    begun, wall = timeline.began, ended - timeline.began
    first, last = timeline.worked[0][0], timeline.worked[-1][1]
    done, engine = timeline.telemetry, sum(end - begin for begin, end in timeline.worked)
    busy = done.training_seconds + done.evaluation_seconds + done.battery_seconds
    seconds = {
        "training": done.training_seconds,
        "evaluation": done.evaluation_seconds,
        "battery": done.battery_seconds,
        "workers otherwise": engine - busy,
        **timeline.seconds(begun, ended),
        "before the first task": first - begun - sum(timeline.seconds(begun, first).values()),
        "after the last task": ended - last - sum(timeline.seconds(last, ended).values()),
    }
    seconds["controller otherwise"] = wall - sum(seconds.values())
    apart = (wall - done.training_seconds - done.evaluation_seconds) / wall
    return {
        "wall_seconds": round(wall, 1),
        "shares": {name: round(took / wall, 5) for name, took in seconds.items()},
        "neither_training_nor_evaluation": round(apart, 4),
        "without_the_battery": round(apart - done.battery_seconds / wall, 4),
        "idle_slots": round(1 - timeline.busy_seconds / timeline.slot_seconds, 4),
    }


def told(folder: RunFolder) -> dict[str, JsonValue]:
    """The account of a finished run of one process, as far as its files tell it.

    Between its first task and its last one no worker was busy for `nobody_works` of the wall time:
    that is the controller, its commits, and the way of tasks and results.
    """
    saved = restore(load_commit(folder, verify_objects=False).record)
    wall, done = saved.telemetry.wall_seconds, saved.telemetry
    busy, slots = list(_busy(folder)), resolve_engine(saved.config.engine).workers or 1
    begin, end = min(start for start, _ in busy), max(stop for _, stop in busy)
    slots = 1 if saved.config.engine.engine == "inline" else slots
    return {
        "wall_seconds": round(wall, 1),
        "shares": {
            "training": round(done.training_seconds / wall, 5),
            "evaluation": round(done.evaluation_seconds / wall, 5),
            "battery": round(done.battery_seconds / wall, 5),
        },
        "neither_training_nor_evaluation": round(
            1 - (done.training_seconds + done.evaluation_seconds) / wall, 4
        ),
        "nobody_works": round((end - begin - covered(busy)) / wall, 4),
        "slots": slots,
    }


def _busy(folder: RunFolder) -> Iterable[tuple[float, float]]:
    """Begin and end of each task, on the clock of the machine."""
    for row in read_journal(folder.results_jsonl):
        seconds = sum(float(str(row.get(kind, 0.0))) for kind in KINDS)
        start = float(str(row.get("started_at", 0.0)))
        if seconds:
            yield start, start + seconds


def _show(name: str, figures: JsonValue) -> None:
    print(f"{name}\n{json.dumps(figures, indent=2)}", flush=True)


if __name__ == "__main__":
    main()
