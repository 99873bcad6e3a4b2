"""Each figure of a run says what its records say."""

import json

import pytest

from dashboard.web.figures import comparison, course, instruments, population, telemetry
from dashboard.web.figures.plot import MAX_POINTS, safe
from dashboard.web.figures.run_view import RunView
from dashboard.web.figures.sparkline import sparkline
from dashboard.web.figures.synchrony import dial, nearest, order_parameter
from dashboard.web.pages.router import FIGURES
from state.metrics_reader import MetricsReader
from state.metrics_store import MetricsStore
from tests.dashboard.web.figures.reading import View, texts, traces
from tests.dashboard.web.worlds import HOSTILE, evolved

CASES = [(run, name) for run in ("evolved", "trained") for name in FIGURES]
CASES += [("plain", "loss"), ("long", "loss"), ("long", "cusum"), ("long", "measures")]


@pytest.mark.parametrize(("run", "name"), CASES)
def test_every_figure_is_finite_json_of_few_points_or_says_why_it_is_empty(
    view: View, run: str, name: str
) -> None:
    drawn = FIGURES[name](view(run), None)
    json.dumps(drawn, allow_nan=False)
    for one in traces(drawn).values():
        assert len(one["x"]) == len(one["y"]) <= MAX_POINTS
    if not drawn["data"]:
        assert str(drawn["nothing"]).endswith(".")


def test_a_run_that_has_just_begun_has_sentences_in_place_of_figures(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("begun") / "metrics.db"
    with MetricsStore.open(path, writer=True) as store:
        store.record_run("begun", {}, "gelu(x)", "text")
        for make in FIGURES.values():
            assert make(RunView(store, "begun"), None)["data"] == []


def test_foreign_text_is_no_markup_in_any_figure(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "metrics.db"
    evolved(path, "hostile", HOSTILE)
    run = RunView(MetricsReader.at(path), "hostile")
    shown = [text for make in FIGURES.values() for text in texts(make(run, None))]
    shown += texts(comparison.overlaid([(HOSTILE, run), ("b", run)]))
    assert any("&lt;script&gt;" in text for text in shown)
    for text in shown:
        left = text.replace("<extra>", "").replace("</extra>", "").replace("<br>", "")
        assert "<" not in left
        assert "%{" not in left.replace("%{y", "").replace("%{text}", "")
    run.reader.close()


def test_foreign_text_is_cut_and_put_on_one_line() -> None:
    assert safe("a\nb\x1b[0m<b>") == "a b[0m&lt;b&gt;"
    assert len(safe("x" * 500)) == 60


def test_the_loss_has_a_line_for_each_lineage_gates_and_switches(view: View) -> None:
    found = traces(course.loss(view("evolved")))
    assert {"host", "lineage 0", "lineage 1", "lineage 2", "best so far"} <= found.keys()
    assert len(found["passed its gate"]["x"]) == 6
    best = found["best so far"]["y"]
    assert best == sorted(best, reverse=True)
    assert "skipped step" not in found


def test_skipped_steps_are_marked_where_they_were(view: View) -> None:
    assert traces(course.loss(view("trained")))["skipped step"]["x"] == [77, 78]


def test_missing_readings_are_a_gap(view: View) -> None:
    drawn = traces(instruments.measures(view("trained")))["weight entropy, nats"]
    gaps = [place for place, value in zip(drawn["x"], drawn["y"], strict=True) if value is None]
    assert gaps == [150]
    assert drawn["connectgaps"] is False


def test_the_batch_is_a_step_with_its_reason(view: View) -> None:
    found = traces(instruments.batch(view("trained")))
    assert found["windows in a batch"]["line"]["shape"] == "hv"
    assert found["windows in a batch"]["y"] == [16.0, 12.0, 12.0]
    assert found["the throughput fell"]["x"] == [120]


def test_clipping_is_drawn_for_a_run_without_instruments(view: View) -> None:
    run = view("plain")
    assert run.has_clipping
    found = traces(telemetry.clipping(run))
    assert found["clip_pct, right"]["yaxis"] == "y2"
    assert set(found["clip_coef, left"]["y"]) == {0.9}


def test_gradient_norms_are_those_of_the_host_and_its_lineage(view: View) -> None:
    drawn = telemetry.gradients(view("evolved"))
    found = traces(drawn)
    assert {"embedding", "attention", "feed-forward", "all"} == found.keys()
    assert "lineage 0, then the host" in str(drawn["layout"])


def test_operators_are_counted_without_the_lineage_a_migrant_came_from(view: View) -> None:
    rows = population.operator_rows(view("evolved").members)
    assert {row.operator: row.tried for row in rows} == {"tune": 9, "compose": 9, "migrate": 9}
    assert sum(row.accepted for row in rows) == 1


def test_the_order_parameter_comes_with_what_chance_gives(view: View) -> None:
    found = traces(order_parameter(view("evolved")))
    assert found["r of the lineages"]["y"][0] == 0.6
    assert found["95 % of independent lineages are below"]["y"][0] == 0.94


def test_lineages_that_would_cover_each_other_stand_apart_on_the_circle(view: View) -> None:
    synchrony = view("evolved").synchrony
    shown = dial(synchrony[0])
    places = {(one.x, one.y) for one in shown.dots}
    assert len(places) == 3
    assert shown.dots[0].x ** 2 + shown.dots[0].y ** 2 == pytest.approx(84**2, rel=1e-3)
    assert nearest(synchrony, 1_000) == synchrony[-1]
    assert nearest(synchrony, 0) == synchrony[0]
    assert nearest((), 3) is None


def test_runs_are_compared_in_one_figure_and_by_the_settings_that_differ(view: View) -> None:
    runs = [("a", view("evolved")), ("b", view("plain"))]
    drawn = comparison.overlaid(runs)
    assert traces(drawn).keys() == {"a", "b"}
    rows = comparison.differences([run.config for _, run in runs])
    assert {row.setting: row.values for row in rows} == {
        "budget": ("4000", "600"),
        "mode": ("phases", "train"),
    }


def test_a_sparkline_needs_two_values_and_stays_in_its_box() -> None:
    assert sparkline([1.0]) == ""
    points = [tuple(map(float, one.split(","))) for one in sparkline([3.0, 1.0, 2.0]).split()]
    assert [x for x, _ in points] == [2.0, 48.0, 94.0]
    assert all(2 <= y <= 22 for _, y in points)
