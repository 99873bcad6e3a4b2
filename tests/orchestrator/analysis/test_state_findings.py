"""Findings on components, the stream and the predictions: each with the fault and without it."""

from orchestrator.analysis.bootstrap import Interval
from orchestrator.analysis.diagnose.record import (
    ComponentShare,
    Diagnosis,
    Estimate,
    GainPoint,
    Layer,
    LongRange,
    States,
    StateSize,
)
from orchestrator.analysis.diagnose.state_findings import state_findings


def told(taken: Diagnosis, **changes: object) -> list[str]:
    sound = {
        "layers": (with_variances(taken, 0.5),),
        "stream_end": 2.0,
        "components": (),
        "calibration": entropy(taken, 3.0),
    }
    return [one.text for one in state_findings(taken.model_copy(update={**sound, **changes}))]


def with_variances(taken: Diagnosis, attention: float) -> Layer:
    (layer,) = taken.layers
    branches = {"attention": attention, "feed_forward": 0.5}
    return layer.model_copy(
        update={
            name: getattr(layer, name).model_copy(update={"variance": variance})
            for name, variance in branches.items()
        }
    )


def estimate(value: float, reach: float = 0.001) -> Estimate:
    interval = Interval(mean=value, low=value - reach, high=value + reach)
    return Estimate(value=value, interval=interval, n=100)


def entropy(taken: Diagnosis, bits: float) -> object:
    found = Estimate(value=bits, interval=None, n=10)
    return taken.calibration.model_copy(update={"entropy": found})


def shares(*given: float) -> tuple[ComponentShare, ...]:
    worth = Estimate(value=0.1, interval=None, n=10)
    names = ("rwkv6", "mamba2")
    return tuple(
        ComponentShare(name=name, worth=worth, share=share)
        for name, share in zip(names, given, strict=True)
    )


def test_a_sound_model_has_none(taken: Diagnosis) -> None:
    assert told(taken, components=shares(0.3, 0.7)) == []


def test_a_component_that_saves_little_is_named(taken: Diagnosis) -> None:
    (text,) = told(taken, components=shares(0.98, 0.02))
    assert text == "Mamba2 saves 2.0% of what the components save one by one."


def test_a_stream_that_has_grown_and_predictions_that_have_collapsed(taken: Diagnosis) -> None:
    assert told(taken, stream_end=12.3) == ["The stream behind the last layer has grown to 12.3."]
    (text,) = told(taken, calibration=entropy(taken, 0.3))
    assert "0.21 nats a token" in text


def test_a_branch_that_adds_the_same_everywhere_is_named(taken: Diagnosis) -> None:
    (text,) = told(taken, layers=(with_variances(taken, 0.004**2),))
    assert text.startswith("Layer 1's attention says next to nothing: over tokens it deviates")
    assert "0.0040" in text


def test_a_state_that_adds_up_is_named_where_noise_does_not_explain_it(taken: Diagnosis) -> None:
    def sizes(*rms: Estimate) -> States:
        return States(
            points=tuple(
                StateSize(layer=3, component="mamba2", tokens=tokens, rms=one)
                for tokens, one in zip((512, 1024), rms, strict=True)
            )
        )

    (text,) = told(taken, states=sizes(estimate(6.0), estimate(11.7)))
    assert text.startswith("The state of layer 3's mamba2 adds up and forgets nothing: from 512 ")
    assert text.endswith("to 1,024 tokens it grows 1.95 times.")
    assert told(taken, states=sizes(estimate(6.0), estimate(11.7, reach=2))) == []
    assert told(taken, states=sizes(estimate(6.0), estimate(8.5))) == []


def test_states_from_beyond_the_block_that_cost_are_told(taken: Diagnosis) -> None:
    def ranges(beyond: Estimate) -> LongRange:
        point = GainPoint(tokens=512, loss=estimate(2), gain=estimate(0.1))
        return LongRange(points=(point,), share=estimate(0.1), beyond=beyond)

    (text,) = told(taken, long_range=ranges(estimate(-0.05)))
    assert "after 512 tokens the loss is higher by 0.0500 bits per byte than after 16" in text
    assert told(taken, long_range=ranges(estimate(-0.05, reach=0.1))) == []
    assert told(taken, long_range=ranges(estimate(0.05))) == []
