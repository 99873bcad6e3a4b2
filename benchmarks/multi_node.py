"""The same small run in one process, in a Ray of its own, and over one, two and three nodes.

    python -m benchmarks.multi_node --repeats 3 --save

Nodes are real ones of Ray (raylets) on this machine with one CPU each. Those that join do not see
the run's folder, as machines without a shared disk do not: weights and outcomes travel through
Ray. All runs must leave the same bits. On a machine of two cores a third node has no core of its
own, so what is measured is what the spread costs, not what it gains.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from pydantic import JsonValue

from benchmarks.program import PROGRAM
from benchmarks.recording import write_result
from benchmarks.remote_cost import training_seconds
from orchestrator.kill_test.contents import contents
from state.base import Record
from state.commit import load_commit
from state.run_folder import RunFolder
from tests.orchestrator.ray_cluster import RayCluster
from trainer.demo_corpus import write_demo_corpus

ROOT = Path(__file__).parent.parent
SETTINGS: dict[str, JsonValue] = {
    "model": {"dim": 64, "heads": 2, "layers": 2, "block": 64},
    "optimizer": {"batch": 8},
    "data": {"paths": ["corpus.txt"], "tokenizer": "byte", "search_bytes": 4000},
    "battery": {"prompts": 2, "max_new_tokens": 8, "temperatures": [0.8]},
    "gate": {"resamples": 100},
    "engine": {"host_threads": 1},
    "run_dir": "run",
}
SAME = ("metrics.jsonl", "results.jsonl", "events.jsonl")


class Measured(Record):
    """One run."""

    where: str
    members_at_once: int
    seconds: float
    """From the command to its end."""
    training_seconds: float
    """By the run's own record: from its first task to its last commit."""
    brought_mb: float
    """Held by the nodes without the run's folder, at the end."""
    equal: bool
    """The objects and journals of the run in one process."""


class Bench:
    """Runs of one configuration, each in a folder of its own below `root`."""

    def __init__(self, root: Path, budget: int) -> None:
        self._root, self._budget = root, budget
        self._reference: RunFolder | None = None

    def measure(self, where: str, members: int, nodes: int) -> Measured:
        """One run; `nodes` of a cluster, or 0 for none."""
        folder, brought = self._prepared(where), 0
        words = ["--engine", "inline" if where == "one process" else "ray"]
        words += ["--workers", str(members)]
        with self._cluster(folder, nodes) as cluster:
            if cluster is None:
                seconds = _wall_seconds(folder, words, os.environ)
            else:
                words += ["--ray-address", cluster.address]
                seconds = _wall_seconds(folder, words, cluster.environment)
                brought = sum(_held(cluster.scratch(node)) for node in range(1, nodes))
        run = RunFolder(folder / "run")
        self._reference = self._reference or run
        return Measured(
            where=where,
            members_at_once=members,
            seconds=round(seconds, 1),
            training_seconds=round(training_seconds(run), 1),
            brought_mb=round(brought / 1e6, 1),
            equal=_equal(run, self._reference),
        )

    def _prepared(self, where: str) -> Path:
        number = len([*self._root.iterdir()])
        folder = self._root / f"{number}-{where.replace(' ', '-')}"
        folder.mkdir()
        write_demo_corpus(folder / "corpus.txt", 60_000)
        settings = {**SETTINGS, "budget": self._budget}
        (folder / "run.json").write_text(json.dumps(settings), encoding="utf-8")
        return folder

    @contextmanager
    def _cluster(self, folder: Path, nodes: int) -> Iterator[RayCluster | None]:
        if not nodes:
            yield None
            return
        with tempfile.TemporaryDirectory() as scratch, ExitStack() as ending:
            cluster = RayCluster(Path(scratch), folder)
            ending.callback(cluster.stop)
            cluster.start_head()
            for _ in range(nodes - 1):
                cluster.join()
            yield cluster


def _wall_seconds(folder: Path, words: list[str], environment: Mapping[str, str]) -> float:
    command = [*PROGRAM, "--config", "run.json", "--plain", *words]
    began = time.monotonic()
    subprocess.run(
        command,
        cwd=folder,
        env={**environment, "SYMBIO_NO_FIGURES": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.monotonic() - began


def _held(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("symbio-auto-*/*/*/*") if path.is_file())


def _equal(run: RunFolder, other: RunFolder) -> bool:
    mine, theirs = load_commit(run).record, load_commit(other).record
    same_objects = mine.objects == theirs.objects and mine.kept == theirs.kept
    left, right = contents(run), contents(other)
    return same_objects and all(left[name] == right[name] for name in SAME)


PLACES = (
    ("one process", 1, 0),
    ("a Ray of its own", 1, 0),
    ("a Ray of its own", 2, 0),
    ("1 node", 1, 1),
    ("2 nodes", 2, 2),
    ("3 nodes", 3, 3),
)
"""Where, members at once, nodes of a cluster."""


def main() -> None:
    """Measure, print, and write the result where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=120)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    found: dict[tuple[str, int, int], list[Measured]] = {place: [] for place in PLACES}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.budget)
        for _ in range(arguments.repeats):
            for place in PLACES:
                found[place].append(bench.measure(*place))
                print(_line(found[place][-1]), flush=True)
    rows = [_median(own) for own in found.values()]
    if arguments.save:
        figures: dict[str, JsonValue] = {
            "budget": arguments.budget,
            "repeats": arguments.repeats,
            "processors": os.cpu_count(),
            "load_average": list(os.getloadavg()),
            "rows": [row.model_dump(mode="json") for row in rows],
        }
        print(write_result("multi-node", figures))


def _median(found: list[Measured]) -> Measured:
    times = {
        name: round(median(getattr(one, name) for one in found), 1)
        for name in ("seconds", "training_seconds")
    }
    return found[0].model_copy(update={**times, "equal": all(one.equal for one in found)})


def _line(row: Measured) -> str:
    return (
        f"{row.where:17} {row.members_at_once} at once  {row.seconds:6.1f} s, of them training "
        f"{row.training_seconds:6.1f} s  {row.brought_mb:5.1f} MB brought  "
        f"{'the same bits' if row.equal else 'OTHER BITS'}"
    )


if __name__ == "__main__":
    main()
