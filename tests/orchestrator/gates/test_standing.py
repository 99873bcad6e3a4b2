"""Which copy is the best: bits per byte, and the battery's veto."""

import pytest

from inference_battery.weights import COMPOSITE_VERSION
from orchestrator.gate_config import GateConfig
from orchestrator.gates.standing import has_collapsed, ranked
from tests.copies import battery_of, copy_of

CONFIG = GateConfig()


def names(*copies: object) -> list[str]:
    return [one.checkpoint for one in ranked(copies, CONFIG)]  # type: ignore[arg-type]


def test_bits_per_byte_decide_where_nobody_has_collapsed() -> None:
    good, better = copy_of(2.2, battery=battery_of(0.9)), copy_of(2.1, battery=battery_of(0.8))
    assert names(good, better) == ["gelu at 2.1", "gelu at 2.2"]


def test_a_collapsed_copy_stands_behind_all_others_whatever_its_bits() -> None:
    broken, whole = copy_of(1.9, battery=battery_of(0.5)), copy_of(2.1, battery=battery_of(0.8))
    untried = copy_of(2.3, "relu")
    assert names(broken, whole, untried) == ["gelu at 2.1", "relu at 2.3", "gelu at 1.9"]


@pytest.mark.parametrize(("score", "collapsed"), [(0.55, True), (0.57, False)])
def test_collapse_is_less_than_seven_tenths_of_the_best(score: float, collapsed: bool) -> None:
    assert has_collapsed(battery_of(score), battery_of(0.8), CONFIG) == collapsed


def test_intervals_that_touch_show_no_collapse() -> None:
    assert not has_collapsed(battery_of(0.5, spread=0.3), battery_of(0.9, spread=0.15), CONFIG)


def test_composites_of_two_versions_do_not_compare() -> None:
    old = battery_of(0.9, version=COMPOSITE_VERSION - 1)
    assert not has_collapsed(battery_of(0.2), old, CONFIG)
    assert not has_collapsed(battery_of(0.2), None, CONFIG)
    assert not has_collapsed(None, battery_of(0.9), CONFIG)
