"""How often a detector speaks without a fault, and how soon with one, on made-up runs.

The bounds are those of docs/design/findings.md with room for 60 to 200 runs instead of thousands.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest

from orchestrator.detectors import (
    complexity,
    consensus_stagnation,
    host_overfitting,
    lineage_overfitting,
    transfer,
)
from orchestrator.detectors.evidence import Evidence
from orchestrator.detectors.panel import inspect_all
from state.records import Finding
from state.seeds import generator
from tests.orchestrator.detectors import made_up_runs as runs
from tests.orchestrator.detectors.made_up_runs import Floats, Noise

Inspect = Callable[[Evidence], Finding | None]
FLAT = np.zeros(24)


def rate(made: Iterable[Iterator[Evidence]], inspect: Inspect) -> float:
    """Share of generations with a finding."""
    return float(np.mean([inspect(one) is not None for run in made for one in run]))


def delay(made: Iterable[Iterator[Evidence]], inspect: Inspect) -> float:
    """Median number of generations until the first finding; infinite where there is none."""
    firsts = []
    for run in made:
        seen = [inspect(one) is not None for one in run]
        firsts.append(seen.index(True) + 1 if True in seen else float("inf"))
    return float(np.median(firsts))


def single(
    bits: Floats, count: int, noise: Noise = runs.independent
) -> Iterator[Iterator[Evidence]]:
    rng = generator(1, "host")
    return (runs.hosts(runs.history(rng, bits, noise)) for _ in range(count))


def three(
    bits: Floats, count: int, noise: Noise = runs.independent
) -> Iterator[Iterator[Evidence]]:
    """The first lineage follows `bits`, the others too if it is flat, else they go on falling."""
    rng = generator(1, "lineages")
    others = bits if not bits.any() else -0.02 * np.arange(len(bits))
    for _ in range(count):
        pasts = tuple(runs.history(rng, path, noise) for path in (bits, others, others))
        yield runs.lineages(pasts, runs.estimated_sigma(rng))


@pytest.mark.parametrize(("noise", "bound"), [(runs.independent, 0.07), (runs.spiky, 0.07)])
def test_a_flat_host_is_rarely_called_overfitting(noise: Noise, bound: float) -> None:
    assert rate(single(FLAT, 100, noise), host_overfitting.inspect) < bound


@pytest.mark.parametrize(
    ("noise", "bound"), [(runs.independent, 0.04), (runs.spiky, 0.04), (runs.lasting, 0.08)]
)
def test_flat_lineages_are_rarely_called_overfitting(noise: Noise, bound: float) -> None:
    assert rate(three(FLAT, 100, noise), lineage_overfitting.inspect) < bound


def test_lineages_that_gain_are_never_called_overfitting() -> None:
    assert rate(three(-0.005 * np.arange(24), 60), lineage_overfitting.inspect) == 0


@pytest.mark.parametrize("rise", [0.005, 0.01])
def test_overfitting_is_seen_within_four_generations_of_its_turn(rise: float) -> None:
    bits = np.concatenate([-0.02 * np.arange(4), -0.06 + rise * np.arange(1, 12)])
    assert delay(single(bits, 60), host_overfitting.inspect) <= 4
    assert delay(three(bits, 60), lineage_overfitting.inspect) <= 4


def test_large_graphs_that_are_no_better_are_rarely_called_too_complex() -> None:
    rng = generator(2, "graphs")
    harmless = (runs.large_graphs(rng, 0.0, 0.0, 16) for _ in range(200))
    useless = (runs.large_graphs(rng, 0.0, -9.0, 16) for _ in range(200))
    assert rate(harmless, complexity.inspect) < 0.005
    assert rate(useless, complexity.inspect) < 0.08


def test_large_graphs_that_memorise_are_seen_in_three_generations() -> None:
    rng = generator(3, "graphs")
    assert (
        delay((runs.large_graphs(rng, 1.5, -1.5, 16) for _ in range(60)), complexity.inspect) <= 3
    )


@pytest.mark.parametrize("each", [1, 2, 6])
def test_jumps_of_which_a_tenth_is_not_won_back_are_rarely_a_finding(each: int) -> None:
    rng = generator(4, "jumps")
    assert rate((runs.jumps(rng, each, 0.1, 16) for _ in range(200)), transfer.inspect) < 0.05


def test_jumps_of_which_most_are_not_won_back_are_found() -> None:
    rng = generator(5, "jumps")
    assert rate((runs.jumps(rng, 2, 0.9, 16) for _ in range(60)), transfer.inspect) > 0.85


@pytest.mark.parametrize(("gain", "low", "high"), [(0.0, 0.9, 1), (0.005, 0, 0.005), (0.02, 0, 0)])
def test_locked_lineages_stagnate_where_nothing_is_gained_and_only_there(
    gain: float, low: float, high: float
) -> None:
    rng = generator(6, "locked")
    share = rate((runs.tapering(rng, gain, 20) for _ in range(60)), consensus_stagnation.inspect)
    assert low <= share <= high


def test_a_healthy_phase_has_no_finding_with_severity() -> None:
    rng = generator(7, "healthy")
    for _ in range(60):
        for evidence in runs.tapering(rng, 0.02, 16):
            assert all(finding.severity == 0 for finding in inspect_all(evidence))
