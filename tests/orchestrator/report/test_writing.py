"""What the report says of the writing."""

from orchestrator.report.writing import writing
from state.records import BatteryReport, Sample
from tests.copies import battery_of
from tests.orchestrator.report.conftest import battery


def ended(scores: list[float | None], **changes: object) -> BatteryReport:
    """The last battery of a run, a sample for each score."""
    samples = tuple(
        Sample(prompt=f"Prompt {n}", temperature=0.7, text=f"Text {n}.", ended=False, score=score)
        for n, score in enumerate(scores)
    )
    return battery_of(0.8).model_copy(update={"samples": samples, **changes})


def test_a_column_a_battery_and_a_row_a_probe() -> None:
    text = writing([battery(), ended([0.5] * 9)])
    assert "|  | cambrian | cambrian, at the end |" in text
    assert "| **composite** | **0.712** | **0.800** |" in text
    assert "| its 95 % interval | - | 0.780 to 0.820 |" in text
    assert "| repetition | 0.900 | 0.800 |" in text
    assert "| relevance | - | 0.800 |" in text


def test_a_gate_s_battery_is_not_called_the_last() -> None:
    """The battery at the end asks each prompt more than once; it may have failed."""
    assert "|  | cambrian |" in writing([ended([0.5] * 8)])


def test_what_stands_beside_the_composite_has_rows_of_its_own() -> None:
    beside = {"bits_per_byte": 2.0345, "calibration_error": 0.021}
    text = writing([ended([0.5], beside=beside)])
    assert "| *bits per byte* | 2.0345 |" in text
    assert "| *calibration* | 0.021 |" in text
    assert "bits per byte" not in writing([battery()])


def test_the_best_and_the_worst_samples_are_shown() -> None:
    text = writing([ended([0.5, 0.9, 0.1, 0.7, 0.3])])
    assert [f"Text {n}." in text for n in range(5)] == [False, True, True, True, True]
    assert text.index("Text 1.") < text.index("Text 3.") < text.index("Text 4.")
    assert "Among the worst, 0.10, at temperature 0.7, after `Prompt 2` (cut at the limit):" in text


def test_samples_without_scores_are_shown_as_they_come() -> None:
    text = writing([battery()])
    assert "At temperature 0.8, after `<|user|> 0?` (the model ended it):" in text
    assert text.count("At temperature") == 4


def test_one_sample_is_shown_once() -> None:
    assert writing([ended([0.5])]).count("Text 0.") == 1


def test_a_model_that_recites_is_told() -> None:
    assert "recites its train text" in writing([ended([0.5], memorised=True)])
    assert "recites" not in writing([ended([0.5])])
