"""What it costs a run to be reported, how fast a backlog is sent, and what an outage loses.

    python -m benchmarks.remote_cost --data TEXT --iters 600 --pairs 7 --save

Runs of `train` with and without a reporter take turns; the server is a process of its own on this
machine, as is the reporter, so what both of them take is part of the ratio. The training time of a
run is what its own record says, from its first task to its last commit. What the reporter's process
computes is told besides: a busy machine blurs a ratio, and not that.
"""

import argparse
import json
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
from pydantic import JsonValue

from benchmarks.program import INSTALLED
from benchmarks.recording import write_result
from state.commit import load_commit
from state.metrics_store import MetricsStore
from state.records import StepMetrics
from state.run_folder import RunFolder

GOAL = 1.01
"""Training time with a reporter, in that without one."""
ROOT = Path(__file__).parent.parent
SECRET = "measured"
BACKLOG_ROWS = 20_000


def main() -> None:
    """Measure, print, and write the result where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--iters", type=int, default=600)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    data = str(arguments.data.absolute())
    words = ["--data", data, "--iters", str(arguments.iters), "--model", arguments.model]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures: dict[str, JsonValue] = {
            "goal": GOAL,
            "iters": arguments.iters,
            "model": arguments.model,
            "processors": os.cpu_count(),
            "cost": cost(folder, words, arguments.pairs),
            "backlog": backlog(folder),
            "outage": outage(folder, words),
        }
    print(json.dumps(figures, indent=2))
    if arguments.save:
        print(write_result("remote_cost", figures))


def cost(folder: Path, words: list[str], pairs: int) -> JsonValue:
    """Reported runs and others, which take turns: training time by the clock, and CPU seconds,
    those of the reporter with those of its run.
    """
    seconds: dict[str, list[float]] = {"alone": [], "reported": []}
    cpu: dict[str, list[float]] = {"alone": [], "reported": []}
    reporter: list[float] = []
    with server(folder, free_port()) as url:
        for index in range(pairs):
            order = ("alone", "reported") if index % 2 == 0 else ("reported", "alone")
            for kind in order:
                is_reported = kind == "reported"
                made = trained(folder / f"{kind}-{index}", words, url if is_reported else None)
                seconds[kind].append(round(training_seconds(made.folder), 3))
                cpu[kind].append(round(made.cpu_seconds + made.reporter_cpu_seconds, 3))
                reporter += [made.reporter_cpu_seconds] if is_reported else []
    return {
        "median_of_ratios": ratio(seconds),
        "median_of_cpu_ratios": ratio(cpu),
        "reporter_cpu_seconds": round(statistics.median(reporter), 3),
        "seconds": {kind: [*values] for kind, values in seconds.items()},
        "cpu_seconds": {kind: [*values] for kind, values in cpu.items()},
    }


def ratio(pairs: dict[str, list[float]]) -> float:
    """Median of reported over alone."""
    both = zip(pairs["alone"], pairs["reported"], strict=True)
    return round(statistics.median(reported / alone for alone, reported in both), 4)


def backlog(folder: Path) -> JsonValue:
    """Rows a second that `push` sends of a run that nobody has heard of."""
    run = RunFolder(folder / "backlog")
    run.create()
    steps = [step(index) for index in range(1, BACKLOG_ROWS + 1)]
    with MetricsStore.open(run.metrics_db, writer=True) as store:
        store.record_run("backlog", {}, "gelu(x)", "text")
        store.record_steps("backlog", steps)
    lines = (json.dumps(one.line()) for one in steps)
    run.metrics_jsonl.write_text("\n".join([*lines, ""]), encoding="utf-8")
    with server(folder, free_port(), "backlog.db") as url:
        began = time.monotonic()
        subprocess.run(
            [*INSTALLED, "push", str(run.root)], env=environment(url), check=True, cwd=folder
        )
        seconds = time.monotonic() - began
    return {"rows": BACKLOG_ROWS, "rows_per_second": round(BACKLOG_ROWS / seconds)}


def outage(folder: Path, words: list[str]) -> JsonValue:
    """Rows of a run, and of a server that was killed and came back while it was reported."""
    port, over = free_port(), threading.Event()
    kills = 0

    def keep_killing() -> None:
        nonlocal kills
        while not over.is_set():
            with server(folder, port, "outage.db"):
                over.wait(4.0)
            kills += not over.is_set()
            over.wait(2.0)

    thread = threading.Thread(target=keep_killing)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        run = trained(folder / "outage", words, url).folder
    finally:
        over.set()
        thread.join()
    with server(folder, port, "outage.db"):
        subprocess.run(
            [*INSTALLED, "push", str(run.root)], env=environment(url), check=True, cwd=folder
        )
    own, theirs = keys(run.metrics_db), keys(folder / "outage.db")
    return {
        "kills": kills,
        "rows": len(own),
        "lost": len(set(own) - set(theirs)),
        "too_many": len(theirs) - len(own),
    }


class Trained(NamedTuple):
    """A run that was made."""

    folder: RunFolder
    cpu_seconds: float
    """Of its process."""
    reporter_cpu_seconds: float


def trained(folder: Path, words: list[str], url: str | None) -> Trained:
    """A run of its own process."""
    command = [*INSTALLED, "train", *words, "--engine", "inline", "--plain", "--seed", "1"]
    process = psutil.Popen(
        [*command, "--run-dir", str(folder)],
        env=environment(url),
        stdout=subprocess.DEVNULL,
        cwd=folder.parent,
    )
    reporter = 0.0
    while True:
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        with suppress(psutil.Error):
            reporter = max([reporter, *map(cpu_of_reporter, process.children())])
        time.sleep(1.0)
    if status:
        raise RuntimeError(f"the run ended with status {status}")
    return Trained(RunFolder(folder), usage.ru_utime + usage.ru_stime, reporter)


def cpu_of_reporter(process: psutil.Process) -> float:
    """CPU seconds of a reporter so far, 0 of any other process."""
    if "dashboard.reporter" not in process.cmdline():
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


def training_seconds(run: RunFolder) -> float:
    """By the run's own clock."""
    telemetry = load_commit(run, verify_objects=False).record.state["telemetry"]
    assert isinstance(telemetry, dict)
    found = telemetry["wall_seconds"]
    assert isinstance(found, float)
    return found


def keys(database: Path) -> list[tuple[object, ...]]:
    """Of every step."""
    with closing(sqlite3.connect(database)) as store:
        query = "SELECT run_id, generation, member, step, loss FROM metrics"
        return list(store.execute(query))


def environment(url: str | None) -> dict[str, str]:
    """Of a run, and of a server."""
    own = {"PYTHONPATH": str(ROOT), "SYMBIO_REMOTE_SECRET": SECRET, "SYMBIO_NO_FIGURES": "1"}
    return {**os.environ, **own, "SYMBIO_REMOTE_URL": url or "", "SYMBIO_NOTIFY_URLS": ""}


@contextmanager
def server(folder: Path, port: int, database: str = "server.db") -> Iterator[str]:
    """A server that is killed at the end."""
    (folder / "none").mkdir(exist_ok=True)
    command = [*INSTALLED, "serve", "--runs", "none", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--db", f"sqlite:///{folder / database}"],
        env=environment(None),
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    try:
        while not answers(port):
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with code {process.returncode}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def answers(port: int) -> bool:
    """Somebody listens there."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def free_port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def step(index: int) -> StepMetrics:
    """A row as `train` writes them."""
    return StepMetrics(
        phase="training",
        generation=0,
        member_id="model",
        step=index,
        loss=1 / index,
        learning_rate=0.001,
        grad_norm=1 / (index + 1),
        clip_coef=1.0,
        clip_pct=0.0,
        skipped=False,
        tokens_per_sec=1000 / 7,
        ms_per_step=50 / 7,
    )


if __name__ == "__main__":
    main()
