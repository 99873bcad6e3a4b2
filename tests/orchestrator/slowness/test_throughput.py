"""A collapse of throughput, generation by generation."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.slowness.throughput import Throughput, close_generation, observe_members
from orchestrator.stages.conclusion import Event
from state.records import PhaseName, StepMetrics
from state.results import EvaluationResult, Outcome, TrainingResult
from state.seeds import generator
from state.tasks import EvaluationTask
from tests.builders import GELU
from tests.task_builders import make_training_task

USUAL = 7000.0
STEPS = 30
PHASE: PhaseName = "cambrian"


def speeds_of(level: float, name: str, *, noise: float = 0.1, steps: int = STEPS) -> list[float]:
    """Tokens per second of a member's steps, log-normal."""
    draws = generator(0, name).standard_normal(steps)
    return [float(level * np.exp(noise * draw)) for draw in draws]


def rows_of(name: str, speeds: Sequence[float]) -> tuple[StepMetrics, ...]:
    return tuple(
        StepMetrics(
            phase=PHASE,
            generation=1,
            member_id=name,
            step=step,
            loss=2.0,
            learning_rate=0.001,
            grad_norm=1.0,
            clip_coef=1.0,
            clip_pct=0.0,
            skipped=False,
            tokens_per_sec=speed,
            ms_per_step=1.0,
        )
        for step, speed in enumerate(speeds, start=1)
    )


def generation(
    before: Throughput,
    number: int,
    members: Sequence[Sequence[float]],
    *,
    threads: int = 1,
    phase: PhaseName = PHASE,
) -> tuple[Throughput, tuple[Event, ...]]:
    """One generation of members with these speeds."""
    names = [f"g{number}-{index}" for index in range(len(members))]
    tasks = [make_training_task(task_id=name, threads=threads, phase=phase) for name in names]
    outcomes = [
        Outcome(result=TrainingResult(task_id=name, status="trained"), rows=rows_of(name, speeds))
        for name, speeds in zip(names, members, strict=True)
    ]
    return close_generation(observe_members(before, tasks, outcomes), number)


def played(
    levels: Sequence[float], *, members: int = 4, noise: float = 0.1
) -> tuple[Throughput, list[Event]]:
    """Generations whose members all have one level, after two usual ones."""
    state, said = Throughput(), list[Event]()
    for number, level in enumerate((USUAL, USUAL, *levels)):
        names = [f"{number}/{index}" for index in range(members)]
        speeds = [speeds_of(level, name, noise=noise) for name in names]
        state, events = generation(state, number, speeds)
        said += events
    return state, said


def kinds(said: Sequence[Event]) -> list[str]:
    return [event.kind for event in said]


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
def test_a_steady_run_is_never_reported(noise: float) -> None:
    _, said = played([USUAL] * 50, noise=noise)
    assert said == []


@pytest.mark.parametrize("members", [1, 4, 12])
def test_the_originals_collapse_is_seen_in_its_first_generation(members: int) -> None:
    """7,000 to 2,600 tokens a second."""
    _, said = played([USUAL, 2600.0], members=members)
    assert kinds(said) == ["throughput_collapse"]
    assert said[0].data["generation"] == 3
    assert said[0].data["alarmed"] == said[0].data["members"] == members
    assert said[0].data["tokens_per_sec"] == pytest.approx(2600, rel=0.1)
    assert said[0].data["usual_tokens_per_sec"] == pytest.approx(7000, rel=0.1)


def test_a_chunk_of_hundreds_of_steps_does_not_get_used_to_a_collapse() -> None:
    founded, _ = played([], members=1)
    chunk = speeds_of(0.5 * USUAL, "host", steps=1000)
    _, said = generation(founded, 2, [chunk])
    assert kinds(said) == ["throughput_collapse"]


def test_formulas_that_cost_a_fifth_more_are_no_collapse() -> None:
    _, said = played([0.8 * USUAL] * 10)
    assert said == []


def test_a_collapse_is_said_once_until_it_recovers() -> None:
    state, said = played([2600.0, 2600.0, USUAL, USUAL, 2600.0])
    collapse, recovery = "throughput_collapse", "throughput_recovered"
    assert kinds(said) == [collapse, recovery, collapse]
    (told,) = state.collapses
    assert (told.generation, told.times) == (2, 2)


def test_half_of_the_members_are_no_collapse_and_one_more_is() -> None:
    founded, _ = played([])
    for slow, expected in ((2, []), (3, ["throughput_collapse"])):
        levels = [2600.0] * slow + [USUAL] * (4 - slow)
        speeds = [speeds_of(level, f"{index}") for index, level in enumerate(levels)]
        _, said = generation(founded, 2, speeds)
        assert kinds(said) == expected


@pytest.mark.parametrize(
    ("slow", "collapses"),
    [(range(6), False), (range(20, 30), False), (range(12), False), (range(8, 30), True)],
)
def test_only_what_lasts_most_of_a_members_steps_and_to_the_last_is_a_collapse(
    slow: range, collapses: bool
) -> None:
    founded, _ = played([])
    burst = [2000.0 if step in slow else USUAL for step in range(STEPS)]
    _, said = generation(founded, 2, [burst] * 4)
    assert kinds(said) == ["throughput_collapse"] * collapses


def test_a_last_step_at_the_usual_speed_is_no_recovery() -> None:
    state, _ = played([2600.0])
    for last, expected in ((8, []), (20, ["throughput_recovered"])):
        speeds = [*([2600.0] * (STEPS - last)), *([USUAL] * last)]
        _, said = generation(state, 3, [speeds] * 4)
        assert kinds(said) == expected


def test_members_are_compared_with_those_of_as_many_threads() -> None:
    founded, _ = played([])
    slower = [speeds_of(2600.0, "host")]
    for number in range(2, 6):
        founded, said = generation(founded, number, slower, threads=4)
        assert said == ()
    assert [one.threads for one in founded.usual] == [1, 4]


def test_another_phase_learns_what_is_usual_anew() -> None:
    state, said = played([2600.0])
    for number in range(3, 8):
        slow = [speeds_of(2600.0, f"{number}")] * 3
        state, events = generation(state, number, slow, phase="oxidation")
        said += events
    assert kinds(said) == ["throughput_collapse"]
    assert [one.phase for one in state.collapses] == ["cambrian"]


def test_what_trains_nothing_or_has_no_speed_is_no_member() -> None:
    task = EvaluationTask(
        task_id="e", genome=GELU, checkpoint=None, init_seed=0, splits=("search",)
    )
    outcome = Outcome(result=EvaluationResult(task_id="e"))
    assert observe_members(Throughput(), [task], [outcome]) == Throughput()
    still = Outcome(
        result=TrainingResult(task_id="m", status="trained"), rows=rows_of("m", [0.0, 0.0])
    )
    unmoved = observe_members(Throughput(), [make_training_task(task_id="m")], [still])
    assert unmoved == Throughput()


@given(
    st.lists(
        st.lists(st.lists(st.floats(0, 1e12), max_size=12), max_size=4), min_size=1, max_size=8
    )
)
def test_collapse_and_recovery_take_turns_and_the_state_survives_its_json(
    members: list[list[list[float]]],
) -> None:
    state, said = Throughput(), list[Event]()
    for number, speeds in enumerate(members):
        state, events = generation(state, number, speeds)
        state = Throughput.model_validate_json(state.model_dump_json())
        said += events
    expected = ["throughput_collapse", "throughput_recovered"] * len(members)
    assert kinds(said) == expected[: len(said)]
    assert state.judged == ()
    assert state.has_collapsed == (len(said) % 2 == 1)
