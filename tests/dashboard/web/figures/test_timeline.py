"""The axis of a run."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboard.web.figures.timeline import HOST, timeline_of
from state.metrics_figures import Extent, Stint
from state.records import PhaseName
from tests.dashboard.web.figures.reading import View

COUNTS = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=4), min_size=1, max_size=8)


def _stints(counts: list[list[int]], phase: PhaseName = "cambrian") -> list[Stint]:
    return [
        Stint(generation, f"g{generation:05d}-l{lineage}-champion", phase, 1, steps, steps)
        for generation, own in enumerate(counts)
        for lineage, steps in enumerate(own)
    ]


@given(COUNTS)
def test_generations_follow_each_other_and_end_at_the_sum_of_all_steps(
    counts: list[list[int]],
) -> None:
    timeline = timeline_of(_stints(counts), ())
    ends = list(timeline.places.values())
    assert all(left[1] == right[0] for left, right in pairwise(ends))
    assert timeline.end == sum(map(sum, counts))


@given(COUNTS)
def test_steps_of_a_member_lie_in_its_generation_in_order(counts: list[list[int]]) -> None:
    stints = _stints(counts)
    timeline = timeline_of(stints, ())
    for stint in stints:
        start, end = timeline.places[stint.generation]
        places = [
            timeline.position(stint.generation, stint.member_id, step)
            for step in range(stint.first_step, stint.last_step + 1)
        ]
        found = [place for place in places if place is not None]
        assert found == sorted(found)
        assert start < found[0]
        assert found[-1] == end


def test_one_model_has_its_own_steps_on_the_axis(view: View) -> None:
    timeline = view("trained").timeline
    assert timeline.single
    assert timeline.position(2, "g00002-model", 120) == 120
    assert timeline.end == 300


def test_challengers_and_baselines_are_not_on_the_axis(view: View) -> None:
    timeline = view("evolved").timeline
    assert timeline.position(3, "g00003-l0-c00", 40) is None
    control = Stint(99, "g00099-control-gelu", "control", 1, 10, 10)
    lone = timeline_of([*_stints([[5], [5]]), control], ())
    assert lone.end == 10
    assert lone.position(99, "g00099-control-gelu", 3) is None


def test_members_of_a_generation_that_is_open_are_known_by_their_names() -> None:
    stints = [
        Stint(0, "g00000-l1-champion", "cambrian", 1, 5, 5),
        Stint(0, "g00000-l1-c01", "cambrian", 1, 5, 5),
        Stint(1, "g00001-host", "endosymbiosis", 6, 9, 4),
    ]
    timeline = timeline_of(stints, ())
    assert set(timeline.lines.values()) == {1, HOST}
    assert (0, "g00000-l1-c01") not in timeline.index


def test_the_phases_cover_the_axis_in_order(view: View) -> None:
    spans = view("evolved").timeline.spans
    names = ["abiogenesis", "primordial", "cambrian", "oxidation", "endosymbiosis", "homeostasis"]
    assert [span.phase for span in spans] == names
    assert all(left.end == right.start for left, right in pairwise(spans))


def test_a_window_asks_only_for_the_generations_in_it(view: View) -> None:
    timeline = view("trained").timeline
    extent = timeline.extent((60.0, 120.0))
    assert extent.generations == (1, 2)
    assert extent.steps == (60, 121)
    assert timeline.num_steps(extent) < timeline.num_steps(Extent())


def test_a_gate_without_steps_lies_where_the_last_generation_ended(view: View) -> None:
    timeline = view("evolved").timeline
    assert timeline.end_of(1_000) == timeline.end
    assert timeline.end_of(-1) is None
