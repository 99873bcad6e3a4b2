"""What can be said of several runs."""

import numpy as np
import pytest

from orchestrator.analysis.compare.facts import RunFacts
from orchestrator.analysis.compare.seed_groups import against_the_best, seed_groups, t_interval
from orchestrator.analysis.compare.verdict import judge
from tests.comparison_builders import make_facts, make_manifest, measured

BITS = np.random.default_rng(0).uniform(1, 3, size=64)


def said(*runs: RunFacts) -> str:
    return " ".join(judge(runs).sentences)


def test_the_better_run_is_named_with_its_lead() -> None:
    slower = {"optimizer": {"lr": 0.001}}
    verdict = judge([make_facts("a", BITS + 0.02), make_facts("b", BITS, settings=slower)])
    text = " ".join(verdict.sentences)
    assert "b is better than a by 0.0200 bits per byte of the test text: shown" in text
    assert "95 % interval +0.0200 to +0.0200, paired over 64 stretches" in text
    assert "One seed of each" in text
    assert [one.run for one in verdict.standings] == ["b", "a"]
    assert verdict.source == "test"


def test_equal_runs_are_not_told_apart() -> None:
    assert "Not shown that one is better" in said(make_facts("a", BITS), make_facts("b", BITS))


def test_other_text_is_not_compared_and_the_reason_is_given() -> None:
    other = make_facts("b", BITS, manifest=make_manifest("b"))
    verdict = judge([make_facts("a", BITS), other])
    assert (verdict.source, verdict.standings) == (None, ())
    assert "the test text is not the same bytes (a atest; b btest)" in verdict.sentences[0]


def test_a_run_that_goes_on_is_compared_on_the_search_split() -> None:
    going = make_facts("a", BITS, test=None, finished=False, spent=40)
    verdict = judge([going, make_facts("b", BITS + 0.1)])
    text = " ".join(verdict.sentences)
    assert verdict.source == "search"
    assert "a has no test figure, so this is the search split" in text
    assert "a is better than b by 0.1000" in text
    assert "They had not the same budget: a 40 steps; b 100 steps." in text
    nothing = make_facts("c", BITS, test=None, search=None)
    assert "c has kept no model yet" in said(going, nothing)


def test_what_was_measured_again_is_said_to_be_that() -> None:
    runs = [make_facts("a", BITS), make_facts("b", BITS)]
    again = {"a": measured(BITS + 0.1, "search").blocks, "b": measured(BITS, "search").blocks}
    verdict = judge(runs, again)
    assert verdict.source == "search, measured again"
    assert "b is better than a by 0.1000 bits per byte of the search text" in verdict.sentences[0]


def test_of_many_runs_the_best_is_shown_against_some() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, size=64)
    text = said(
        make_facts("a", BITS),
        make_facts("b", BITS + abs(noise.mean()) + 0.001 + noise - noise.mean()),
        make_facts("c", BITS + 0.5),
    )
    assert "a has the fewest bits per byte of the test text" in text
    assert "shown to be better than c; not shown to be better than b" in text


def seeds(gaps: list[float]) -> list[RunFacts]:
    runs: list[RunFacts] = []
    for seed, gap in enumerate(gaps):
        level = 0.3 * seed
        runs.append(make_facts(f"a{seed}", BITS + level, seed=seed))
        changed = {"optimizer": {"lr": 0.01, "warmup": 20}}
        runs.append(make_facts(f"b{seed}", BITS + level + gap, seed=seed, settings=changed))
    return runs


def test_settings_are_compared_in_pairs_of_equal_seeds() -> None:
    verdict = judge(seeds([0.1, 0.11, 0.12]))
    first, second = verdict.groups
    assert first.runs == ("a0", "a1", "a2")
    assert (first.settings, second.settings) == ("optimizer.lr 0.006", "optimizer.lr 0.01")
    mean = BITS.mean()
    assert first.mean == pytest.approx(mean + 0.3)
    assert first.deviation == pytest.approx(0.3)
    (gap,) = verdict.group_differences
    assert (gap.pairs, gap.shown) == (3, "worse")
    assert gap.bits_per_byte == pytest.approx(0.11)
    assert gap.interval is not None
    # t of 2 degrees of freedom, 97.5 %: 4.3027.
    assert gap.interval.high == pytest.approx(0.11 + 4.3027 * 0.01 / 3**0.5, abs=1e-5)
    assert "is worse than A" in " ".join(verdict.sentences)


def test_two_seeds_are_too_few() -> None:
    verdict = judge(seeds([0.1, 0.1]))
    (gap,) = verdict.group_differences
    assert (gap.interval, gap.shown) == (None, "no")
    assert "Too few seeds to say which is better: over 2 pairs" in " ".join(verdict.sentences)


def test_seeds_that_are_not_shared_make_no_pairs() -> None:
    changed = {"optimizer": {"lr": 0.01, "warmup": 20}}
    runs = [make_facts("a0", BITS), make_facts("a1", BITS, seed=1)]
    runs.append(make_facts("b", BITS, seed=2, settings=changed))
    assert "share no seed" in said(*runs)


def test_the_same_run_twice_counts_once() -> None:
    runs = [make_facts("a", BITS), make_facts("b", BITS)]
    (group,) = seed_groups(runs, {"a": 2.0, "b": 5.0})
    assert group.bits_by_seed == {0: 2.0}
    assert group.deviation is None
    assert against_the_best([group]) == []


def test_a_fork_that_is_not_finished_is_not_the_same_run_again() -> None:
    runs = [make_facts("a", BITS), make_facts("fork", BITS, finished=False, spent=3)]
    for order in (runs, runs[::-1]):
        groups = seed_groups(order, {"a": 2.0, "fork": 5.0})
        assert sorted(group.mean for group in groups) == [2.0, 5.0]


def test_another_text_is_another_group() -> None:
    runs = [make_facts("a", BITS), make_facts("b", BITS, manifest=make_manifest(inputs="b"))]
    assert len(seed_groups(runs, {"a": 1.0, "b": 1.0})) == 2


def test_a_t_interval_is_the_textbooks() -> None:
    found = t_interval([1.0, 2.0, 3.0, 4.0], 0.95)
    assert (found.low, found.high) == pytest.approx((0.4457, 4.5543), abs=1e-4)
