"""The CUSUM chart shows what the engine saw, against the engine's own limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from dashboard.web.figures.cusum import alarms, cusum, limit_of, told
from dashboard.web.figures.run_view import document
from orchestrator.config import RunConfig
from orchestrator.recorder import symbio_columns
from orchestrator.train_config import TrainConfig
from tests.dashboard.web.figures.reading import View, traces
from trainer.instruments.config import SymbioConfig
from trainer.instruments.cusum_panel import Panel


@given(
    st.builds(
        SymbioConfig,
        chart=st.sampled_from(["standardised", "original"]),
        cusum_threshold=st.none() | st.floats(0.1, 50),
        cusum_drift=st.floats(0, 2),
    )
)
def test_the_limit_is_the_engines(symbio: SymbioConfig) -> None:
    stored = symbio_columns(RunConfig(mode="train", train=TrainConfig(symbio=symbio)))
    assert limit_of(document(stored["symbio_config"])) == Panel.of(symbio).threshold


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({"cusumThreshold": 2.0, "cusumDrift": 0.5}, 2.0),
        ({}, None),
        ({"cusum_threshold": None, "cusum_drift": 0.5}, None),
        ({"cusum_threshold": True, "cusum_drift": "x"}, None),
    ],
)
def test_a_limit_is_read_in_either_spelling_or_left_out(
    config: dict[str, JsonValue], limit: float | None
) -> None:
    assert limit_of(config) == limit


def test_four_lines_the_limit_and_the_alarms_are_drawn(view: View) -> None:
    drawn = cusum(view("trained"))
    found = traces(drawn)
    names = list(found)
    assert names[:4] == ["gradient up", "gradient down", "clipping up", "throughput down"]
    assert found["search loss up"]["visible"] == "legendonly"
    limit = next(name for name in names if name.startswith("limit of the engine"))
    assert limit == "limit of the engine, 9.33"
    posts = found["alarm"]
    assert posts["x"] == [120, 120, None, 210, 210, None]
    assert "throughput down" in str(posts["text"])


def test_alarms_are_counted_and_the_last_one_named(view: View) -> None:
    found = alarms(view("trained"))
    assert found.num_steps == 3
    assert found.last is not None
    assert found.last.step == 211
    assert told(found.last) == "gradient up, clipping up"
    assert [mark.step for mark in found.begun] == [120, 210]


def test_a_run_without_instruments_has_no_chart(view: View) -> None:
    assert not view("plain").has_instruments
    assert not view("evolved").has_instruments
    assert "nothing" in cusum(view("plain"))
