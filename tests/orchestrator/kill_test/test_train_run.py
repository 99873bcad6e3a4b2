"""A run of `train --symbio` is killed and resumed; nobody can tell afterwards.

Some of the operations here; `python -m benchmarks.crash train` takes every one of them.
"""

import json
from pathlib import Path

import pytest

from orchestrator.kill_test import forked
from orchestrator.kill_test.every_operation import (
    EveryOperation,
    Verdict,
    Window,
    last_generation,
    moments,
)
from orchestrator.kill_test.instruments import SNAPSHOT_STEPS
from orchestrator.kill_test.random_kills import killed_runs, uninterrupted
from orchestrator.kill_test.small_run import Scratch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BUDGET = 90
STRIDE = 25


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    forked.load()


@pytest.fixture(scope="module")
def chunks(tmp_path_factory: pytest.TempPathFactory) -> EveryOperation:
    """The chunk behind step 50, and the window with challengers that opens at 60."""
    scratch = Scratch(tmp_path_factory.mktemp("chunks"))
    return EveryOperation(scratch, Window(mode="train", budget=BUDGET, first=5, last=7))


def sampled(every: EveryOperation, stride: int) -> list[Verdict]:
    chosen = list(moments(every.operations, stride=1))[::stride]
    return [every.trial(moment) for moment in chosen]


def rows_of(chunks: EveryOperation) -> list[dict[str, object]]:
    path = chunks.scratch.run("uninterrupted").metrics_jsonl
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_stretch_has_an_alarm_that_changes_the_batch_every_measure_and_challengers(
    chunks: EveryOperation,
) -> None:
    rows = [row for row in rows_of(chunks) if row["generation"] == 5]
    assert {row["adaptive_batch_size"] for row in rows} == {8, 6}
    for name in ("batch_change_reason", "weight_entropy", "effective_rank", "mi_input_output"):
        assert any(row.get(name) is not None for row in rows), name
    events = chunks.scratch.run("uninterrupted").events_jsonl.read_text(encoding="utf-8")
    assert '"sample"' in events
    members = {row["member_id"] for row in rows_of(chunks) if row["generation"] == 6}
    assert members == {"g00006-model", "g00006-c01", "g00006-c02"}


def test_a_kill_at_any_operation_of_a_chunk_and_a_window_changes_nothing(
    chunks: EveryOperation,
) -> None:
    verdicts = sampled(chunks, STRIDE)
    assert len(verdicts) > 6
    assert [one for one in verdicts if not one.equal] == []
    assert 0 < max(one.repeated_steps for one in verdicts) <= SNAPSHOT_STEPS


def test_a_kill_in_the_last_chunk_or_behind_it_still_yields_report_and_model(
    tmp_path: Path,
) -> None:
    scratch = Scratch(tmp_path)
    last = last_generation(scratch, BUDGET, "train")
    window = Window(mode="train", budget=BUDGET, first=last - 1, last=None)
    verdicts = sampled(EveryOperation(scratch, window), 2 * STRIDE)
    assert len(verdicts) > 3
    assert [one for one in verdicts if not one.equal] == []


def test_kills_at_random_change_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    scratch = Scratch(tmp_path)
    reference = uninterrupted(scratch, "inline", BUDGET, "train")
    assert reference.expected["metrics.jsonl"].total() == BUDGET
    runs = killed_runs(scratch, reference, kills=2, tell=told.append)
    assert [one for one in runs if one.differences] == []
    assert sum(len(one.kills) for one in runs) == len(told) >= 1
