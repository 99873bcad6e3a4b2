"""How a figure becomes a file."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from orchestrator.figures.activation import activation_figure
from orchestrator.figures.cost import PhaseCost, cost_figure
from orchestrator.figures.course import Attempt, Course, Path, course_figure
from orchestrator.figures.gains import Limit, Trial, gains_figure
from orchestrator.figures.result import Entry, Lead, result_figure
from orchestrator.figures.style import (
    DARK,
    LIGHT,
    colour,
    label,
    new_figure,
    png,
    styled,
    svg,
    thinned,
)
from orchestrator.figures.synchrony import Beat, synchrony_figure
from orchestrator.figures.timeline import Span
from state.genome import parse

SPANS = (Span("abiogenesis", 0, 10), Span("primordial", 10, 50, "retry"))


def course() -> Figure:
    path = Path("champion", "lineage", ((10.0, 3.0), (50.0, 2.5)))
    control = Path("control gelu", "control", ((25.0, 2.9), (50.0, 2.4)))
    tried = Attempt((10.0, 3.0), (50.0, 2.6), accepted=True)
    return course_figure(Course(SPANS, (path, control), (tried,), ((10.0, 3.0),), (("x", 2.7),)))


def gains() -> Figure:
    return gains_figure([Trial(20, 0.1, 0.05, "accepted")], [Limit(10, 50, 0.05)], SPANS)


KINDS: dict[str, Callable[[], Figure]] = {
    "activation": lambda: activation_figure([("silu", parse("silu"))]),
    "cost": lambda: cost_figure([PhaseCost("Cambrian", {"champions": 30})], {"training": 3.0}),
    "course": course,
    "gains": gains,
    "result": lambda: result_figure([Entry("run", 2.0, (1.9, 2.1))], [Lead("gelu", -0.1)]),
    "synchrony": lambda: synchrony_figure([Beat(20, 1, 0.9, 0.8, True)], SPANS),
}


def small() -> Figure:
    with styled():
        figure = new_figure(1.0, 2.0)
        figure.subplots().plot([0, 1], [0, 1], color=colour("blue"), label="a < b & $c$")
        figure.legend()
    return figure


def test_a_figure_gives_the_same_bytes_in_whatever_order_its_files_are_asked_for() -> None:
    one, other = small(), small()
    vector, raster = svg(one), png(one)
    assert (png(other), svg(other)) == (raster, vector)
    assert svg(one) == vector


@pytest.mark.parametrize("kind", KINDS)
def test_every_colour_of_an_svg_can_be_changed_by_the_page(kind: str) -> None:
    drawn = svg(KINDS[kind]())
    free = re.sub(r"var\(--[a-z]+, #[0-9a-f]{6}\)", "", drawn)
    assert not re.search(r"(?:fill|stroke): (?!none|var)[^;\"]+", free.replace(": ;", ""))
    assert "#" not in re.sub(r'(?:href="|url\()#', "", free)


def test_an_svg_has_text_that_can_be_selected_and_nothing_from_elsewhere() -> None:
    drawn = svg(small(), title='of "x" <b>')
    assert ">a &lt; b &amp; $c$</text>" in drawn
    assert 'aria-label="of &quot;x&quot; &lt;b&gt;"' in drawn
    addresses = re.findall(r"https?://[^\"]+", drawn)
    assert set(addresses) <= {"http://www.w3.org/1999/xlink", "http://www.w3.org/2000/svg"}
    assert "<image" not in drawn


def test_two_svgs_on_a_page_share_no_id() -> None:
    one, other = (set(re.findall(r' id="([^"]+)"', svg(small(), name))) for name in ("a", "b"))
    assert one
    assert not one & other
    assert {name.removeprefix("a-") for name in one} == {name.removeprefix("b-") for name in other}


def test_every_colour_has_a_dark_one_and_is_known_by_its_value() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert len(set(LIGHT.values())) == len(LIGHT)


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=300),
    st.integers(2, 40),
)
def test_thinning_keeps_extremes_and_order(values: list[float], most: int) -> None:
    x, y = np.arange(len(values), dtype=np.float64), np.array(values)
    thin_x, thin_y = thinned(x, y, most)
    assert len(thin_x) <= max(most, 2)
    assert list(thin_x) == sorted(set(thin_x))
    assert np.array_equal(y[thin_x.astype(int)], thin_y, equal_nan=True)
    if np.isfinite(y).any():
        assert (np.nanmin(thin_y), np.nanmax(thin_y)) == (np.nanmin(y), np.nanmax(y))


def test_foreign_text_in_a_figure_is_one_printable_line_of_its_length() -> None:
    assert label("a\x1b[31m\n\u202eb") == "a[31m b"
    cut = label("x" * 30 + "y" * 70, 44)
    assert len(cut) == 44
    assert cut.startswith("xxx")
    assert cut.endswith("...yyyyyyyyyyyyyy")
