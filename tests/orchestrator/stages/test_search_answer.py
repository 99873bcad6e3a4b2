"""What is answered after a generation of a search phase, and what is only told."""

from orchestrator.config import RunConfig
from orchestrator.run_state import RunState
from orchestrator.stages.search_answer import resize
from state.records import Decision
from tests.builders import make_config
from tests.memory_runs import MemoryEngine, drive
from tests.phase_ends import finding

GOES_ON = Decision(phase="cambrian", generation=1, kind="continue", reason="calm")


def in_cambrian(config: RunConfig) -> RunState:
    """The state at the first generation of Cambrian."""
    states = drive(
        config,
        MemoryEngine(),
        until=lambda one: one.stage == "generation" and one.phase_index == 2,
    )
    return states[-1]


def test_a_withheld_stagnation_does_not_let_the_population_grow() -> None:
    plain = make_config(budget=8000)
    withheld = make_config(budget=8000, evolution={"withheld": ("stagnation",)})
    state, still = in_cambrian(plain), [finding("stagnation")]
    _, grown = resize(state, plain, GOES_ON, still)
    _, left = resize(state, withheld, GOES_ON, still)
    assert [one.setting for one in grown.adjustments] == ["population"]
    assert left == GOES_ON
