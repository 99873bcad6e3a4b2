"""Findings: each with the fault and without it."""

import pytest

from orchestrator.analysis.bootstrap import Interval
from orchestrator.analysis.diagnose.findings import findings_of
from orchestrator.analysis.diagnose.record import (
    ContextPoint,
    Diagnosis,
    Estimate,
    Head,
    Matrix,
    Needle,
    NeedlePoint,
)


def estimate(value: float, reach: float = 0.001) -> Estimate:
    interval = Interval(mean=value, low=value - reach, high=value + reach)
    return Estimate(value=value, interval=interval, n=100)


def contexts(**lost: float) -> tuple[ContextPoint, ...]:
    """Bits per byte more than with the block, by length: `t8=0.1`."""
    return tuple(
        ContextPoint(tokens=int(name[1:]), loss=estimate(2 + value), lost=estimate(value))
        for name, value in lost.items()
    )


@pytest.fixture
def quiet(taken: Diagnosis) -> Diagnosis:
    """A diagnosis without a finding: of a model of whom nothing can be said."""
    (layer,) = taken.layers
    worth = {"worth": estimate(0.2), "variance": 0.5}
    units = {"dead_share": 0.0, "saturated_share": 0.0, "nonlinear_share": 0.3}
    layer = layer.model_copy(
        update={
            "attention": layer.attention.model_copy(update=worth),
            "feed_forward": layer.feed_forward.model_copy(update=worth),
            "units": layer.units.model_copy(update=units),
            "heads": (Head(entropy=0.6, distance=3.0),),
        }
    )
    loss = {"search": estimate(2.0), "train": estimate(1.98)}
    changes = {
        "overall": taken.overall.model_copy(update=loss),
        "context": contexts(t8=0.05, t16=0.008, t32=0.0),
        "calibration": taken.calibration.model_copy(update={"error": 0.02}),
        "layers": (layer,),
        "weights": (Matrix(name="w", shape=(8, 8), rms=1.0, rank=6.0, rank_share=0.75),),
        "needle": Needle(skipped="no room"),
    }
    found = taken.model_copy(update=changes)
    assert findings_of(found) == ()
    return found


def told(taken: Diagnosis, **changes: object) -> str:
    (finding,) = findings_of(taken.model_copy(update=changes))
    return f"{finding.text} {finding.advice}"


def test_context_that_gains_nothing_is_idle(quiet: Diagnosis) -> None:
    text = told(quiet, context=contexts(t8=0.05, t16=0.001, t32=0.0))
    assert "Context beyond 16 tokens gains next to nothing: 0.0010 bits per byte" in text
    assert "--block 16 would cost this model little" in text
    # 2 x 16 tokens cost 2 x 16^2 in the table, 4 x 8 of them 4 x 8^2.
    assert "half the block trains the same tokens 2 times as fast here" in text


def test_speed_that_was_not_measured_is_not_claimed(quiet: Diagnosis) -> None:
    none = quiet.memory.model_copy(update={"rows": ()})
    text = told(quiet, context=contexts(t8=0.05, t16=0.001, t32=0.0), memory=none)
    assert "fast" not in text


def test_context_that_gains_to_the_last_asks_for_more(quiet: Diagnosis) -> None:
    text = told(quiet, context=contexts(t8=0.1, t16=0.05, t32=0.0))
    assert "16 to 32 tokens gain 0.0500 bits per byte (0.0490 to 0.0510)" in text
    assert "--block 64 is worth a try" in text


def test_far_tokens_that_mislead_are_told(quiet: Diagnosis) -> None:
    text = told(quiet, context=contexts(t8=-0.03, t16=-0.02, t32=0.0))
    assert "with the last 8 in place of all 32 the loss is lower by 0.0300" in text


def test_a_difference_within_its_noise_is_no_finding(quiet: Diagnosis) -> None:
    points = contexts(t8=0.05, t16=-0.02, t32=0.0)
    noisy = points[1].model_copy(update={"lost": estimate(-0.02, reach=0.05)})
    assert findings_of(quiet.model_copy(update={"context": (points[0], noisy, points[2])})) == ()


@pytest.mark.parametrize(
    ("worth", "words"),
    [
        (0.002, "adds little: without it the loss rises by 0.0020 bits"),
        (-0.05, "does harm: without it the loss falls by 0.0500 bits"),
    ],
)
def test_a_branch_that_adds_little_or_does_harm_is_named(
    quiet: Diagnosis, worth: float, words: str
) -> None:
    (layer,) = quiet.layers
    branch = layer.attention.model_copy(update={"worth": estimate(worth)})
    text = told(quiet, layers=(layer.model_copy(update={"attention": branch}),))
    assert f"Layer 1's attention {words}" in text


def test_branches_that_add_little_are_one_finding(quiet: Diagnosis) -> None:
    (layer,) = quiet.layers
    branches = {
        "attention": layer.attention.model_copy(update={"worth": estimate(0.001)}),
        "feed_forward": layer.feed_forward.model_copy(update={"worth": estimate(0.004)}),
    }
    text = told(quiet, layers=(layer.model_copy(update=branches),))
    assert "Layer 1's attention and layer 1's feed-forward add little" in text
    assert "rises by 0.0040 bits per byte (0.0030 to 0.0050) at most" in text


def test_text_learnt_by_heart_is_told(quiet: Diagnosis) -> None:
    overall = quiet.overall.model_copy(update={"train": estimate(1.5)})
    assert "1.5000 bits per byte there, 2.0000 on text" in told(quiet, overall=overall)


@pytest.mark.parametrize(("confidence", "word"), [(0.6, "too sure"), (0.2, "too unsure")])
def test_probabilities_that_are_off_are_told(
    quiet: Diagnosis, confidence: float, word: str
) -> None:
    found = {"error": 0.2, "accuracy": estimate(0.4), "confidence": confidence}
    assert word in told(quiet, calibration=quiet.calibration.model_copy(update=found))


def test_units_that_do_not_work_are_told(quiet: Diagnosis) -> None:
    (layer,) = quiet.layers
    for changes, words in (
        ({"dead_share": 0.25}, "25% of 64 units are dead or saturated"),
        ({"nonlinear_share": 0.001, "bend": (-1.0, 1.0)}, "as a straight line: 0.1%"),
    ):
        units = layer.units.model_copy(update=changes)
        assert words in told(quiet, layers=(layer.model_copy(update={"units": units}),))


def test_heads_and_matrices_that_have_learnt_nothing_are_counted(quiet: Diagnosis) -> None:
    (layer,) = quiet.layers
    heads = (Head(entropy=0.99, distance=8.0), Head(entropy=0.5, distance=2.0))
    text = told(quiet, layers=(layer.model_copy(update={"heads": heads}),))
    assert "1 of 2 heads attend to everything before them almost evenly" in text
    narrow = quiet.weights[0].model_copy(update={"rank_share": 0.1})
    assert "1 matrix of 1" in told(quiet, weights=(narrow,))


def test_a_name_that_is_not_used_is_told(quiet: Diagnosis) -> None:
    def needle(worth: float) -> Needle:
        point = NeedlePoint(tokens=64, depth=0.5, advantage=estimate(worth), exact=0.0, guessed=0.0)
        return Needle(points=(point,))

    assert "at no depth of 64 tokens" in told(quiet, needle=needle(0.01))
    assert findings_of(quiet.model_copy(update={"needle": needle(2.0)})) == ()


def test_the_weightiest_stands_first(quiet: Diagnosis) -> None:
    changes = {
        "context": contexts(t8=0.1, t16=0.05, t32=0.0),
        "overall": quiet.overall.model_copy(update={"train": estimate(1.0)}),
    }
    found = findings_of(quiet.model_copy(update=changes))
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert "by heart" in found[0].text
