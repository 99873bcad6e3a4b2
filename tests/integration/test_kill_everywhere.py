"""A run is killed at its durable operations, one a run, and resumed; nobody can tell afterwards.

Every fortieth operation and all of a commit here; `make soak` takes every one of them.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from orchestrator.kill_test import forked
from orchestrator.kill_test.every_operation import (
    EveryOperation,
    Verdict,
    Window,
    last_commit,
    last_generation,
    moments,
)
from orchestrator.kill_test.instruments import SNAPSHOT_STEPS
from orchestrator.kill_test.moments import Announced, Moment
from orchestrator.kill_test.small_run import Scratch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STRIDE = 40
SMALLEST_BUDGET = 60


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    forked.load()


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> EveryOperation:
    """The last generation of a search phase, the boundary, and the first one of the next."""
    scratch = Scratch(tmp_path_factory.mktemp("search"))
    return EveryOperation(scratch, Window(first=6, last=8))


def faults(verdicts: Iterable[Verdict]) -> str:
    """A paragraph for each trial that anybody could tell."""
    return "\n".join(
        f"{one.when} {one.number} ({one.operation} {one.file}): "
        + ("\n".join(one.differences) if one.died else "it did not die")
        for one in verdicts
        if not one.equal
    )


def test_a_window_holds_every_kind_of_durable_operation(search: EveryOperation) -> None:
    kinds = {announced.operation for announced in search.operations}
    assert kinds >= {"write", "fsync", "replace", "append", "delete", "database commit"}
    files = {announced.file.partition("/")[0] for announced in search.operations}
    assert files >= {"objects", "partial", "state.json", "events.jsonl", "metrics.db"}


def test_a_kill_at_any_operation_of_a_generation_changes_nothing(search: EveryOperation) -> None:
    verdicts = [search.trial(moment) for moment in moments(search.operations, STRIDE)]
    assert len(verdicts) > len(search.operations) // STRIDE
    assert not faults(verdicts), faults(verdicts)
    assert max(one.repeated_steps for one in verdicts) <= SNAPSHOT_STEPS


def test_a_kill_after_the_last_commit_still_yields_report_and_model(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    last = last_generation(scratch, SMALLEST_BUDGET)
    window = Window(budget=SMALLEST_BUDGET, first=last, last=None)
    ending = EveryOperation(scratch, window)
    after = last_commit(ending.operations).stop
    numbers = range(after, len(ending.operations) + 1, 4)
    verdicts = [ending.trial(Moment(number, "before")) for number in numbers]
    assert len(verdicts) > 3
    assert Announced("replace", "final-report.json") in ending.operations[after:]
    assert not faults(verdicts), faults(verdicts)
