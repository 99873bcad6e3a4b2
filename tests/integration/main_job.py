"""The main job, as its tests begin it and wait for it."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

SMALL = {
    "budget": 200,
    "model": {"dim": 16, "heads": 2, "layers": 1, "block": 32},
    "optimizer": {"batch": 4},
    "data": {"tokenizer": "byte", "search_bytes": 1000, "test_bytes": 1000},
    "battery": {"prompts": 1, "max_new_tokens": 8, "temperatures": [0.8]},
    "evolution": {
        "lineages": 2,
        "min_population": 3,
        "min_steps_per_candidate": 3,
        "shift_shares": False,
    },
    "host": {"chunks_per_phase": 2},
    "engine": {"host_threads": 1},
}
"""Two lineages, challengers and nulls in the third phase, a control: 56 tasks."""

PROGRAM = (sys.executable, "-m", "orchestrator.cli")


class Job(NamedTuple):
    """A corpus and a configuration, of which runs are begun."""

    corpus: Path
    config: Path

    def words(self, folder: Path, *more: str) -> list[str]:
        """The arguments of a run in `folder`."""
        data = ["--data", str(self.corpus), "--config", str(self.config)]
        return [*data, "--run-dir", str(folder), "--control", "gelu", *more]


def environment() -> dict[str, str]:
    """Of a process that runs the program."""
    return {**os.environ, "PYTHONPATH": str(Path.cwd())}


def symbio(*words: str) -> str:
    """What the program printed, in a process of its own, and succeeded."""
    run = subprocess.run(
        [*PROGRAM, *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment(),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def report(folder: Path) -> dict:  # type: ignore[type-arg]
    """The final report of a run."""
    loaded: dict = json.loads((folder / "final-report.json").read_text(encoding="utf-8"))  # type: ignore[type-arg]
    return loaded


def model_hash(folder: Path) -> str:
    """Of the exported weights."""
    return hashlib.sha256((folder / "model/model.safetensors").read_bytes()).hexdigest()


def wait_for_generation(folder: Path, generation: int, process: subprocess.Popen[str]) -> None:
    """Until the run has committed it."""
    limit = time.monotonic() + 200
    while time.monotonic() < limit:
        assert process.poll() is None, "the run ended before it could be interrupted"
        try:
            state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
            if state["summary"]["generation"] >= generation:
                return
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"generation {generation} was not reached")
