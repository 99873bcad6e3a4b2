"""Bootstrap intervals of composites and of their differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.intervals import interval, shortfall
from inference_battery.score import composite
from state.records import BatteryReport, ProbeScore, SampleKind
from state.seeds import generator

NUM_PLAIN, NUM_ODD = 20, 6
PLAIN: SampleKind = "plain"
ODD: SampleKind = "typos"
KINDS = (PLAIN,) * NUM_PLAIN + (ODD,) * NUM_ODD
PLAIN_PROBES = ("fluency", "relevance", "novelty")


def report(level: float, *, seed: int = 0, spread: float = 0.2, asked: str = "a") -> BatteryReport:
    """Every prompt's scores are drawn around `level`."""
    rng = generator(seed, "report")
    plain, odd = [1.0] * NUM_PLAIN + [0.0] * NUM_ODD, [0.0] * NUM_PLAIN + [1.0] * NUM_ODD
    columns = {name: np.array(plain) * 80 for name in PLAIN_PROBES} | {"robustness": np.array(odd)}
    probes = []
    for name, weights in columns.items():
        scores = np.clip(level + spread * (rng.random(len(weights)) - 0.5), 0, 1)
        total = float((scores * weights).sum() / weights.sum())
        pairs = zip((scores * weights).tolist(), weights.tolist(), strict=True)
        probes.append(ProbeScore(name=name, score=total, by_prompt=tuple(pairs)))
    return BatteryReport(
        phase="control",
        generation=0,
        version=2,
        composite=composite({probe.name: probe.score for probe in probes}),
        probes=tuple(probes),
        samples=(),
        tokens_per_sec=0.0,
        kinds=KINDS,
        asked=asked,
        comparable=True,
    )


@given(st.floats(0.2, 0.8), st.integers(0, 99))
def test_the_interval_holds_the_composite(level: float, seed: int) -> None:
    one = report(level, seed=seed)
    found = interval(one, resamples=200)
    assert found.mean == one.composite
    assert found.low < one.composite < found.high


def test_prompts_that_score_alike_leave_no_doubt() -> None:
    one = report(0.6, spread=0.0)
    assert interval(one) == pytest.approx((one.composite,) * 3)


def test_the_interval_is_wider_for_more_doubt_and_for_a_higher_level() -> None:
    def width(spread: float, level: float) -> float:
        found = interval(report(0.5, spread=spread), level)
        return found.high - found.low

    assert width(0.8, 0.95) > 2 * width(0.2, 0.95)
    assert width(0.2, 0.99) > width(0.2, 0.8)


def test_the_interval_is_that_of_a_mean_where_there_is_one_probe() -> None:
    rng = generator(3, "scores")
    scores = rng.random(200)
    probe = ProbeScore(
        name="fluency",
        score=float(scores.mean()),
        by_prompt=tuple((float(score), 1.0) for score in scores),
    )
    one = report(0.5).model_copy(
        update={
            "composite": probe.score,
            "probes": (probe,),
            "kinds": ("plain",) * 200,
        }
    )
    found = interval(one, resamples=4000)
    error = scores.std() / np.sqrt(200)
    assert found.low == pytest.approx(probe.score - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(probe.score + 1.96 * error, abs=0.15 * error)


def test_ordinary_and_odd_prompts_are_drawn_apart() -> None:
    probe = ProbeScore(
        name="fluency",
        score=NUM_PLAIN / (NUM_PLAIN + NUM_ODD),
        by_prompt=((1.0, 1.0),) * NUM_PLAIN + ((0.0, 1.0),) * NUM_ODD,
    )
    one = report(0.5).model_copy(update={"composite": probe.score, "probes": (probe,)})
    assert interval(one) == pytest.approx((probe.score,) * 3)


def test_the_same_report_has_the_same_interval() -> None:
    assert interval(report(0.4)) == interval(report(0.4))


@given(st.floats(0, 1), st.integers(0, 99))
def test_a_report_falls_short_of_itself_by_exactly_nothing(level: float, seed: int) -> None:
    one = report(level, seed=seed, spread=0.5)
    assert shortfall(one, one, resamples=100) == (0, 0, 0)


def test_a_worse_model_falls_short_beyond_doubt_and_a_better_one_does_not() -> None:
    worse, better = report(0.4, seed=1), report(0.7, seed=2)
    behind, ahead = shortfall(worse, better), shortfall(better, worse)
    assert behind is not None
    assert ahead is not None
    assert 0 < behind.low < behind.mean < behind.high
    assert ahead == pytest.approx((-behind.mean, -behind.high, -behind.low))
    assert behind.mean == better.composite - worse.composite


def test_a_small_difference_is_found_where_prompts_are_paired_and_not_where_they_are_not() -> None:
    better, worse = report(0.52, spread=0.6), report(0.5, spread=0.6)
    paired = shortfall(worse, better)
    apart = shortfall(worse.model_copy(update={"asked": "b"}), better)
    assert paired is not None
    assert apart is not None
    assert paired.low > 0
    assert apart.low < 0 < apart.high
    assert apart.mean == paired.mean
    assert apart.high - apart.low > 3 * (paired.high - paired.low)


def test_prompts_drawn_apart_give_an_interval_of_reports_of_different_sizes() -> None:
    few = report(0.5, asked="b")
    kept = [*range(10), *range(NUM_PLAIN, NUM_PLAIN + NUM_ODD)]
    few = few.model_copy(
        update={
            "kinds": tuple(KINDS[i] for i in kept),
            "probes": tuple(
                probe.model_copy(update={"by_prompt": tuple(probe.by_prompt[i] for i in kept)})
                for probe in few.probes
            ),
        }
    )
    found = shortfall(few, report(0.8, seed=1))
    assert found is not None
    assert 0.2 < found.low < found.mean < found.high < 0.4


@pytest.mark.parametrize("change", [{"version": 1}, {"kinds": ()}])
def test_reports_that_do_not_compare_have_no_shortfall(change: dict[str, object]) -> None:
    one = report(0.5)
    other = one.model_copy(update=change)
    assert shortfall(one, other) is None
    assert shortfall(other, one) is None


def test_reports_that_had_too_little_to_go_by_do_not_compare() -> None:
    one = report(0.5)
    poor = one.model_copy(update={"comparable": False})
    assert shortfall(one, poor) is None
    assert shortfall(poor, one) is None
    fewer = one.model_copy(update={"probes": one.probes[1:]})
    assert shortfall(one, fewer) is None
    older = one.model_copy(update={"version": 1})
    assert shortfall(older, older) is None
