"""Where Primordial is left: whole runs that move steps to the host, and runs that keep them."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.extension import extend
from orchestrator.phases import SearchFit
from orchestrator.run_state import RunState
from orchestrator.stages.effort import effort_of, tried_in_vain
from orchestrator.verification.replayed import replay_checks
from state.commit import load_commit
from state.records import PhaseName
from tests.builders import ScriptedEngine, ScriptedRun, make_config
from tests.memory_runs import MemoryEngine, check, drive, spent_exactly
from tests.phase_ends import config_of, worse_at_first
from trainer.demo_corpus import write_demo_corpus


@pytest.mark.parametrize(("preset", "told"), [("default", True), ("original", False)])
def test_the_plan_says_that_shares_may_shift(
    preset: str, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.txt"
    write_demo_corpus(text, 200_000)
    words = ["--data", str(text), "--preset", preset, "--tokenizer", "byte", "--budget", "900"]
    assert main(["plan", "--no-probe", *words, "--model", "tiny"]) == 0
    printed = capsys.readouterr().out
    assert ("passes over the text are under 18" in printed) == told


def allotted(state: RunState, name: str) -> int:
    return next(line.allotted for line in state.ledger.lines if line.phase == name)


def test_a_small_budget_is_short_of_steps_however_often_it_reads_its_text() -> None:
    states = drive(config_of(40.0, budget=2999), MemoryEngine())
    decision = states[place_of_shift(states)].last_decision
    assert decision is not None
    assert decision.reason.startswith(
        "short of steps: the budget passes over the text 40.0 times, not under 18, and it has "
        "2,999 steps, under 3,000"
    )
    assert decision.numbers["budget"] < decision.numbers["steps_limit"]


@pytest.fixture(scope="module")
def short_of_steps() -> list[RunState]:
    return drive(config_of(6.0), MemoryEngine())


@pytest.fixture(scope="module")
def searching_on() -> list[RunState]:
    """Of a budget that can spare what a search needs."""
    return drive(config_of(6.0, budget=40_000, evolution={"idle_after": 0}), MemoryEngine())


def place_of_shift(states: list[RunState]) -> int:
    return next(n for n, one in enumerate(states) if one.regime is not None)


def test_a_run_short_of_steps_spends_them_on_the_host(searching_on: list[RunState]) -> None:
    place = place_of_shift(searching_on)
    before, after = searching_on[place - 1], searching_on[place]
    assert (allotted(before, "cambrian"), allotted(after, "cambrian")) == (9600, 630)
    assert (allotted(before, "oxidation"), allotted(after, "oxidation")) == (6400, 900)
    freed = 9600 + 6400 - 630 - 900
    assert allotted(after, "endosymbiosis") == pytest.approx(12_000 + 0.75 * freed, abs=1)
    assert spent_exactly(searching_on[-1])


def test_a_search_in_vain_gives_what_it_did_not_spend_and_nearly_all_else_to_the_host(
    short_of_steps: list[RunState],
) -> None:
    place = place_of_shift(short_of_steps)
    after = short_of_steps[place]
    (advance,) = [one for one in after.summaries[-1].decisions if one.kind == "advance"]
    assert advance.reason == "none of the 6 challengers tried was accepted"
    saved = 1280 - allotted(after, "primordial")
    assert saved >= 640
    assert [allotted(after, name) for name in ("cambrian", "oxidation")] == [30, 30]
    freed = saved + 1920 + 1280 - 60
    assert allotted(after, "endosymbiosis") == pytest.approx(2400 + 0.75 * freed, abs=1)
    assert [one.name for one in short_of_steps[-1].summaries] == [
        "abiogenesis",
        "primordial",
        "cambrian",
        "oxidation",
        "endosymbiosis",
        "homeostasis",
    ]
    assert spent_exactly(short_of_steps[-1])


def test_the_shift_is_a_decision_with_its_numbers(short_of_steps: list[RunState]) -> None:
    place = place_of_shift(short_of_steps)
    decision = short_of_steps[place].last_decision
    assert decision is not None
    assert (decision.phase, decision.kind) == ("primordial", "adapt")
    assert decision.numbers["passes"] == pytest.approx(6.0, rel=0.01)
    assert "short of steps: the budget passes over the text 6.0 times, under 18" in decision.reason
    assert [one.setting for one in decision.adjustments] == [
        "cambrian steps",
        "oxidation steps",
        "endosymbiosis steps",
        "homeostasis steps",
    ]
    assert sum(one.after - one.before for one in decision.adjustments) == 0
    told = next(one for one in short_of_steps[-1].summaries if one.name == "primordial")
    assert told.decisions[-1] == decision


def test_a_search_that_would_cost_much_of_the_budget_ends_though_something_may_be_found() -> None:
    states = drive(config_of(6.0, evolution={"idle_after": 0}), MemoryEngine())
    after = states[place_of_shift(states)]
    assert [allotted(after, name) for name in ("cambrian", "oxidation")] == [30, 30]
    assert after.last_decision is not None
    assert after.last_decision.reason.endswith(
        "the lineages keep one short generation a phase, 3140 steps go to the host; "
        "no challengers, as a phase of them would cost over 2.5% of the budget"
    )
    assert spent_exactly(states[-1])


def first_generation(states: list[RunState], index: int) -> SearchFit:
    """How the phase was fitted."""
    state = next(one for one in states if one.phase_index == index and one.stage == "generation")
    assert state.phase is not None
    assert state.phase.fit is not None
    return state.phase.fit


@pytest.mark.parametrize(("index", "name"), [(2, "cambrian"), (3, "oxidation")])
def test_lean_phases_have_the_fewest_challengers_and_still_hold_a_search(
    searching_on: list[RunState], index: int, name: str
) -> None:
    fit = first_generation(searching_on, index)
    assert fit.population == 4
    assert fit.null_pairs >= 2
    summary = next(one for one in searching_on[-1].summaries if one.name == name)
    assert summary.generations >= 3
    assert "population" in summary.note


@pytest.mark.parametrize("index", [2, 3])
def test_a_search_in_vain_ends_with_primordial(short_of_steps: list[RunState], index: int) -> None:
    end = short_of_steps[-1]
    assert end.counts.accepted == 0
    fit = first_generation(short_of_steps, index)
    assert (fit.population, fit.null_pairs) == (3, 0)
    assert "enough challengers were tried and none was accepted" in fit.note
    regime = end.regime
    assert regime is not None
    tried = regime.tried_in_vain
    assert end.counts.evaluated == tried == 6
    decision = short_of_steps[place_of_shift(short_of_steps)].last_decision
    assert decision is not None
    assert decision.reason.endswith(f"no challengers, as none of the {tried} tried was accepted")


def test_a_search_goes_on_where_one_was_accepted_or_too_few_were_tried(
    short_of_steps: list[RunState],
) -> None:
    state, config = short_of_steps[place_of_shift(short_of_steps) - 1], config_of(6.0)
    assert state.phase is not None
    tried = state.phase.num_challengers

    def counted(accepted: int, enough: int) -> int:
        counts = state.counts.model_copy(update={"accepted": accepted})
        evolution = config.evolution.model_copy(update={"idle_after": enough})
        asked = config.model_copy(update={"evolution": evolution})
        return tried_in_vain(state.model_copy(update={"counts": counts}), asked)

    assert counted(0, tried) == tried
    assert counted(0, tried + 1) == counted(1, tried) == counted(0, 0) == 0
    assert tried_in_vain(state, config) == tried_in_vain(state, config_of(18.0)) == tried
    assert tried_in_vain(state, make_config(budget=8000)) == 0
    assert tried_in_vain(state, config_of(6.0, evolution={"shift_shares": False})) == 0


@pytest.mark.parametrize(
    ("tried", "idle_after", "phase", "effort"),
    [
        (12, 12, "oxidation", "none"),
        (0, 12, "oxidation", "lean"),
        (12, 0, "oxidation", "lean"),
        (12, 12, "primordial", "full"),
    ],
)
def test_what_primordial_found_says_how_much_is_searched(
    short_of_steps: list[RunState], tried: int, idle_after: int, phase: PhaseName, effort: str
) -> None:
    state = short_of_steps[place_of_shift(short_of_steps)]
    assert state.regime is not None
    regime = state.regime.model_copy(update={"tried_in_vain": tried})
    config = config_of(6.0, evolution={"idle_after": idle_after})
    assert effort_of(state.model_copy(update={"regime": regime}), config, phase) == effort
    assert effort_of(state.model_copy(update={"regime": None}), config, phase) == "full"


def test_the_decay_of_the_lineages_still_ends_at_zero() -> None:
    engine = MemoryEngine()
    drive(config_of(6.0, budget=40_000, evolution={"idle_after": 0}), engine)
    last = [one for one in engine.trained() if one.phase == "oxidation" and one.role == "champion"]
    rates = [one.learning_rate.last for one in last]
    assert rates[0] < 1
    assert rates[-1] < 0.05
    assert all(later <= sooner for sooner, later in pairwise(rates))


def test_a_run_short_of_text_gives_the_host_half() -> None:
    states = drive(config_of(40.0), MemoryEngine())
    state = states[place_of_shift(states)]
    assert state.regime is not None
    assert state.regime.kind == "overfit_limited"
    assert state.last_decision is not None
    assert state.last_decision.kind == "adapt"
    assert "800 steps of Cambrian make the host's half" in state.last_decision.reason
    saved = 1280 - allotted(state, "primordial")
    assert saved >= 640
    assert [allotted(state, name) for name in ("cambrian", "oxidation")] == [1120 + saved, 1280]
    assert state.regime.tried_in_vain == 6
    assert first_generation(states, 2).null_pairs == 0
    assert [allotted(state, name) for name in ("endosymbiosis", "homeostasis")] == [3000, 1000]


def test_a_shifted_run_is_extended_at_any_moment() -> None:
    config, engine = config_of(6.0, budget=3000), MemoryEngine()
    states = drive(config, engine)
    place = place_of_shift(states)
    for number in (place - 1, place, place + 5, len(states) - 1):
        larger, state, _ = extend(config, states[number], 3700)
        check(state)
        end = drive(larger, engine, state)[-1]
        assert spent_exactly(end)
        assert end.regime is not None


def test_a_shifted_run_is_replayed(tmp_path: Path) -> None:
    run = ScriptedRun(tmp_path, config_of(6.0, budget=3000), ScriptedEngine(tmp_path))
    assert run.play().regime is not None
    checks = replay_checks(run.folder, load_commit(run.folder).record)
    assert [one for one in checks if one.status != "ok"] == []
    kinds = [json.loads(line)["kind"] for line in run.folder.events_jsonl.read_text().splitlines()]
    assert kinds.count("regime") == 1


def test_a_primordial_that_is_begun_again_is_asked_about_once_when_it_is_left() -> None:
    engine = MemoryEngine(worse=worse_at_first("primordial"))
    states = drive(config_of(6.0, budget=4000), engine)
    first, second = (one for one in states[-1].summaries if one.name == "primordial")
    assert (first.gate.verdict, second.gate.verdict) == ("retry", "pass")
    shifts = [[d for d in one.decisions if "short of" in d.reason] for one in (first, second)]
    assert [len(one) for one in shifts] == [0, 1]
    assert states[place_of_shift(states)].phase_index == 2
