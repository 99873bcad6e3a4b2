"""Findings on components, the stream and the predictions: each with the fault and without it."""

from orchestrator.analysis.diagnose.record import ComponentShare, Diagnosis, Estimate
from orchestrator.analysis.diagnose.state_findings import state_findings


def told(taken: Diagnosis, **changes: object) -> list[str]:
    sound = {"stream_end": 2.0, "components": (), "calibration": entropy(taken, 3.0)}
    return [one.text for one in state_findings(taken.model_copy(update={**sound, **changes}))]


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
