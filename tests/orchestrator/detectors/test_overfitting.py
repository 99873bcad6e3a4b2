"""Finding 0: a rise of the search loss, beyond the noise, while the training loss falls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.detectors import host_overfitting, lineage_overfitting
from orchestrator.detectors.evidence import Evidence, History
from orchestrator.detectors.slopes import least_rise, trend

LOSSES = st.lists(st.floats(0.5, 10), min_size=5, max_size=9)


def past(bits: list[float], losses: list[float] | None = None) -> History:
    """A training loss that falls by .05, unless given."""
    falling = [3 - 0.05 * age for age in range(len(bits))]
    pairs = zip(bits, losses or falling, strict=True)
    return tuple((age, one, other) for age, (one, other) in enumerate(pairs))


FALLING = past([2.1, 2.08, 2.06, 2.05, 2.04])
RISING = past([2.0, 2.01, 2.02, 2.035, 2.04])
STEEP = past([2.0, 2.02, 2.04, 2.06, 2.085])


def of_lineages(*histories: History, noise_sigma: float | None = 0.003) -> Evidence:
    return Evidence(lineage_histories=tuple(enumerate(histories)), noise_sigma=noise_sigma)


def test_a_lineage_that_overfits_is_named() -> None:
    finding = lineage_overfitting.inspect(of_lineages(FALLING, RISING, FALLING))
    assert finding is not None
    assert finding.lineage == 1
    assert finding.value == pytest.approx(0.0105)
    assert "of lineage 1 rise by 0.0105 a generation" in finding.reason
    assert "so do" not in finding.reason


def test_of_several_lineages_the_worst_is_named_first() -> None:
    finding = lineage_overfitting.inspect(of_lineages(RISING, FALLING, STEEP))
    assert finding is not None
    assert finding.lineage == 2
    assert finding.reason.endswith("; so do those of 0")


def test_lineages_keep_their_numbers_when_others_are_gone() -> None:
    finding = lineage_overfitting.inspect(Evidence(lineage_histories=((0, FALLING), (3, RISING))))
    assert finding is not None
    assert finding.lineage == 3


def test_a_rise_that_the_null_pairs_could_have_given_is_none() -> None:
    slight = past([2.0, 2.0011, 2.0021, 2.003, 2.004])
    assert lineage_overfitting.inspect(of_lineages(slight, noise_sigma=None)) is not None
    assert lineage_overfitting.inspect(of_lineages(slight, noise_sigma=0.003)) is None


def test_a_ragged_rise_is_none() -> None:
    ragged = past([2.0, 2.03, 1.99, 2.04, 2.02])
    assert trend(ragged) is not None
    assert lineage_overfitting.inspect(of_lineages(ragged)) is None
    assert host_overfitting.inspect(Evidence(host_history=ragged)) is None


def test_the_more_lineages_are_looked_at_the_more_each_must_rise() -> None:
    found = trend(past([2.0, 2.01, 2.005, 2.02, 2.015]))
    assert found is not None
    limits = [least_rise(found, models=count) for count in (1, 2, 3, 4)]
    assert limits == sorted(limits)
    assert limits[2] > 1.5 * limits[0]


def test_only_the_last_five_evaluations_count() -> None:
    fallen = past([2.5, 2.4, 2.3, 2.2, *(bits for _, bits, _ in RISING)])
    finding = host_overfitting.inspect(Evidence(host_history=fallen))
    alone = host_overfitting.inspect(Evidence(host_history=RISING))
    assert finding is not None
    assert alone is not None
    assert finding.value == pytest.approx(alone.value)


def test_an_evaluation_without_training_loss_leaves_the_question_open() -> None:
    gap = (*STEEP[:3], (3, 2.06, None), STEEP[4])
    assert host_overfitting.inspect(Evidence(host_history=gap)) is None


@given(LOSSES)
def test_slope_and_error_are_those_of_least_squares(bits: list[float]) -> None:
    found = trend(past(bits))
    design = np.column_stack([np.arange(5), np.ones(5)])
    line = np.linalg.lstsq(design, np.array(bits[-5:]))[0]
    rest = np.array(bits[-5:]) - design @ line
    variances = np.linalg.inv(design.T @ design) * (rest @ rest) / 3
    assert found is not None
    assert found.search == pytest.approx(line[0], abs=1e-9)
    assert found.error == pytest.approx(np.sqrt(variances[0, 0]), abs=1e-9)


@given(LOSSES, LOSSES, st.sampled_from([None, 0.001, 0.01]))
def test_a_finding_has_more_than_its_limit_and_says_both(
    bits: list[float], losses: list[float], noise_sigma: float | None
) -> None:
    count = min(len(bits), len(losses))
    evidence = of_lineages(past(bits[:count], losses[:count]), noise_sigma=noise_sigma)
    finding = lineage_overfitting.inspect(evidence)
    if finding is not None:
        assert finding.value > finding.limit >= 0
        assert f"rise by {finding.value:.4f} a generation, over {finding.limit:.4f}" in (
            finding.reason
        )


@given(st.floats(0.5, 10), st.floats(0.5, 10))
def test_a_constant_series_does_not_overfit(bits: float, loss: float) -> None:
    still = past([bits] * 6, [loss] * 6)
    falling = past([bits] * 6)
    for history in (still, falling):
        assert host_overfitting.inspect(Evidence(host_history=history)) is None
        assert lineage_overfitting.inspect(of_lineages(history, noise_sigma=None)) is None
