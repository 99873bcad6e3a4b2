"""Six phases on a recurrent backbone, through the command line, at once and interrupted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.kill_test import forked
from orchestrator.kill_test.small_run import Scratch, begin, expect, small_config
from state.run_folder import RunFolder

BUDGET = 60

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _recurrent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run below; states are handed on, and each task starts its tracks."""
    monkeypatch.setenv("SYMBIO_MODEL__BACKBONE", "gf-mh")
    monkeypatch.setenv("SYMBIO_MODEL__STATEFUL", "true")


def facts(folder: RunFolder) -> object:
    """What must not depend on an interruption."""
    report = json.loads(folder.final_report.read_text(encoding="utf-8"))
    lines = [json.loads(one) for one in folder.metrics_jsonl.read_text().splitlines()]
    clock = {"tokens_per_sec", "ms_per_step", "member"}
    rows = sorted(
        json.dumps({name: value for name, value in one.items() if name not in clock})
        for one in lines
    )
    return report["phases"][-1]["name"], (folder.model / "model.safetensors").read_bytes(), rows


def test_a_run_that_was_stopped_ends_in_the_same_bits(tmp_path: Path) -> None:
    forked.load()
    scratch = Scratch(tmp_path)
    stopped = begin(scratch, "stopped", budget=BUDGET, generation=3)
    whole = small_config(scratch, "whole", BUDGET)
    file = tmp_path / "whole.json"
    file.write_text(whole.model_dump_json(exclude_unset=True), encoding="utf-8")
    for work in (
        forked.command(["--config", str(file), "--plain"]),
        forked.resumed(stopped.root),
    ):
        expect(forked.wait(forked.start(work, scratch.log)), 0, scratch)
    assert facts(scratch.run("stopped")) == facts(scratch.run("whole"))
    rows = [json.loads(one) for one in stopped.metrics_jsonl.read_text().splitlines()]
    assert all(row["grad_norm_rwkv6"] > 0 and row["grad_norm_mamba2"] > 0 for row in rows)
    written = subprocess.run(
        [sys.executable, str(stopped.model / "model.py"), "--prompt", "the", "--tokens", "20"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the" in written.stdout
