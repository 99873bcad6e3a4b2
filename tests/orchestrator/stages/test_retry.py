"""The second attempt of a phase: what it costs, what it changes, how it begins."""

import pytest

from orchestrator import ledger as books
from orchestrator.adaptation import SMALLEST_SCALE
from orchestrator.run_state import PhaseState, RunState
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.retry import Retry, offer
from orchestrator.stages.search_decision import floor_steps
from tests.builders import make_config
from tests.memory_runs import MemoryEngine, advance
from tests.phase_ends import CONFIG, at_end_of, concluded, finding, with_phase, worse_at_first


@pytest.fixture(scope="module")
def cambrian() -> tuple[RunState, MemoryEngine]:
    return at_end_of("cambrian", worse_at_first("cambrian"))


@pytest.fixture(scope="module")
def failed(cambrian: tuple[RunState, MemoryEngine]) -> RunState:
    return cambrian[0]


def offered(state: RunState) -> Retry:
    made = offer(state, CONFIG)
    assert isinstance(made, Retry)
    return made


# ---- what it costs


def test_it_costs_what_endosymbiosis_can_spare(failed: RunState) -> None:
    made = offered(failed)
    spare = books.remaining(failed.ledger, "endosymbiosis") - floor_steps(CONFIG)
    assert made.cost == spare < books.line(failed.ledger, "cambrian").allotted
    assert made.fit.null_pairs >= 2
    assert made.settings.population == made.fit.population
    assert made.settings.steps_per_candidate == made.fit.steps_per_candidate


def test_it_costs_no_more_than_the_first_attempt() -> None:
    config = make_config(budget=4000, evolution={"endosymbiosis_floor": 0.0})
    state, _ = at_end_of("primordial", worse_at_first("primordial"), config)
    made = offer(state, config)
    assert isinstance(made, Retry)
    assert made.cost == books.line(state.ledger, "primordial").allotted


@pytest.mark.parametrize("phase", ["abiogenesis", "endosymbiosis", "homeostasis"])
def test_a_phase_that_searches_nothing_is_not_begun_again(phase: str) -> None:
    state, _ = at_end_of(phase, config=make_config(budget=1000))
    assert offer(state, CONFIG) == f"{phase} is not begun again"


def test_there_is_no_third_attempt(failed: RunState) -> None:
    assert offer(with_phase(failed, retries=1), CONFIG) == "this was the second attempt"


def test_without_room_the_refusal_names_the_steps(failed: RunState) -> None:
    config = make_config(budget=8000, evolution={"endosymbiosis_floor": 0.29})
    assert offer(failed, config) == "endosymbiosis can spare 80 steps, too few for a second attempt"
    config = make_config(budget=8000, evolution={"endosymbiosis_floor": 0.4})
    assert offer(failed, config) == "endosymbiosis can spare 0 steps, too few for a second attempt"


# ---- what it changes


def test_it_keeps_what_was_adapted_and_answers_what_was_found(failed: RunState) -> None:
    adapted = phase_of(failed).settings.model_copy(update={"coupling": 0.9, "max_nodes": 15})
    found = (finding("collapse"), finding("complexity"), finding("collapse"))
    settings = offered(with_phase(failed, settings=adapted, findings=found)).settings
    assert settings.max_nodes == 6
    assert settings.coupling == pytest.approx(0.7)
    assert settings.mutation_rate == pytest.approx(adapted.mutation_rate + 0.2)
    assert settings.lr_scale == 0.5


def test_a_finding_that_lowers_the_rate_lowers_it_once(failed: RunState) -> None:
    settings = offered(with_phase(failed, findings=(finding("instability"),))).settings
    assert (settings.lr_scale, settings.clip_scale) == (0.5, 0.5)


def test_the_rate_is_not_lowered_below_its_least(failed: RunState) -> None:
    slow = phase_of(failed).settings.model_copy(update={"lr_scale": SMALLEST_SCALE})
    assert offered(with_phase(failed, settings=slow)).settings.lr_scale == SMALLEST_SCALE


def test_what_is_withheld_is_not_answered_here_either(failed: RunState) -> None:
    config = make_config(budget=8000, evolution={"withheld": ("collapse",)})
    made = offer(with_phase(failed, findings=(finding("collapse"),)), config)
    assert isinstance(made, Retry)
    assert made.settings.mutation_rate == phase_of(failed).settings.mutation_rate


def test_a_population_that_was_scaled_is_fitted_anew(failed: RunState) -> None:
    large = {"population": 24, "population_scale": 2.0}
    scaled = phase_of(failed).settings.model_copy(update=large)
    settings = offered(with_phase(failed, settings=scaled)).settings
    assert settings.population_scale == 1.0
    assert settings.population < 12


# ---- how it begins


def begun(state: RunState, engine: MemoryEngine) -> PhaseState:
    again = concluded(state, engine).state
    assert again.stage == "generation"
    return phase_of(again)


def test_it_begins_where_the_phase_began_with_empty_histories_and_the_noise_that_is_known(
    cambrian: tuple[RunState, MemoryEngine],
) -> None:
    state, engine = cambrian
    first, again = phase_of(state), begun(state, engine)
    assert first.null_differences
    assert again.null_differences == first.null_differences
    assert first.replicate_differences
    assert again.replicate_differences == first.replicate_differences
    assert again.start_lineages == first.start_lineages
    assert again.start_oscillators == first.start_oscillators
    assert again.settled_before == books.line(state.ledger, "cambrian").settled
    fresh = PhaseState(settings=again.settings, first_generation=state.generation, retries=1)
    kept = {
        "fit",
        "start_lineages",
        "start_oscillators",
        "null_differences",
        "replicate_differences",
        "cooldown_left",
        "settled_before",
    }
    assert again.model_dump(exclude=kept) == fresh.model_dump(exclude=kept)


def test_the_noise_of_candidates_of_another_length_is_measured_anew(
    cambrian: tuple[RunState, MemoryEngine],
) -> None:
    state, engine = cambrian
    shorter = phase_of(state).settings.model_copy(update={"steps_per_candidate": 20})
    state = with_phase(state, settings=shorter)
    assert begun(state, engine).null_differences == ()
    assert begun(state, engine).replicate_differences == ()


def test_the_lineages_decay_anew_when_oxidation_is_begun_again() -> None:
    state, engine = at_end_of("oxidation", worse_at_first("oxidation"))
    again = advance(CONFIG, engine, state)
    num_before = len(engine.trained())
    advance(CONFIG, engine, again)
    rates = {task.learning_rate.first for task in engine.trained()[num_before:]}
    assert rates == {1.0}
