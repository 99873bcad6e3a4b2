"""What the pages say, and that nothing foreign is markup in them."""

import re

import pytest
from fastapi.testclient import TestClient

from dashboard.web.pages.contexts import PARTS

TABS = ("", "/evolution", "/battery", "/samples")
RUNS = ("evolved", "trained", "plain", "hostile")
COMPARED = "/compare?run=evolved&run=plain&run=nobody"


def page(client: TestClient, path: str) -> str:
    """The text of a page that there is."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("tab", TABS)
def test_every_page_of_every_run_is_whole_and_escaped(
    client: TestClient, run: str, tab: str
) -> None:
    text = page(client, f"/runs/{run}{tab}")
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert not re.search(r"<script(?! (type=\"module\" )?src=)", text)
    assert "<img" not in text
    assert 'onerror="' not in text
    assert "&#39;49" not in text


def test_foreign_text_is_shown_as_it_is(client: TestClient) -> None:
    for path in ("/", "/runs/hostile/samples", "/runs/hostile/evolution", "/compare"):
        assert "&lt;script&gt;window.hacked" in page(client, path) or path == "/compare"


def test_pages_allow_no_script_but_the_servers_own(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert rules["script-src"] == "'self'"
    assert "frame-ancestors" in rules
    scripts = re.findall(r"<script[^>]*>", page(client, "/runs/evolved"))
    assert len(scripts) == 2
    assert all('src="/static/' in script for script in scripts)


def test_the_list_has_badges_tags_and_the_best_figure(client: TestClient) -> None:
    rows = page(client, "/parts/runs").split("<tr ")
    trained = next(row for row in rows if '"/runs/trained"' in row)
    plain = next(row for row in rows if '"/runs/plain"' in row)
    assert 'class="badge symbio"' in trained
    assert ">swiglu<" in trained
    assert "<polyline" in trained
    assert "badge" not in plain
    assert re.search(r"2\.\d{4}", plain)


def test_only_a_run_with_instruments_has_a_symbio_section(client: TestClient) -> None:
    for run, has in (("trained", True), ("plain", False), ("evolved", False)):
        text = page(client, f"/runs/{run}")
        assert ("CUSUM monitor" in text) is has
        assert ("Weight entropy" in text) is has
        assert ("Adaptive batch" in text) is has
        assert "Clipping" in text


def test_the_tiles_name_the_last_alarm_and_the_trend(client: TestClient) -> None:
    text = page(client, "/runs/trained/parts/tiles")
    assert "last at step 211: gradient up, clipping up" in text
    assert re.search(r"↘|↗|→", text)
    assert "CUSUM alerts" in text


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_a_page_can_be_asked_for_alone(client: TestClient, name: str) -> None:
    text = page(client, f"/runs/evolved/parts/{name}")
    assert "<html" not in text
    assert text.strip()


def test_a_member_shows_its_formula_curve_parents_and_scores(client: TestClient) -> None:
    path = "/runs/evolved/parts/member?generation=3&member=g00003-l0-c02"
    text = page(client, path)
    for word in ("0.5*silu(x) + 0.2*x", "migrate from lineage 1", "had to exceed", "Parent"):
        assert word in text
    assert text.count("<svg") == 2
    assert client.get(path.replace("c02", "c99")).status_code == 404


def test_a_generation_shows_its_circle_and_its_members(client: TestClient) -> None:
    text = page(client, "/runs/evolved/parts/generation?generation=4")
    assert "after generation 4" in text
    assert text.count("phase-dot") == 3
    assert "l0-c01" in text
    assert "No synchrony yet" in page(client, "/runs/plain/parts/generation?generation=0")


def test_decisions_of_one_kind_stand_together_with_their_reason(client: TestClient) -> None:
    text = page(client, "/runs/evolved/parts/decisions")
    assert "\N{MULTIPLICATION SIGN}4" in text
    assert "nothing calls for a change" in text
    assert "6 → 4" in text


def test_findings_of_a_phase_stand_together_with_their_numbers(client: TestClient) -> None:
    text = page(client, "/runs/evolved/parts/findings")
    assert text.count("<tr>") == 1 + 6
    assert "homeostasis, generations 14\N{EN DASH}15 <small>2 times</small>" in text
    for word in ("collapse <small>lineage 1</small>", "less than 0.10", ">0.08<", "0.75"):
        assert word in text
    assert "No finding" in page(client, "/runs/plain/parts/findings")


def test_samples_stand_side_by_side_by_step_and_temperature(client: TestClient) -> None:
    text = page(client, "/runs/evolved/samples?at=5-72&at=15-192&temperature=0.4")
    assert 'class="samples columns-2"' in text
    assert "I am well in primordial." in text
    assert "I am well in homeostasis." in text
    assert "temperature 1.0" not in text


def test_comparing_says_which_settings_differ_and_which_runs_are_unknown(
    client: TestClient,
) -> None:
    text = page(client, COMPARED)
    assert "does not know nobody" in text
    assert "<code>budget</code>" in text
    figure = client.get(COMPARED.replace("/compare?", "/compare/figure?"))
    assert [trace["name"] for trace in figure.json()["data"]] == ["evolved", "plain"] * 2


def test_a_figure_that_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/runs/trained/figures/loss")
    again = client.get(
        "/runs/trained/figures/loss", headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304
    assert not again.content


@pytest.mark.parametrize("window", ["start=40&end=90", "start=90&end=40", "start=nan&end=inf"])
def test_a_window_is_a_part_of_the_axis_or_is_left_out(client: TestClient, window: str) -> None:
    answer = client.get(f"/runs/trained/figures/loss?{window}")
    assert answer.status_code == 200
    steps = next(one for one in answer.json()["data"] if one["name"] == "model")["x"]
    assert (min(steps) >= 40) is (window == "start=40&end=90")


@pytest.mark.parametrize(
    "path",
    [
        "/runs/nobody",
        "/runs/nobody/samples",
        "/runs/nobody/figures/loss",
        "/runs/trained/figures/none",
        "/runs/trained/parts/none",
        "/static/none.js",
        "/static/..%2fapp.py",
        "/live?run=nobody",
    ],
)
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_scripts_and_styles_come_from_the_server_and_are_kept(client: TestClient) -> None:
    text = page(client, "/runs/trained")
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert not re.findall(r'(?:src|href)="(?:[a-z]+:|//)', text)
