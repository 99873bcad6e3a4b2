"""The same check through transformers itself, where it is installed."""

import os
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from orchestrator.error_line import error_line
from orchestrator.export.checked import Sample, require_same
from orchestrator.export.transformers_program import NOT_USABLE
from trainer.export import Difference, difference

OLDEST = 5
TIMEOUT_SECONDS = 300.0


def check_with_transformers(folder: Path, sample: Sample) -> tuple[str, Difference | None]:
    """What transformers makes of the folder: its version and the difference, or why there is none.

    It runs offline in a process of its own, with a cache that is thrown away.

    Raises:
        RuntimeError: it does not load the folder, or gives another model.
    """
    try:
        found = version("transformers")
    except PackageNotFoundError:
        return "transformers is not installed, so it was not asked", None
    if not found.split(".")[0].isdigit() or int(found.split(".")[0]) < OLDEST:
        return f"transformers {found} was not asked; the folder is for {OLDEST} or later", None
    with tempfile.TemporaryDirectory() as scratch:
        given, out = Path(scratch) / "in.safetensors", Path(scratch) / "out.safetensors"
        text = torch.tensor(list(sample.text.encode()), dtype=torch.uint8)
        save_file({"tokens": sample.tokens.contiguous(), "text": text}, given)
        problem = _run(folder, given, out, scratch)
        if problem is not None:
            return f"transformers {found} was not asked: {problem}", None
        answer = load_file(out)
    differs = difference(sample.logits, answer["logits"])
    require_same(differs, answer["ids"].tolist(), sample.ids)
    return f"transformers {found}", differs


def _run(folder: Path, given: Path, out: Path, scratch: str) -> str | None:
    """None when it has answered, else why it could not be asked.

    Raises:
        RuntimeError: it was asked and failed.
    """
    program = [sys.executable, "-m", "orchestrator.export.transformers_program"]
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HOME": scratch, "TOKENIZERS_PARALLELISM": "false"}
    try:
        done = subprocess.run(
            [*program, str(folder), str(given), str(out)],
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {TIMEOUT_SECONDS:.0f} s"
    if done.returncode == 0:
        return None
    last = error_line((done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    if done.returncode == NOT_USABLE:
        return last
    raise RuntimeError(f"transformers does not load the export: {last}; nothing was written")
