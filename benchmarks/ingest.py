"""How many rows a second a server takes, over HTTP, into SQLite and into PostgreSQL.

    python -m benchmarks.ingest --save

The server is a process of its own, as `symbio-auto serve` starts it; the clients are processes that
send rows of `metrics` as a run of `train --symbio` has them, packed with gzip, made beforehand. A
row counts once its request is answered: it is then stored durably. Where other work shares the
machine, rows in a second of the server's own CPU say more; what the database uses is not in them.
"""

import argparse
import gzip
import http.client
import json
import multiprocessing
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import JsonValue

from benchmarks.postgresql import binaries, cluster
from benchmarks.program import INSTALLED
from benchmarks.recording import write_result

GOAL = 10_000
"""Rows a second into SQLite."""
SECRET = "measured"
CASES = ((1, 10), (1, 100), (1, 1000), (4, 1000), (12, 100))
"""(clients, rows in a request); the reporter of a run sends at least 10."""


def main() -> None:
    """Measure, print, and write the result where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each case")
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    found: dict[str, JsonValue] = {}
    with tempfile.TemporaryDirectory() as folder:
        found["sqlite"] = measured(f"sqlite:///{folder}/server.db", arguments.seconds)
        if binaries() is not None:
            with cluster() as url:
                found["postgresql"] = measured(url, arguments.seconds)
    if arguments.save:
        load: JsonValue = round(os.getloadavg()[0], 1)
        print(write_result("ingest", {"goal": GOAL, "load_average": load, "rows": found}))


def measured(database: str, seconds: float) -> list[JsonValue]:
    """Rows a second of every case."""
    rows: list[JsonValue] = []
    with server(database) as (port, process):
        for clients, size in CASES:
            began = cpu_seconds(process)
            count, took = sent(port, clients, size, seconds)
            rate, busy = count / took, count / (cpu_seconds(process) - began)
            case = f"{database.partition(':')[0]:10} {clients:2} x {size:4} rows"
            print(f"{case}: {rate:8.0f} /s, {busy:8.0f} a second of the server's CPU")
            figures: dict[str, JsonValue] = {"clients": clients, "rows_in_request": size}
            rows.append({**figures, "rate": round(rate), "per_cpu_second": round(busy)})
    return rows


def cpu_seconds(process: psutil.Process) -> float:
    """What a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def server(database: str) -> Iterator[tuple[int, psutil.Process]]:
    """A server that runs until the end; gives its port and its process."""
    command = [*INSTALLED, "serve", "--db", database, "--port", "0"]
    environment = {**os.environ, "SYMBIO_REMOTE_SECRET": SECRET}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            command,
            env={**environment, "PYTHONPATH": str(Path(__file__).parent.parent)},
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], 30)
            line = process.stdout.readline() if ready else ""
            port = int(line.partition("//")[2].partition("/")[0].rpartition(":")[2])
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()


def sent(port: int, clients: int, size: int, seconds: float) -> tuple[int, float]:
    """(rows that were acknowledged, seconds) of `clients` that send as fast as they can."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(clients) as pool:
        names = [f"run-{clients}-{size}-{index}" for index in range(clients)]
        done = pool.starmap(send, [(port, name, size, seconds) for name in names])
    began, ended = min(one[1] for one in done), max(one[2] for one in done)
    return sum(one[0] for one in done), ended - began


def send(port: int, run_id: str, size: int, seconds: float) -> tuple[int, float, float]:
    """Send for some seconds: (rows, time of the first request, time of the last answer)."""
    requests = [packed(run_id, first, size) for first in range(1, 20 * size, size)]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Encoding": "gzip"}
    count, began = 0, time.monotonic()
    while time.monotonic() < began + seconds:
        # The same keys come again, as after an outage: what is there is replaced.
        body = requests[count // size % len(requests)]
        connection.request("POST", "/api/ingest", body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"the server answers {response.status}: {answer[:200]!r}")
        count += size
    return count, began, time.monotonic()


def packed(run_id: str, first: int, size: int) -> bytes:
    """A request with consecutive steps."""
    rows = [row(step) for step in range(first, first + size)]
    message = {"type": "metrics", "run_id": run_id, "rows": rows}
    return gzip.compress(json.dumps(message).encode(), 4)


def row(step: int) -> dict[str, JsonValue]:
    """A step with what the instruments read at each."""
    numbers: dict[str, JsonValue] = {
        name: 1 / (step + index)
        for index, name in enumerate(
            (
                *("loss", "lr", "grad_norm", "clip_coef", "clip_pct", "tokens_per_sec"),
                *("ms_per_iter", "grad_norm_embedding", "grad_norm_attention"),
                *("grad_norm_feed_forward", "cusum_grad_pos", "cusum_grad_neg"),
                *("cusum_clip_pos", "cusum_tps_neg"),
            )
        )
    }
    place: dict[str, JsonValue] = {"generation": 0, "member": "model", "step": step}
    counts: dict[str, JsonValue] = {"cusum_alerts": 0, "adaptive_batch_size": 8}
    return {**place, **numbers, **counts, "phase": "training", "skipped": False}


if __name__ == "__main__":
    main()
