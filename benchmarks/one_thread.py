"""A `symbio-auto train` in a process of its own, on one thread, and how much memory it took."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.program import PROGRAM
from trainer.config import ModelConfig


def train_command(
    data: str, shape: ModelConfig, seed: int, steps: int, batch: int, folder: Path
) -> list[str]:
    """One model on characters, the last tenth of the text held out."""
    command = [*PROGRAM, "train", "--data", data, "--plain"]
    command += ["--tokenizer", "char", "--split", "contiguous:0.9,0.1,0"]
    command += ["--backbone", shape.backbone, "--dim", str(shape.dim), "--heads", str(shape.heads)]
    command += ["--layers", str(shape.layers), "--block", str(shape.block), "--seed", str(seed)]
    command += ["--batch", str(batch), "--iters", str(steps), "--device", "cpu"]
    command += ["--eval-interval", str(max(1, steps // 2)), "--sample-interval", "0"]
    return [*command, "--keep-gb", "0", "--run-dir", str(folder)]


def resume_command(state: Path) -> list[str]:
    """The rest of one that was cut off."""
    return [*PROGRAM, "--resume", str(state), "--plain"]


def peak_megabytes(command: Sequence[str], settings: Sequence[str] = ()) -> float:
    """Most memory of the process that runs the command, which `settings` like
    `model.attention_every=4` reach by the environment.

    Raises:
        RuntimeError: the command failed.
    """
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "SYMBIO_ENGINE__HOST_THREADS": "1"}
    for one in settings:
        name, _, value = one.partition("=")
        variables[f"SYMBIO_{name.replace('.', '__').upper()}"] = value
    process = subprocess.Popen(command, env=variables)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(f"{' '.join(command[:4])} failed")
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
