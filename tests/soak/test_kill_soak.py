"""The crash tests in full: every durable operation, and two hundred kills at random."""

from collections import Counter
from pathlib import Path

import pytest

from orchestrator.kill_test import forked
from orchestrator.kill_test.every_operation import (
    EveryOperation,
    Window,
    last_generation,
    moments,
)
from orchestrator.kill_test.instruments import SNAPSHOT_STEPS
from orchestrator.kill_test.lives import EngineName
from orchestrator.kill_test.random_kills import killed_runs, uninterrupted
from orchestrator.kill_test.small_run import Scratch

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]

KILLS = {"inline": 100, "ray": 100}
BUDGET = 400


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    forked.load()


@pytest.fixture(params=["search", "resumption", "ending", "train"])
def window(request: pytest.FixtureRequest, tmp_path: Path) -> Window:
    """Two generations with the boundary between them; the same after a kill; the end of a run; a
    model that trains alone.
    """
    if request.param == "search":
        return Window(budget=BUDGET, first=6, last=8)
    if request.param == "train":
        return Window(mode="train", budget=120, first=5, last=None)
    if request.param == "resumption":
        return Window(budget=BUDGET, first=6, killed=True, last=8)
    last = last_generation(Scratch(tmp_path), BUDGET)
    return Window(budget=BUDGET, first=last - 1, last=None)


def test_a_kill_at_every_operation_changes_nothing(window: Window, tmp_path: Path) -> None:
    every = EveryOperation(Scratch(tmp_path), window)
    verdicts = [every.trial(moment) for moment in moments(every.operations, stride=1)]
    assert len(verdicts) > len(every.operations)
    assert [one for one in verdicts if not one.equal] == []
    assert max(one.repeated_steps for one in verdicts) <= SNAPSHOT_STEPS


@pytest.mark.ray
@pytest.mark.parametrize("engine", ["inline", "ray"])
def test_kills_at_random_change_nothing_and_repeat_little(
    engine: EngineName, tmp_path: Path
) -> None:
    scratch = Scratch(tmp_path)
    reference = uninterrupted(scratch, engine)
    runs = killed_runs(scratch, reference, kills=KILLS[engine], tell=print)
    assert [one for one in runs if one.differences] == []
    kills = [kill for one in runs for kill in one.kills]
    assert len(kills) == KILLS[engine]
    victims = Counter(kill.victim for kill in kills)
    assert set(victims) == (
        {"controller"} if engine == "inline" else {"controller", "worker", "tree"}
    )
    workers = 1 if engine == "inline" else 2
    assert max(kill.repeated_steps for kill in kills) <= workers * SNAPSHOT_STEPS
