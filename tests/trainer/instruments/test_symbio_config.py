"""The settings of the instruments, in both spellings."""

import json

import pytest
from pydantic import JsonValue

from trainer.instruments.config import SymbioConfig, symbio_config_of

ORIGINAL = """{
  "cusumThreshold": 2.0, "cusumDrift": 0.5, "metricsInterval": 50, "adaptiveBatch": true,
  "batchMin": 8, "batchMax": 64, "batchStep": 4, "trackWeightEntropy": true,
  "trackEffectiveRank": true, "trackFreeEnergy": true, "trackMIProfiles": false
}"""


def test_the_originals_file_holds_the_defaults_but_for_the_threshold() -> None:
    given = symbio_config_of(json.loads(ORIGINAL))
    assert given.cusum_threshold == 2.0
    assert given.model_copy(update={"cusum_threshold": None}) == SymbioConfig()


def test_every_key_of_the_originals_file_arrives() -> None:
    other: dict[str, JsonValue] = {
        "cusumThreshold": 9.0,
        "cusumDrift": 0.25,
        "metricsInterval": 7,
        "adaptiveBatch": False,
        "batchMin": 3,
        "batchMax": 99,
        "batchStep": 2,
        "trackWeightEntropy": False,
        "trackEffectiveRank": False,
        "trackFreeEnergy": False,
        "trackMIProfiles": True,
    }
    assert set(other) == set(json.loads(ORIGINAL))
    given, default = symbio_config_of(other), SymbioConfig()
    differing = [
        name for name in SymbioConfig.model_fields if getattr(given, name) != getattr(default, name)
    ]
    assert len(differing) == len(other)


@pytest.mark.parametrize(
    ("camel", "snake", "value"),
    [("trackMIProfiles", "track_mi_profiles", True), ("cusumDrift", "cusum_drift", 0.3)],
)
def test_both_spellings_mean_the_same(camel: str, snake: str, value: JsonValue) -> None:
    given = symbio_config_of({camel: value})
    assert given == symbio_config_of({snake: value})
    assert getattr(given, snake) == value


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"cusumTreshold": 4}, ("'cusumTreshold'", "did you mean cusumThreshold?")),
        ({"batch_mim": 4}, ("'batch_mim'", "did you mean batch_min?")),
        ({"zzz": 4}, ("'zzz'", "choose one of", "trackMIProfiles")),
        ({"batchMin": 4, "batch_min": 4}, ("batchMin and batch_min", "leave one of them out")),
        ({"cusumDrift": -1}, ("cusumDrift = -1", "greater than or equal to 0")),
        ({"cusum_threshold": 0}, ("cusum_threshold = 0", "greater than 0")),
        ({"metricsInterval": 0}, ("metricsInterval = 0", "greater than or equal to 1")),
        ({"batchMax": "many"}, ("batchMax = 'many'", "valid integer")),
        ({"batchMin": 9, "batchMax": 8}, ("batch_min 9 is above batch_max 8", "swap them")),
        ({"cusumDrift": float("nan")}, ("cusumDrift = nan", "finite")),
        ({"chart": "shewhart"}, ("chart = 'shewhart'", "'standardised' or 'original'")),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_the_key(
    document: dict[str, JsonValue], words: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"\S") as refusal:
        symbio_config_of(document)
    message = str(refusal.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_a_threshold_of_null_is_the_calibrated_one() -> None:
    assert symbio_config_of({"cusumThreshold": None}).cusum_threshold is None
