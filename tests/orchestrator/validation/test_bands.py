"""A band has one verdict for every number, and none is better farther out."""

from math import inf, nan, nextafter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.validation.bands import WORST_FIRST, Band, Range, worst
from orchestrator.validation.judge_course import FALLING, SHARE_INSIDE
from orchestrator.validation.limits import GROUNDTHINK, Limits

ORDER = {"pass": 0, "warn": 1, "fail": 2}
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)
BANDS = [
    band
    for limits in (Limits(), GROUNDTHINK)
    for name in type(limits).model_fields
    if isinstance(band := getattr(limits, name), Band)
] + [FALLING, SHARE_INSIDE]


@st.composite
def bands(draw: st.DrawFn) -> Band:
    """Nested ranges, bounds open and closed, some of them the same or missing."""
    low, inner_low, inner_high, high = sorted(draw(NUMBERS) for _ in range(4))
    holds = [draw(st.booleans()) for _ in range(4)]
    equal = draw(st.booleans())
    inner = Range(
        low=None if draw(st.booleans()) else inner_low,
        high=None if draw(st.booleans()) else inner_high,
        holds_low=holds[0],
        holds_high=holds[1],
    )
    outer = Range(
        low=None if inner.low is None else (inner.low if equal else low),
        high=None if inner.high is None else (inner.high if equal else high),
        holds_low=holds[0] or holds[2],
        holds_high=holds[1] or holds[3],
    )
    return Band(passes=inner, warns=outer)


def edges(band: Band) -> list[float]:
    """Every bound, and the numbers next to it."""
    bounds = [one for each in (band.passes, band.warns) for one in (each.low, each.high)]
    known = [one for one in bounds if one is not None]
    return sorted(
        other for one in known for other in (nextafter(one, -inf), one, nextafter(one, inf))
    )


def never_better_outwards(band: Band, numbers: list[float]) -> bool:
    """Going through the numbers in order, verdicts improve up to what passes, then only decline."""
    verdicts = [ORDER[band.judge(one)] for one in sorted(numbers)]
    lowest = verdicts.index(min(verdicts))
    down, up = verdicts[: lowest + 1], verdicts[lowest:]
    return down == sorted(down, reverse=True) and up == sorted(up)


@settings(max_examples=60)
@given(band=bands(), numbers=st.lists(NUMBERS, min_size=1, max_size=8))
def test_every_number_has_one_verdict_and_none_improves_outwards(
    band: Band, numbers: list[float]
) -> None:
    everything = [*numbers, *edges(band)]
    assert {band.judge(one) for one in everything} <= {"pass", "warn", "fail"}
    assert never_better_outwards(band, everything)


@pytest.mark.parametrize("band", BANDS, ids=range(len(BANDS)))
@settings(max_examples=5)
@given(numbers=st.lists(NUMBERS, min_size=1, max_size=8))
def test_the_limits_in_use_leave_no_gap(band: Band, numbers: list[float]) -> None:
    everything = [*numbers, *edges(band)]
    assert never_better_outwards(band, everything)
    assert all(band.judge(one) != "pass" or one in band.warns for one in everything)


@pytest.mark.parametrize("value", [None, nan, inf, -inf])
def test_what_is_not_finite_fails(value: float | None) -> None:
    for band in BANDS:
        assert band.judge(value) == "fail"
        assert band.measure("it", value).value is None


def test_what_passes_outside_of_what_warns_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must lie inside what warns .*; widen that"):
        Band(passes=Range(low=0.3, high=3.0), warns=Range(low=0.5, high=10.0))
    with pytest.raises(ValueError, match="must lie inside"):
        Band(passes=Range(high=1.0), warns=Range(high=1.0, holds_high=False))


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.94, "pass"), (0.95, "warn"), (0.98, "warn"), (0.99, "fail"), (1.0, "fail"), (-1.0, "pass")],
)
def test_the_cosine_is_judged_as_the_table_says(value: float, verdict: str) -> None:
    assert Limits().cosine.judge(value) == verdict


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.05, "fail"), (0.1, "warn"), (0.34, "pass"), (3.0, "pass"), (9.0, "warn"), (11.0, "fail")],
)
def test_ratios_are_judged_on_both_sides(value: float, verdict: str) -> None:
    assert Limits().gradient.judge(value) == verdict


def test_a_gate_is_as_good_as_its_worst_number() -> None:
    assert worst(["pass", "warn", "fail"]) == "fail"
    assert worst(["pass", "not judged"]) == "not judged"
    assert worst(["not judged", "warn"]) == "warn"
    assert worst([]) == "not judged"
    assert {worst([one, "pass"]) for one in WORST_FIRST} == set(WORST_FIRST)
