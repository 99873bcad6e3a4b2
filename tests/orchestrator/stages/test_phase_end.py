"""The end of a phase: each row of the gate in whole runs, and what the verdict tells."""

from pathlib import Path

import pytest

from orchestrator import ledger as books
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.host_progress import host_of
from orchestrator.stages.search_decision import floor_steps
from orchestrator.verification.replayed import replay_checks
from state.commit import load_commit
from tests.builders import ScriptedEngine, ScriptedRun, make_config
from tests.memory_runs import MemoryEngine, drive, spent_exactly
from tests.phase_ends import (
    Worse,
    at_end_of,
    concluded,
    with_phase,
    worse_always,
    worse_at_first,
)

FATES = {
    "passes": (worse_at_first("cambrian"), 0.2, ["retry", "pass"]),
    "fails again": (worse_always("cambrian"), 0.2, ["retry", "revert"]),
    "no room": (worse_always("cambrian"), 0.3, ["revert"]),
}


@pytest.mark.parametrize(("worse", "floor", "wanted"), FATES.values(), ids=FATES.keys())
def test_a_worse_phase_is_tried_again_once_then_given_up_and_the_run_is_replayed(
    worse: Worse, floor: float, wanted: list[str], tmp_path: Path
) -> None:
    config = make_config(budget=2400, evolution={"endosymbiosis_floor": floor})
    engine = ScriptedEngine(tmp_path)
    engine.penalty = worse
    run = ScriptedRun(tmp_path, config, engine)
    end = run.play()
    assert [one.gate.verdict for one in end.summaries if one.name == "cambrian"] == wanted
    assert spent_exactly(end)
    left = books.line(end.ledger, "endosymbiosis").allotted
    assert left >= floor_steps(config)
    checks = replay_checks(run.folder, load_commit(run.folder).record)
    assert [one for one in checks if one.status != "ok"] == []


@pytest.mark.parametrize("phase", ["primordial", "cambrian", "oxidation"])
def test_with_the_default_shares_every_search_phase_may_be_tried_again(phase: str) -> None:
    config = make_config(budget=8000)
    states = drive(config, MemoryEngine(worse=worse_at_first(phase, bits=1.0)))
    told = [one.gate.verdict for one in states[-1].summaries if one.name == phase]
    assert told == ["retry", "pass"]
    for state in states:
        assert books.line(state.ledger, "endosymbiosis").allotted >= floor_steps(config)
    assert spent_exactly(states[-1])


@pytest.mark.parametrize("phase", ["endosymbiosis", "homeostasis"])
def test_a_host_is_not_tried_again_and_ends_with_its_best_kept_model(phase: str) -> None:
    """Whatever it trains there is worse than what it began with."""
    config = make_config(budget=2000)
    state, engine = at_end_of(phase, lambda task: 2.0 * (task.phase == phase), config)
    host = host_of(state)
    assert host.best is not None
    assert host.history[-1][1] > host.best.evaluation.bits_per_byte
    assert (host.checkpoint, host.age_steps) == (host.best.checkpoint, host.best.age_steps)
    (decision,) = concluded(state, engine, config).decisions
    assert decision.kind == "pass"


def test_the_decision_tells_what_was_compared_and_what_the_second_attempt_changes() -> None:
    state, engine = at_end_of("cambrian", worse_at_first("cambrian"))
    (decision,) = concluded(state, engine).decisions
    assert decision.kind == "retry"
    assert decision.numbers["low"] > decision.numbers["slack"] == 0.005
    changes = {one.setting: (one.before, one.after) for one in decision.adjustments}
    assert changes["lr_scale"] == (1.0, 0.5)
    assert changes["endosymbiosis steps"] == (2400.0, 1600.0)
    assert changes["cambrian steps"] == (1920.0, 2720.0)
    assert changes["population"][0] > changes["population"][1]


def test_a_phase_that_fails_again_says_so() -> None:
    state, engine = at_end_of("cambrian", worse_always("cambrian"))
    (decision,) = concluded(with_phase(state, retries=1), engine).decisions
    assert decision.kind == "revert"
    assert "this was the second attempt" in decision.reason
    assert decision.adjustments == ()


# ---- progress


def test_a_search_phase_without_progress_writes_why() -> None:
    state, engine = at_end_of("cambrian")
    level = state.dormant[0].evaluation
    same = tuple(one.model_copy(update={"evaluation": level}) for one in state.lineages)
    state = state.model_copy(update={"lineages": same})
    quiet = with_phase(state, accepted_history=(0, 0), num_challengers=18)
    reason = concluded(quiet, engine).decisions[0].reason
    assert reason.endswith("no progress is shown: none of 18 challengers was better than the noise")
    young = with_phase(state, accepted_history=(0, 0), num_challengers=0)
    assert "no lineage was old enough" in concluded(young, engine).decisions[0].reason
    gained = with_phase(state, accepted_history=(0, 1), num_challengers=18)
    assert "no progress" not in concluded(gained, engine).decisions[0].reason


def test_the_challengers_of_a_phase_are_those_that_were_trained_not_the_genomes_drawn() -> None:
    state, engine = at_end_of("cambrian")
    trained = [one for one in engine.trained() if one.role == "challenger"]
    own = [one for one in trained if one.phase == "cambrian"]
    assert phase_of(state).num_challengers == len(own)
    assert sum(new for new, _ in phase_of(state).draw_history) > len(own)


def test_a_better_model_is_progress_without_an_accepted_genome() -> None:
    state, engine = at_end_of("cambrian")
    (decision,) = concluded(with_phase(state, accepted_history=(0, 0)), engine).decisions
    assert decision.numbers["high"] < 0
    assert "no progress" not in decision.reason


def test_a_phase_too_small_for_challengers_says_so() -> None:
    config = make_config(budget=100)
    state, engine = at_end_of("cambrian", worse_always("cambrian"), config)
    reason = concluded(state, engine, config).decisions[0].reason
    assert reason.endswith("no progress is shown: the lineages trained without challengers")


def test_the_first_phase_and_the_hosts_owe_no_progress() -> None:
    for phase in ("abiogenesis", "homeostasis"):
        config = make_config(budget=1000)
        state, engine = at_end_of(phase, config=config)
        assert "no progress" not in concluded(state, engine, config).decisions[0].reason
