"""Wall time and bill over several devices: the arithmetic, and the page that shows it."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.recording import RESULTS
from benchmarks.scaling_out import DEVICES, Assumed, Measured, Row, rates_of, row_of, table
from orchestrator.planning.outline import planned_phases
from orchestrator.planning.wall import TextSize
from tests.builders import make_config

PAGE = Path(__file__).parents[2] / "docs" / "gcp.md"


@pytest.fixture
def rows() -> list[Row]:
    config = make_config(budget=20_000)
    text = TextSize(train_tokens=2_000_000, search_tokens=100_000, test_tokens=100_000)
    known = Measured(first_step_seconds=3.0, battery_seconds=1.5)
    rates = rates_of(config, 1_000_000, known, Assumed())
    phases = planned_phases(config)
    return [row_of(one, config, phases, rates, text, Assumed()) for one in DEVICES]


def test_more_devices_are_never_slower_and_never_cheaper(rows: list[Row]) -> None:
    for fewer, more in pairwise(rows):
        assert more.hours <= fewer.hours
        assert more.usd > fewer.usd
        assert more.usd_spot < more.usd
        assert more.usd_released < more.usd
    assert rows[0].usd_released == pytest.approx(rows[0].usd)


def test_the_host_s_hours_do_not_depend_on_the_devices(rows: list[Row]) -> None:
    alone = [one.hours - one.search_hours for one in rows]
    assert alone == pytest.approx([alone[0]] * len(rows))
    assert rows[-1].search_hours < rows[0].search_hours


def test_the_page_shows_what_was_recorded() -> None:
    recorded = json.loads((RESULTS / "scaling-out.json").read_text(encoding="utf-8"))
    shown = table([Row.model_validate(one) for one in recorded["rows"]])
    assert shown in PAGE.read_text(encoding="utf-8")
