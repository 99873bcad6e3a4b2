"""Each part of the search can be left out, and is missed where it was."""

from collections.abc import Iterator

import pytest

from orchestrator.run_state import Proposal, RunState
from orchestrator.stages.dispatch import stage_of
from state.genome import is_gated
from state.records import Genome
from tests.builders import make_config, make_state
from tests.memory_runs import MemoryEngine, worked


def gated_is_better(genome: Genome) -> float:
    return 0.3 if is_gated(genome) else 0.0


class Searched:
    """A run up to its merger."""

    def __init__(self, **parts: object) -> None:
        self.config = make_config(budget=6000, evolution={"parts": parts})
        self.engine = MemoryEngine(quality=gated_is_better)
        self.states = list(self._states())

    def _states(self) -> Iterator[RunState]:
        """Each with the open work of its stage done."""
        state = make_state(self.config)
        while state.stage != "symbiosis":
            done = worked(self.config, self.engine, state)
            yield done
            state = stage_of(done, self.config).conclude(done, self.config).state

    @property
    def proposals(self) -> list[Proposal]:
        """Challengers, Abiogenesis left out."""
        works = [state.work for state in self.states if state.phase_index > 0 and state.work]
        return [one for work in works for one in work.proposals]

    @property
    def exchanged(self) -> list[Proposal]:
        """Challengers that come from two lineages, or from another one."""
        ways = ("migrate", "crossover", "graft")
        return [one for one in self.proposals if one.operator.startswith(ways)]

    @property
    def confirmations(self) -> int:
        """Second runs of champions and contenders."""
        return sum(task.task_id.endswith("-confirm") for task in self.engine.trained())

    @property
    def morphs(self) -> set[bool]:
        """Whether challengers had a morph."""
        tasks = [task for task in self.engine.trained() if task.role == "challenger"]
        return {task.morph_steps > 0 for task in tasks}


@pytest.fixture(scope="module")
def whole() -> Searched:
    """A run with every part."""
    return Searched()


@pytest.fixture(scope="module")
def bare() -> Searched:
    """A run that has a search and nothing around it."""
    return Searched(migration=False, synchrony=False, morph=False, noise_test=False)


def test_lineages_that_exchange_nothing_have_children_of_their_own_alone(
    whole: Searched, bare: Searched
) -> None:
    assert whole.exchanged
    assert bare.proposals
    assert not bare.exchanged


def test_without_synchrony_no_lineage_is_an_oscillator(whole: Searched, bare: Searched) -> None:
    assert any(state.oscillators for state in whole.states)
    assert not any(state.oscillators for state in bare.states)


def test_without_a_morph_a_new_activation_is_there_at_once(whole: Searched, bare: Searched) -> None:
    assert whole.morphs == {True}
    assert bare.morphs == {False}


def test_without_the_noise_test_nothing_is_run_twice_and_more_is_accepted(
    whole: Searched, bare: Searched
) -> None:
    assert whole.confirmations
    assert not bare.confirmations
    assert bare.states[-1].counts.accepted > whole.states[-1].counts.accepted


def test_a_random_search_draws_nothing_from_a_champion() -> None:
    found = Searched(search="random")
    assert found.proposals
    assert all(one.operator.endswith("at random") for one in found.proposals)


def test_a_run_that_searches_nothing_trains_its_lineages() -> None:
    found = Searched(search="none")
    trained = found.engine.trained()
    assert {task.role for task in trained} == {"champion"}
    assert len({task.genome for task in trained}) == 1
    last = found.states[-1]
    assert "evolution.parts.search is none" in last.summaries[-1].note
