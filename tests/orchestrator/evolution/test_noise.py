"""Gain is told from noise: null challengers are hardly ever accepted."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evolution.noise import (
    LEAST_GAIN,
    gain_limit,
    null_differences,
    reach,
    replicate_difference,
    sigma,
)
from state.genome import distance, parse
from state.records import Genome
from state.results import Outcome, TrainingResult
from state.seeds import generator
from state.tasks import TrainingTask
from tests.builders import ScriptedEngine, ScriptedRun, make_config


def test_two_runs_leave_their_plain_difference() -> None:
    assert null_differences([2.0, 1.5]) == pytest.approx([0.5])


def test_one_run_leaves_no_difference() -> None:
    assert null_differences([2.0]) == ()


@given(st.lists(st.floats(1, 5), min_size=2, max_size=9))
def test_contrasts_keep_the_variance_of_the_runs(values: list[float]) -> None:
    squares = sum(value * value for value in null_differences(values))
    assert squares / 2 == pytest.approx(np.var(values) * len(values), abs=1e-9)


def test_contrasts_of_many_runs_have_the_scale_of_a_pair() -> None:
    rng = np.random.default_rng(0)
    pooled = [null_differences(list(rng.normal(size=5))) for _ in range(4000)]
    variances = np.var(np.array(pooled), axis=0)
    assert variances == pytest.approx(np.full(4, 2.0), rel=0.1)


def test_noise_is_unknown_with_fewer_than_two_pairs() -> None:
    assert sigma([0.1]) is None
    assert gain_limit([0.1], level=0.05, comparisons=1) is None


def test_the_limit_grows_with_the_number_of_challengers() -> None:
    limits = [gain_limit([0.01, -0.02, 0.015], level=0.05, comparisons=n) for n in (1, 3, 9)]
    assert limits == sorted(limits, key=lambda limit: limit or 0.0)
    assert len(set(limits)) == 3


@pytest.mark.parametrize("pairs", [2, 3, 6, 12])
@pytest.mark.parametrize("challengers", [1, 3, 9])
def test_the_first_run_alone_keeps_its_level(pairs: int, challengers: int) -> None:
    """For Gaussian noise the best of the null challengers passes in 5 % of the trials at most."""
    rng, passed, trials = np.random.default_rng(1), 0, 4000
    for _ in range(trials):
        limit = gain_limit(list(rng.normal(size=pairs)), level=0.05, comparisons=challengers)
        assert limit is not None
        champion, rest = rng.normal(), rng.normal(size=challengers)
        passed += (champion - rest).max() / np.sqrt(2) > limit
    assert passed / trials <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


class NullChallengers(ScriptedEngine):
    """No genome is better than another; what a challenger gains is noise, as in its reach."""

    def train(self, task: TrainingTask) -> Outcome:
        silent = ScriptedEngine(self.objects.folder.parent, noise=0.0)
        outcome = silent.train(task)
        assert isinstance(outcome.result, TrainingResult)
        key = task.batches
        rng = generator(key.seed, "own", task.task_id, key.purpose)
        extra = self.spread(task) * rng.standard_normal()
        scale = 1 + extra / outcome.result.evaluations[0].bits_per_byte
        measured = tuple(
            one.model_copy(
                update={
                    "nats": one.nats * scale,
                    "blocks": tuple((nats * scale, count) for nats, count in one.blocks),
                }
            )
            for one in outcome.result.evaluations
        )
        result = outcome.result.model_copy(update={"evaluations": measured})
        return outcome.model_copy(update={"result": result})

    def spread(self, task: TrainingTask) -> float:
        apart = distance(task.genome, task.parent_genome)
        return 0.01 * reach(apart, task.steps) if task.genome != task.parent_genome else 0.0


def test_null_challengers_are_accepted_in_at_most_two_percent_of_generations(
    tmp_path: Path,
) -> None:
    accepted = generations = 0
    for seed in range(2):
        folder = tmp_path / str(seed)
        config = make_config(budget=9000, seed=seed)
        state = ScriptedRun(folder, config, NullChallengers(folder)).play()
        accepted += state.counts.accepted
        generations += sum(
            one.generations
            for one in state.summaries
            if one.name in ("primordial", "cambrian", "oxidation")
        )
    assert generations > 50
    assert accepted / generations <= 0.02


def test_a_close_challenger_is_accepted_for_a_gain_that_twins_would_hide(tmp_path: Path) -> None:
    """The order moves all by .01 bits per byte; nearly every challenger gains a third of that."""
    config = make_config(budget=4000)
    better = {parse("gelu"): 0.0}

    def quality(genome: Genome) -> float:
        return better.get(genome, 0.004)

    state = ScriptedRun(tmp_path, config, ScriptedEngine(tmp_path, quality=quality)).play()
    assert state.counts.accepted > 0


@pytest.mark.parametrize(("gain", "accepts"), [(0.9 * LEAST_GAIN, False), (4 * LEAST_GAIN, True)])
def test_a_gain_that_is_certain_and_worth_nothing_changes_nothing(
    tmp_path: Path, gain: float, accepts: bool
) -> None:
    def quality(genome: Genome) -> float:
        return 0.0 if genome == parse("gelu") else gain

    state = ScriptedRun(
        tmp_path, make_config(budget=4000), ScriptedEngine(tmp_path, quality=quality, noise=0.0)
    ).play()
    assert (state.counts.accepted > 0) is accepts


@pytest.mark.parametrize("steps", [20, 50, 100])
def test_differences_of_near_and_far_challengers_have_one_scale(steps: int) -> None:
    rng, spread = np.random.default_rng(0), 0.007
    for apart in (0.0, 0.2, 1.2):
        reached = reach(apart, steps)
        gains = spread * reached * rng.standard_normal((4000, 2))
        found = [replicate_difference(float(a), float(b), reached) for a, b in gains]
        assert np.std(found) == pytest.approx(spread, rel=0.05)


def test_noise_reaches_further_between_distant_functions_and_after_more_steps() -> None:
    assert reach(0.2, 20) < reach(0.7, 20) < reach(1.2, 20)
    assert reach(0.2, 20) == reach(0.2, 50) < reach(0.2, 100) < reach(0.2, 200)
    assert reach(0.0, 1) > 0
