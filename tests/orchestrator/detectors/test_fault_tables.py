"""The tables of the planted faults, from runs that are written down by hand."""

from collections.abc import Sequence

import pytest

from benchmarks.faults.cases import CASES, Arm, configuration
from benchmarks.faults.course import Course, Generation
from benchmarks.faults.figure import Told, shares_with
from benchmarks.faults.tables import (
    ablation_rows,
    bits_between,
    cleared_after,
    comes_back,
    delay_of,
    detection_rows,
    lines,
    open_share,
)
from orchestrator.adaptation import RESPONSES
from state.detector_names import DETECTOR_NAMES
from state.records import Finding

COLLAPSED = next(case for case in CASES if case.finding == "collapse")


def course(
    found: Sequence[int],
    *,
    generations: int = 10,
    arm: Arm = "own",
    bits: float = 2.0,
    case: str = COLLAPSED.name,
    seed: int = 0,
) -> Course:
    """A run with the finding `collapse` in the generations of `found`, planted in its fourth."""
    finding = Finding(detector="collapse", severity=0.3, reason="", value=0.1, limit=0.3)
    return Course(
        case=case,
        seed=seed,
        arm=arm,
        planted=3,
        generations=tuple(
            Generation(
                findings=(finding,) if number in found else (),
                decision="continue",
                bits_per_byte=(bits + 0.01 * (generations - number), 9.0),
            )
            for number in range(generations)
        ),
    )


def test_a_finding_before_the_fault_is_no_detection() -> None:
    assert delay_of(course([1]), "collapse") is None
    assert delay_of(course([1, 5, 6]), "collapse") == 2
    assert delay_of(course([3]), "collapse") == 0


def test_another_finding_is_no_detection() -> None:
    assert delay_of(course([5]), "stagnation") is None


def test_a_finding_clears_in_the_first_generation_without_it() -> None:
    assert cleared_after(course([4, 5, 7]), "collapse") == 2


def test_a_finding_that_is_there_again_has_come_back() -> None:
    assert comes_back(course([4, 5, 7]), "collapse")
    assert not comes_back(course([1, 4, 5]), "collapse")


def test_a_finding_that_stays_to_the_end_never_clears() -> None:
    assert cleared_after(course(range(4, 10)), "collapse") == -1


def test_a_finding_is_open_in_a_share_of_what_follows_its_first_generation() -> None:
    assert open_share(course([5]), "collapse") == 0
    assert open_share(course([5, 6]), "collapse") == pytest.approx(1 / 4)
    assert open_share(course(range(5, 10)), "collapse") == 1


def test_a_fault_that_grows_on_its_own_is_late_from_the_best_generation_on() -> None:
    grown = course([6])
    bits = (2.0, 1.9, 1.8, 1.7, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1)
    generations = tuple(
        one.model_copy(update={"bits_per_byte": (value,)})
        for one, value in zip(grown.generations, bits, strict=True)
    )
    grown = grown.model_copy(update={"generations": generations})
    assert delay_of(grown, "collapse", from_best=True) == 2


def test_runs_are_compared_by_their_best_lineage_at_their_ends() -> None:
    assert bits_between(course([4], bits=1.9), course([4], arm="none")) == pytest.approx(-0.1)


def test_healthy_runs_give_the_false_alarms() -> None:
    courses = [
        course([4]),
        course([], seed=1),
        course([2, 7], arm="all", case="healthy search"),
        course([], arm="all", case="healthy search", seed=1),
        course([1], arm="all", case="healthy host"),
    ]
    row = next(one for one in detection_rows(courses) if one.finding == "collapse")
    assert (row.runs, row.detected, row.delays) == (2, 1, (1,))
    assert (row.false_alarms, row.healthy_generations) == (2, 20)
    assert (row.false_runs, row.healthy_runs) == (1, 2)


def test_an_ablation_pairs_runs_of_one_seed() -> None:
    courses = [
        course([4, 5], bits=1.9),
        course(range(4, 10), arm="none"),
        course([], seed=1),
        course([4], seed=1, arm="none"),
        course([4], seed=2),
    ]
    (row,) = ablation_rows(courses)
    assert (row.pairs, row.answered, row.withheld) == (1, (2,), (-1,))
    assert row.open_answered < row.open_withheld == 1
    assert not any((*row.back_answered, *row.back_withheld))
    assert row.bits == pytest.approx((-0.1,))


def test_a_table_is_markdown_of_equal_width() -> None:
    table = lines(detection_rows([course([4])]))
    assert len({line.count("|") for line in table}) == 1
    assert "| collapse |" in next(line for line in table if "collapse" in line)


def test_the_figure_counts_only_the_runs_that_go_on() -> None:
    told: list[Told] = [
        {"case": "", "arm": "own", "planted": 1, "generations": 4, "found": {"collapse": [1, 3]}},
        {"case": "", "arm": "own", "planted": 1, "generations": 2, "found": {}},
    ]
    assert shares_with("collapse", told) == [0.5, 0.0, 1.0]


def test_every_finding_is_planted() -> None:
    assert {case.finding for case in CASES} >= set(DETECTOR_NAMES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_the_arms_differ_in_what_is_answered_alone(case, tmp_path) -> None:  # type: ignore[no-untyped-def]
    told = {
        arm: configuration(case, tmp_path / "text", tmp_path, 0, arm) for arm in ("all", *case.arms)
    }
    assert not told["all"].evolution.withheld
    for arm, config in told.items():
        answered = set(RESPONSES) - set(config.evolution.withheld)
        assert answered == {"all": set(RESPONSES), "own": {case.finding}, "none": set()}[arm] & set(
            RESPONSES
        )
        plain = config.evolution.model_copy(update={"withheld": ()})
        assert config.model_copy(update={"evolution": plain}) == told["all"]
