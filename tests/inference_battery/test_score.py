"""The composite, and what a probe's value is made of."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_battery.probes.scored import NOT_ASKED, Scored
from inference_battery.reference import Reference
from inference_battery.score import (
    PROBES,
    composite,
    probe_scores,
    prompts_of,
    rate,
    sample_scores,
)
from inference_battery.weights import FLOOR, WEIGHTS
from tests.inference_battery.corpora import sample

VALUES = st.dictionaries(st.sampled_from(sorted(WEIGHTS)), st.floats(0, 1), min_size=1)
SAMPLES = [
    sample("one", "a", temperature=0.5),
    sample("two", "b", temperature=1.0),
    sample("three", "a", temperature=1.0),
    sample("four", "c", kind="typos", temperature=0.5),
]


WEIGHED = {"fluency": 0.5, "ending": 0.3, "novelty": 0.2}


def test_every_probe_has_a_weight_and_the_weights_add_up_to_one() -> None:
    assert set(WEIGHTS) == set(PROBES)
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert min(WEIGHTS.values()) >= 0


def test_the_composite_is_the_weighted_geometric_mean() -> None:
    values = {"fluency": 0.9, "ending": 0.4, "novelty": 0.7}
    assert composite(values, WEIGHED) == pytest.approx(0.9**0.5 * 0.4**0.3 * 0.7**0.2)


def test_a_probe_at_zero_counts_as_the_floor() -> None:
    values = {"fluency": 1.0, "ending": 0.0, "novelty": 1.0}
    expected = pytest.approx(FLOOR**0.3)
    assert composite(values, WEIGHED) == expected
    assert composite({**values, "ending": FLOOR}, WEIGHED) == expected
    assert composite({**values, "ending": 2 * FLOOR}, WEIGHED) == pytest.approx((2 * FLOOR) ** 0.3)


def test_without_a_probe_the_other_weights_are_scaled() -> None:
    values = {"fluency": 0.9, "novelty": 0.7}
    expected = exp((0.5 * log(0.9) + 0.2 * log(0.7)) / 0.7)
    assert composite(values, WEIGHED) == pytest.approx(expected)
    assert composite({"ending": 0.25}, WEIGHED) == pytest.approx(0.25)


def test_the_frozen_weights_are_taken_unless_others_are_given() -> None:
    values = {"fluency": 0.9, "ending": 0.4, "novelty": 0.7}
    assert composite(values) == composite(values, WEIGHTS)


@given(VALUES)
def test_the_composite_lies_between_its_worst_and_its_best_probe(values: dict[str, float]) -> None:
    low, high = (max(FLOOR, bound(values.values())) for bound in (min, max))
    assert low - 1e-12 <= composite(values) <= high + 1e-12


@given(VALUES, st.data())
def test_a_better_probe_never_lowers_the_composite(
    values: dict[str, float], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(values)))
    better = {**values, name: data.draw(st.floats(values[name], 1))}
    assert composite(better) >= composite(values) - 1e-12


def test_a_probe_is_the_weighted_mean_of_its_samples_over_all_and_at_each_temperature() -> None:
    rated = {"fluency": [Scored(0.5, 100), Scored(1.0, 50), Scored(0.2, 150), NOT_ASKED]}
    (found,) = probe_scores(SAMPLES, rated)
    assert found.name == "fluency"
    assert found.score == pytest.approx(130 / 300)
    assert found.detail == {"temperature_0.5": 0.5, "temperature_1": pytest.approx(80 / 200)}
    assert found.by_prompt == pytest.approx(np.array([(80, 250), (50, 50), (0, 0)]))


def test_a_probe_with_nothing_to_rate_is_left_out() -> None:
    rated = {
        "fluency": [NOT_ASKED] * 3 + [Scored(0.5)],
        "robustness": [NOT_ASKED] * 4,
    }
    (found,) = probe_scores(SAMPLES, rated)
    assert (found.name, found.score) == ("fluency", 0.5)
    assert found.detail == {"temperature_0.5": 0.5}


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 500)), min_size=4, max_size=4))
def test_the_sums_by_prompt_add_up_to_the_score(pairs: list[tuple[float, float]]) -> None:
    rated = {"fluency": [Scored(one, 1 + weight) for one, weight in pairs]}
    (found,) = probe_scores(SAMPLES, rated)
    sums, weights = (sum(column) for column in zip(*found.by_prompt, strict=True))
    assert sums / weights == pytest.approx(found.score)
    assert len(found.by_prompt) == len(prompts_of(SAMPLES)) == 3


def test_a_sample_is_rated_by_the_probes_that_it_concerns() -> None:
    rated = {
        "fluency": [Scored(0.5, 100), NOT_ASKED],
        "ending": [Scored(0.8), NOT_ASKED],
        "novelty": [NOT_ASKED, Scored(0.3, 70)],
    }
    expected = composite({"fluency": 0.5, "ending": 0.8})
    assert sample_scores(rated) == pytest.approx([expected, 0.3])


def test_prompts_of_a_kind_come_once_in_the_order_of_asking() -> None:
    samples = [*SAMPLES, sample("five", "a", kind="typos")]
    assert prompts_of(samples) == [
        *(("plain", "a"), ("plain", "b"), ("typos", "c"), ("typos", "a"))
    ]


def test_one_prompt_of_two_kinds_counts_as_two() -> None:
    rated = {"fluency": [*[Scored(0.5)] * 3, NOT_ASKED, Scored(0.9)]}
    (found,) = probe_scores([*SAMPLES, sample("five", "a", kind="typos")], rated)
    assert found.by_prompt == ((1, 2), (0.5, 1), (0, 0), (0.9, 1))


def test_every_probe_rates_every_sample(prose: Reference) -> None:
    rated = rate(SAMPLES, prose)
    assert list(rated) == list(PROBES)
    assert {len(some) for some in rated.values()} == {len(SAMPLES)}
    for name, some in rated.items():
        assert [one.weight > 0 for one in some] == [
            (one.kind == "plain") == (name != "robustness") for one in SAMPLES
        ]
