"""Faults that are really there: real training, the product's stages, and what they find."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from benchmarks.faults.cases import CASES, Arm
from benchmarks.faults.course import Course, run_course
from trainer.demo_corpus import write_demo_corpus

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PLANTED = 2
BUDGET = 800
"""Member-steps: about six generations, of which the last four have the fault."""
LONGER = 1800
"""So many that an answer comes before the search ends."""

Runs = Callable[..., Course]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The run of a finding's case in one arm, with its fault or without, made once."""
    corpus = tmp_path_factory.mktemp("corpus") / "demo.txt"
    write_demo_corpus(corpus, 60_000)

    @cache
    def made(finding: str, arm: Arm, faulty: bool, budget: int = BUDGET) -> Course:
        case = next(one for one in CASES if one.finding == finding)
        faults = case.faults if faulty else ()
        short = replace(case, planted=PLANTED, budget=budget, faults=faults)
        return run_course(short, corpus, tmp_path_factory.mktemp("run") / "open", 0, arm)

    return made


@pytest.mark.parametrize("finding", ["memorisation", "complexity"])
def test_a_planted_fault_is_found_and_a_sound_run_is_not_accused(finding: str, runs: Runs) -> None:
    assert min(runs(finding, "own", True).found(finding), default=-1) >= PLANTED
    assert runs(finding, "own", False).found(finding) == []


def test_runs_are_the_same_until_the_fault_is_planted(runs: Runs) -> None:
    faulty, sound = (runs("memorisation", "own", there).generations for there in (True, False))
    for before, same in zip(faulty[:PLANTED], sound[:PLANTED], strict=True):
        assert (before.bits_per_byte, before.findings) == (same.bits_per_byte, same.findings)
    assert faulty[PLANTED].findings != sound[PLANTED].findings


@pytest.mark.soak
def test_an_answer_that_is_withheld_changes_nothing(runs: Runs) -> None:
    answered, withheld = (runs("complexity", arm, True, LONGER) for arm in ("own", "none"))
    assert any(one.adjustments for one in answered.generations)
    assert not any(one.adjustments for one in withheld.generations)
    assert withheld.found("complexity")
