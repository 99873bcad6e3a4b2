"""How long it takes from a command to its first line or its first training step.

    python -m benchmarks.startup --data historic.txt
    python -m benchmarks.startup --data historic.txt --beside OTHER    a checkout of another version

Whole processes, each measured case in turn, `--repeats` rounds; medians. Seconds count from the
start of the process. CPU seconds are those of all its processes, so they say what a machine whose
cores do other work too would still have to do. The first step of a run is said to have begun and to
have ended: what a step itself costs is no matter of starting.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
from pydantic import JsonValue

from benchmarks.program import INSTALLED
from benchmarks.recording import write_result
from benchmarks.startup_marks import Mark, environment, read

BARS = {"help": 0.4, "run, ray": 4.0, "run, inline": 4.0, "resume, ray": 5.0, "resume, inline": 5.0}
"""Seconds to the end of --help and to the beginning of the first step."""
OWN = Path(__file__).parent.parent
POLL_SECONDS = 0.01
LEAST_TRAINING_SECONDS = 3.0
"""Of the run that is interrupted, so that there is work to go on with."""
PATIENCE_SECONDS = 120.0
BETWEEN_SIGNALS_SECONDS = 2.0
"""Two that come together are one."""

Figures = dict[str, float]


class Case(NamedTuple):
    """What is measured, and with which sources."""

    what: str
    tree: Path


class Place(NamedTuple):
    """Where one measurement leaves its files."""

    folder: Path
    data: Path
    budget: int
    interrupted: Path
    """A run that can be resumed; copies of it are."""


def main() -> None:
    """Measure, print, and write the result where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/historic.txt"))
    parser.add_argument("--budget", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--beside", type=Path, help="a checkout of another version")
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    trees = {"this": OWN} | ({"other": arguments.beside.resolve()} if arguments.beside else {})
    found = measured(trees, arguments.data.resolve(), arguments.budget, arguments.repeats)
    figures = {name: medians(rows) for name, rows in found.items()}
    print_table(figures)
    if arguments.save:
        settings = {"data": arguments.data.name, "budget": arguments.budget}
        counted: dict[str, JsonValue] = {**settings, "repeats": arguments.repeats}
        print(write_result("startup", {**counted, "bars": {**BARS}, "medians": {**figures}}))


def measured(
    trees: Mapping[str, Path], data: Path, budget: int, repeats: int
) -> dict[str, list[Figures]]:
    """Every case in turn, again and again."""
    found: dict[str, list[Figures]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        place = Place(scratch, data, budget, scratch / "interrupted")
        interrupt_a_run(place)
        for repeat in range(repeats):
            for what in BARS:
                for name, tree in trees.items():
                    row = figures_of(Case(what, tree), place)
                    found.setdefault(f"{what} ({name})" if len(trees) > 1 else what, []).append(row)
                    print(f"{repeat + 1}/{repeats} {name} {what}: {row}", file=sys.stderr)
    return found


def figures_of(case: Case, place: Place) -> Figures:
    """One measurement."""
    if case.what == "help":
        return help_shown(case.tree, place)
    kind, engine = case.what.split(", ")
    run = place.folder / "run"
    command = ["--data", str(place.data), "--budget", str(place.budget), "--run-dir", str(run)]
    if kind == "resume":
        shutil.copytree(place.interrupted, run)
        command = ["--resume", str(run)]
    try:
        return first_step([*command, "--engine", engine, "--plain"], case.tree, place)
    finally:
        shutil.rmtree(run, ignore_errors=True)


def help_shown(tree: Path, place: Place) -> Figures:
    """--help, to its end."""
    given = environment(place.folder / "none", place.folder / "hooks", tree)
    began = time.monotonic()
    program = [*INSTALLED, "--help"]
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, env=given, cwd=tree)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return {"seconds": time.monotonic() - began, "cpu": used.ru_utime + used.ru_stime}


def first_step(command: Sequence[str], tree: Path, place: Place, linger: float = 0.0) -> Figures:
    """A run until its first training step has ended; then it is told to leave at once.

    With `linger` it trains on for so long.
    """
    log = place.folder / "marks"
    log.unlink(missing_ok=True)
    given = environment(log, place.folder / "hooks", tree)
    began = time.monotonic()
    process = subprocess.Popen(
        [*INSTALLED, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=given,
        cwd=tree,
    )
    try:
        wait_for("step ended", log, process)
        cpu = cpu_seconds(process)
        time.sleep(linger)
    finally:
        leave(process)
    return {"cpu": cpu, **since(began, read(log))}


def since(began: float, marks: Sequence[Mark]) -> Figures:
    """Seconds from the start to each place, where it was first reached."""
    places: Figures = {}
    for mark in sorted(marks, key=lambda mark: mark.at):
        places.setdefault(mark.place, mark.at - began)
    return {"seconds": places["step"], **places}


def wait_for(place: str, log: Path, process: "subprocess.Popen[bytes]") -> None:
    """Poll the log.

    Raises:
        RuntimeError: the process left, or took too long.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not any(mark.place == place for mark in read(log)):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"no {place}; the process said: {stderr_of(process)}")
        time.sleep(POLL_SECONDS)


def stderr_of(process: "subprocess.Popen[bytes]") -> str:
    """All that a process has said, once it has left."""
    leave(process)
    assert process.stderr is not None
    return process.stderr.read().decode(errors="replace").strip()


def cpu_seconds(process: "subprocess.Popen[bytes]") -> float:
    """Of the process and all below it, so far."""
    top = psutil.Process(process.pid)
    total = 0.0
    for one in (top, *top.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def leave(process: "subprocess.Popen[bytes]") -> None:
    """Ctrl-C until it has left; Ray is gone then."""
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(BETWEEN_SIGNALS_SECONDS)


def interrupt_a_run(place: Place) -> None:
    """Leave a run behind that was interrupted in the middle of its first training."""
    run = place.interrupted
    command = ["--data", str(place.data), "--budget", str(place.budget), "--run-dir", str(run)]
    arguments = [*command, "--engine", "inline", "--plain"]
    first_step(arguments, OWN, place, linger=LEAST_TRAINING_SECONDS)


def medians(rows: Sequence[Figures]) -> dict[str, JsonValue]:
    """Of every figure that all rows have."""
    names = [name for name in rows[0] if all(name in row for row in rows)]
    return {name: round(median(row[name] for row in rows), 3) for name in names}


def print_table(figures: Mapping[str, Mapping[str, JsonValue]]) -> None:
    """A line a case: what counts, then every place."""
    for name, row in figures.items():
        places = [f"{place} {at}" for place, at in row.items() if place not in {"seconds", "cpu"}]
        bar = BARS[name.split(" (")[0]]
        print(f"{name:24} {row['seconds']:7} s of {bar}, {row['cpu']:7} s of CPU")
        print("".join(f"    {place}\n" for place in places), end="")


if __name__ == "__main__":
    main()
