"""A phase that takes too long, by the pace before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config import EngineConfig
from orchestrator.run_state import RunState
from orchestrator.slowness.watchdog import Place, Watchdog, place_of, planned_seconds, watch
from orchestrator.stages.conclusion import Event
from state.records import PhaseName
from tests.builders import make_config, make_state

NAMES: tuple[PhaseName, ...] = ("abiogenesis", "primordial", "cambrian", "oxidation")


def place(number: int, settled: int, allotted: int = 1000, way: str = "alike") -> Place:
    return Place(
        phase=NAMES[number],
        number=number,
        way=way,
        allotted=allotted,
        settled=settled,
        generation=number,
    )


def watched(*looks: tuple[float, Place | None]) -> tuple[Watchdog, list[Event]]:
    """A watchdog after looks at (wall seconds, place), and all that it said."""
    dog, said = Watchdog(), list[Event]()
    for seconds, where in looks:
        dog, events = watch(dog, where, seconds)
        said += events
    return dog, said


def first_phase(seconds: float = 100.0) -> tuple[tuple[float, Place], ...]:
    """1,000 steps in so many seconds."""
    return (0.0, place(0, 0)), (seconds, place(0, 1000))


def test_the_first_phase_has_no_plan() -> None:
    _, said = watched(*first_phase(seconds=1e6))
    assert said == []


def test_a_phase_in_its_time_is_not_reported() -> None:
    looks = [(100.0 + seconds, place(1, seconds)) for seconds in range(0, 200, 10)]
    _, said = watched(*first_phase(), *looks)
    assert said == []


def test_a_phase_over_twice_its_plan_is_reported_once_with_the_numbers() -> None:
    looks = [(100.0 + seconds, place(1, 400)) for seconds in (199, 201, 300, 900)]
    dog, said = watched(*first_phase(), (100.0, place(1, 0)), *looks)
    (event,) = said
    assert event.kind == "phase_slow"
    assert event.data == {
        "phase": "primordial",
        "generation": 1,
        "elapsed_seconds": 201.0,
        "planned_seconds": 100.0,
        "steps": 400,
        "planned_steps": 1000,
    }
    assert len(dog.late) == 1


def test_a_delay_of_less_than_a_minute_is_not_reported() -> None:
    first = (0.0, place(0, 0)), (1.0, place(0, 1000))
    _, said = watched(*first, (1.0, place(1, 0)), (61.9, place(1, 500)))
    assert said == []
    _, said = watched(*first, (1.0, place(1, 0)), (62.1, place(1, 500)))
    assert [event.kind for event in said] == ["phase_slow"]


def test_the_report_holds_how_long_the_phase_took_in_the_end() -> None:
    dog, _ = watched(
        *first_phase(),
        (100.0, place(1, 0)),
        (400.0, place(1, 500)),
        (700.0, place(1, 1000)),
        (750.0, place(2, 0)),
    )
    assert dog.late[0].elapsed_seconds == 650.0


def test_a_slow_phase_slows_the_pace_of_those_after_it() -> None:
    dog, _ = watched(*first_phase(), (100.0, place(1, 0)), (1100.0, place(1, 1000)), (1100.0, None))
    assert planned_seconds(dog.paces, "alike", 1000) == pytest.approx(550.0)


def test_another_way_of_training_has_a_pace_of_its_own() -> None:
    host = place(1, 0, way="single model")
    dog, said = watched(*first_phase(), (100.0, host), (1e6, host))
    assert said == []
    dog, _ = watch(dog, None, 1e6)
    assert {one.way for one in dog.paces} == {"alike", "single model"}


def test_steps_that_a_phase_was_given_later_are_in_its_plan() -> None:
    longer = place(1, 900, allotted=3000)
    _, said = watched(*first_phase(), (100.0, place(1, 0)), (390.0, longer))
    assert said == []


def test_a_phase_that_is_begun_again_in_an_extended_run_counts_its_new_steps() -> None:
    again = place(1, 1000, allotted=3000)
    dog, said = watched(
        *first_phase(),
        (100.0, place(1, 0)),
        (200.0, place(1, 1000)),
        (200.0, None),
        (200.0, again),
        (590.0, again),
    )
    assert said == []
    _, late = watch(dog, again, 610.0)
    assert late[0].data["planned_seconds"] == 200.0


def test_between_the_last_phase_and_the_end_nothing_is_watched() -> None:
    config = make_config()
    assert place_of(make_state(config).model_copy(update={"phase_index": 6}), config) is None
    done: RunState = make_state(config).model_copy(update={"status": "finished"})
    assert place_of(done, config) is None


@pytest.mark.parametrize(
    ("engine", "ways"),
    [
        (EngineConfig(engine="inline", host_threads=1), {"alike"}),
        (EngineConfig(engine="ray", workers=1, host_threads=1), {"alike"}),
        (EngineConfig(engine="inline", host_threads=4), {"members", "single model"}),
        (EngineConfig(engine="ray", workers=4, host_threads=1), {"members", "single model"}),
    ],
)
def test_members_and_single_models_are_compared_only_where_they_train_alike(
    engine: EngineConfig, ways: set[str]
) -> None:
    config = make_config(engine=engine.model_dump())
    states = [make_state(config).model_copy(update={"phase_index": n}) for n in range(6)]
    places = [place_of(state, config) for state in states]
    assert {one.way for one in places if one} == ways


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 5), st.integers(0, 3)), max_size=30),
    st.integers(0, 2),
)
def test_no_phase_is_reported_twice(looks: list[tuple[float, int, int]], restarts: int) -> None:
    seconds, settled, number, told = 0.0, 0, 0, 0
    dog = Watchdog()
    said: list[Event] = []
    for wait, steps, moves in looks:
        seconds, settled = seconds + wait, settled + steps
        if moves == 3 and number < 3:
            number, settled = number + 1, 0
        dog, events = watch(dog, place(number, settled), seconds)
        dog = Watchdog.model_validate_json(dog.model_dump_json())
        said += events
        told += len(events)
    phases = [event.data["phase"] for event in said]
    assert len(phases) == len(set(phases)) == len(dog.late) == told
