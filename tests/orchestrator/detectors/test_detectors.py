"""Each detector sees the fault that it is for, and nothing where there is none."""

from orchestrator.detectors import (
    collapse,
    host_overfitting,
    instability,
    memorisation,
    stagnation,
)
from orchestrator.detectors.evidence import Evidence, MemberEvidence
from orchestrator.detectors.panel import inspect_all, total_severity
from state.records import Role


def member(role: Role = "champion", **changes: object) -> MemberEvidence:
    calm = {
        "member_id": f"g1-l0-{role}",
        "lineage": 0,
        "role": role,
        "train_loss": 3.0,
        "search_loss": 3.3,
        "steps": 20,
        "skipped_steps": 0,
    }
    return MemberEvidence.model_validate({**calm, **changes})


def history(*pairs: tuple[float, float]) -> Evidence:
    entries = tuple((step, search, train) for step, (search, train) in enumerate(pairs))
    return Evidence(host_history=entries)


def test_a_host_whose_search_loss_rises_while_it_learns_overfits() -> None:
    rising = [(1.8, 3.0), (1.81, 2.9), (1.83, 2.8), (1.84, 2.7), (1.86, 2.6)]
    finding = host_overfitting.inspect(history(*rising))
    assert finding is not None
    assert finding.value > finding.limit
    assert "rise by 0.0150" in finding.reason


def test_a_host_that_improves_or_diverges_does_not_overfit() -> None:
    improving = [(1.9 - 0.02 * n, 3.0 - 0.1 * n) for n in range(5)]
    diverging = [(1.9 + 0.02 * n, 3.0 + 0.1 * n) for n in range(5)]
    assert host_overfitting.inspect(history(*improving)) is None
    assert host_overfitting.inspect(history(*diverging)) is None
    assert host_overfitting.inspect(history(*diverging[:4])) is None


def test_a_candidate_that_memorises_is_named() -> None:
    greedy = member("challenger", member_id="g1-l0-c01", train_loss=2.5)
    finding = memorisation.inspect(Evidence(members=(member(), greedy)))
    assert finding is not None
    assert finding.reason.startswith("g1-l0-c01 has 1.20 times")


def test_a_candidate_is_measured_against_its_own_lineage() -> None:
    champion = member(train_loss=2.5)
    like_it = member("challenger", train_loss=2.5)
    elsewhere = member("champion", lineage=1, train_loss=3.3)
    assert memorisation.inspect(Evidence(members=(champion, elsewhere, like_it))) is None


def test_a_population_of_one_genome_has_collapsed() -> None:
    finding = collapse.inspect(Evidence(distance=0.9, num_distinct=2, population=10))
    assert finding is not None
    assert finding.reason == "2 distinct genomes among 10"


def test_a_population_that_has_drawn_together_twice_running_has_collapsed() -> None:
    near = Evidence(distance=0.1, distance_history=(0.9, 0.11, 0.1), num_distinct=8, population=10)
    finding = collapse.inspect(near)
    assert finding is not None
    assert (finding.value, finding.limit) == (0.11, 0.12)
    for history in ((0.1,), (0.9, 0.13, 0.1), (0.1, 0.1, 0.13)):
        assert collapse.inspect(near.model_copy(update={"distance_history": history})) is None


def test_a_handful_of_members_is_too_few_to_have_collapsed() -> None:
    few = Evidence(distance=0.1, distance_history=(0.1, 0.1), num_distinct=2, population=4)
    assert collapse.inspect(few) is None


def test_skipped_steps_of_champions_are_instability_and_those_of_challengers_are_not() -> None:
    assert instability.inspect(Evidence(members=(member(skipped_steps=6),))) is not None
    wild = member("challenger", skipped_steps=6)
    assert instability.inspect(Evidence(members=(member(), wild))) is None


def test_standing_still_is_stagnation_without_severity() -> None:
    still = Evidence(
        best_history=(2.0, 1.99, 1.99, 1.985),
        steps_history=(100, 200, 300, 400),
        allotted=2000,
    )
    finding = stagnation.inspect(still)
    assert finding is not None
    assert finding.severity == 0
    moving = still.model_copy(update={"best_history": (2.4, 2.2, 2.0, 1.9)})
    assert stagnation.inspect(moving) is None


def test_no_new_best_for_a_quarter_of_the_phase_is_stagnation() -> None:
    waiting = Evidence(
        best_history=(1.5, 2.0, 2.0, 2.0),
        steps_history=(100, 200, 300, 400),
        allotted=1000,
    )
    finding = stagnation.inspect(waiting)
    assert finding is not None
    assert finding.reason == "no new best for 300 steps"


def test_nothing_is_found_where_nothing_is_known() -> None:
    assert inspect_all(Evidence()) == ()
    assert total_severity(()) == 0
