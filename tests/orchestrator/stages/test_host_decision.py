"""What is done about a chunk of the host: answers that change something, and are not withheld."""

from orchestrator.config import RunConfig
from orchestrator.run_state import HostState, PhaseSettings, PhaseState, RunState
from orchestrator.stages.host_decision import decide
from orchestrator.stages.host_progress import host_of
from state.records import Decision, Finding
from state.results import TrainingResult
from tests.builders import GELU, make_config, make_state

RESULT = TrainingResult(task_id="host", status="trained", steps=50)
OVERFITS = Finding(
    detector="host_overfitting", severity=0.4, reason="it rises", value=0.02, limit=0.01
)
ENDOSYMBIOSIS = 4


def host_at(done_steps: int, dropout: float, config: RunConfig) -> RunState:
    """A run of 2,000 steps whose host has 800 ahead; its rate is to fall from .4 on."""
    host = HostState(
        name="host",
        genome=GELU,
        checkpoint=None,
        init_seed=0,
        age_steps=done_steps,
        done_steps=done_steps,
        decay_from=0.4,
        lineage=0,
    )
    phase = PhaseState(settings=PhaseSettings(dropout=dropout), first_generation=0)
    update = {"host": host, "phase": phase, "phase_index": ENDOSYMBIOSIS, "generation": 9}
    return make_state(config).model_copy(update=update)


def decided(
    done_steps: int, dropout: float, config: RunConfig | None = None
) -> tuple[Decision, float]:
    """The decision about a chunk in which the host overfits, and where its rate then falls."""
    config = config or make_config()
    after, decision = decide(host_at(done_steps, dropout, config), config, (OVERFITS,), RESULT)
    return decision, host_of(after).decay_from


def changed(decision: Decision) -> list[str]:
    return [one.setting for one in decision.adjustments]


def test_a_host_that_overfits_drops_out_more_and_decays_at_once() -> None:
    decision, decay_from = decided(200, 0.1)
    assert decision.kind == "adapt"
    assert changed(decision) == ["dropout", "decay_from"]
    assert decay_from == 0.2


def test_a_rate_that_falls_already_goes_on_falling_as_it_does() -> None:
    decision, decay_from = decided(800, 0.1)
    assert changed(decision) == ["dropout"]
    assert decay_from == 0.4


def test_at_the_limit_of_dropout_the_rate_falls_all_the_same() -> None:
    decision, decay_from = decided(200, 0.3)
    assert changed(decision) == ["decay_from"]
    assert decay_from == 0.2


def test_an_answer_that_would_change_nothing_is_not_given() -> None:
    decision, _ = decided(800, 0.3)
    assert (decision.kind, decision.adjustments) == ("continue", ())


def test_an_answer_that_is_withheld_is_not_given() -> None:
    withheld = make_config(evolution={"withheld": ["host_overfitting"]})
    decision, decay_from = decided(200, 0.1, withheld)
    assert decision.kind == "continue"
    assert decay_from == 0.4
