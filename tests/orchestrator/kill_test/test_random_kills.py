"""When a run is killed, and what is counted."""

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.kill_test.instruments import Step, cost
from orchestrator.kill_test.random_kills import KILLS_OF_A_RUN, Reference, plan
from state.run_folder import RunFolder


def step(pid: int, at: float, number: int) -> Step:
    return Step(pid, at, ("1", "member", str(number)))


STEPS = [step(7, 1.0, 1), step(7, 2.0, 2), step(7, 3.0, 3), step(8, 5.0, 2), step(8, 6.0, 3)]


def test_steps_done_again_are_counted_and_the_first_new_one_is_found() -> None:
    found = cost([*STEPS, step(8, 7.0, 4)], begin=3, end=6, dead={7})
    assert found == (2, 7.0)
    assert cost(STEPS, begin=3, end=5, dead={7}).first_new_at is None


def test_what_an_orphan_still_does_is_not_the_work_of_its_successor() -> None:
    steps = [*STEPS, step(7, 6.5, 4), step(8, 7.0, 4), step(8, 8.0, 5)]
    assert cost(steps, begin=3, end=8, dead={7}) == (3, 8.0)


REFERENCE = Reference("ray", RunFolder(Path("base")), {}, 4.0, 20.0)


@given(st.integers(0, 1000), st.integers(1, KILLS_OF_A_RUN))
def test_a_plan_fits_into_the_run_and_never_takes_two_workers_in_a_row(
    seed: int, kills: int
) -> None:
    hits = list(plan(seed, kills, REFERENCE))
    assert hits == list(plan(seed, kills, REFERENCE))
    assert len(hits) == kills
    assert sum(hit.seconds for hit in hits if not hit.starting) <= 20.0
    assert all(hit.seconds <= 4.0 for hit in hits if hit.starting)
    victims = [hit.victim for hit in hits]
    assert ("worker", "worker") not in pairwise(victims)


def test_plans_hold_every_victim_and_kills_while_starting() -> None:
    hits = [hit for seed in range(20) for hit in plan(seed, KILLS_OF_A_RUN, REFERENCE)]
    assert {hit.victim for hit in hits} == {"controller", "worker", "tree"}
    assert any(hit.starting for hit in hits)
    alone = [
        hit for seed in range(20) for hit in plan(seed, 5, REFERENCE._replace(engine="inline"))
    ]
    assert {hit.victim for hit in alone} == {"controller"}
