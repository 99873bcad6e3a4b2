"""The pages in a real browser."""

import threading

import pytest

from state.metrics_store import MetricsStore
from tests.dashboard.web.browser.conftest import Site
from tests.dashboard.web.browser.driving import DOWN, ENTER, RIGHT, TAB, Browser
from tests.dashboard.web.single_worlds import add_chunk

TABS = ("", "/evolution", "/battery", "/samples")
CLICK_A_MEMBER = (
    "document.querySelector('.node, .exhibit')"
    "?.dispatchEvent(new MouseEvent('click', {bubbles: true}))"
)
DRAWN = "document.querySelectorAll('.js-plotly-plot .main-svg').length"


def test_every_page_of_every_kind_of_run_opens_without_a_complaint(
    site: Site, browser: Browser
) -> None:
    browser.look(1600)
    for run in ("evolved", "plain", "trained"):
        for tab in TABS:
            browser.open(f"{site.address}/runs/{run}{tab}")
            assert browser.complaints() == []
    for path in ("/", "/compare", "/compare?run=evolved&run=plain&run=trained"):
        browser.open(f"{site.address}{path}")
        assert browser.complaints() == []


def test_lines_are_shown_without_plotly(site: Site, browser: Browser) -> None:
    browser.look(1600)
    with browser.without("*plotly*"):
        browser.open(f"{site.address}/runs/trained")
        paths = "[...document.querySelectorAll('[data-figure*=loss] .sketch path')]"
        drawn = browser.run(f"{paths}.map((one) => one.getAttribute('d'))")
        alert = browser.run("document.querySelector('#main > [role=alert]').textContent")
    assert len(drawn) >= 3
    assert all("NaN" not in one for one in drawn)
    assert max(map(len, drawn)) > 500
    assert "Reload the page" in alert
    browser.complaints()
    browser.open(f"{site.address}/runs/trained")
    assert browser.run("document.querySelectorAll('.sketch').length") == 0
    assert browser.run("document.querySelectorAll('#main > [role=alert]').length") == 0
    assert browser.complaints() == []


def test_figures_below_are_drawn_when_they_come_into_sight(site: Site, browser: Browser) -> None:
    browser.open(f"{site.address}/runs/trained")
    first = browser.run(DRAWN)
    browser.run("window.scrollTo(0, document.body.scrollHeight)")
    browser.wait(DRAWN, lambda count: count > first)
    assert browser.run(
        "document.querySelectorAll('[data-figure*=batch] .legend, .scatterlayer').length"
    )


def test_a_running_run_changes_on_its_page_without_a_reload_and_keeps_the_zoom(
    site: Site, browser: Browser
) -> None:
    browser.open(f"{site.address}/runs/growing")
    browser.run("window.stayed = true")
    loss = "document.querySelector('[data-figure*=loss]')"
    browser.drag("[data-figure*=loss] .nsewdrag", 0.2, 0.6)
    zoomed = browser.wait(f"{loss}._fullLayout.xaxis.range", lambda ends: ends[0] > 10)
    before = browser.run("document.querySelector('[data-part*=tiles]').textContent")
    newest = browser.run(f"{loss}.dataset.points")

    def write() -> None:
        with MetricsStore.open(site.root / "growing" / "metrics.db", writer=True) as store:
            for chunk in (2, 3):
                add_chunk(store, "growing", chunk)

    writer = threading.Thread(target=write)
    writer.start()
    writer.join()
    tiles = "document.querySelector('[data-part*=tiles]').textContent"
    browser.wait(tiles, lambda text: text != before and "step 200" in text)
    browser.wait(f"{loss}.dataset.points", lambda count: count != newest)
    assert browser.run("window.stayed") is True
    kept = browser.run(f"{loss}._fullLayout.xaxis.range")
    assert kept == pytest.approx(zoomed, abs=0.1)
    assert "step 200" in browser.run("document.querySelector('[data-part*=events]').textContent")
    assert browser.complaints() == []


def test_foreign_text_executes_nothing(site: Site, browser: Browser) -> None:
    for path in ("/", *(f"/runs/hostile{tab}" for tab in TABS), "/compare?run=hostile&run=plain"):
        browser.open(f"{site.address}{path}")
        browser.run(CLICK_A_MEMBER)
        browser.run("window.scrollTo(0, document.body.scrollHeight)")
        assert browser.run("window.hacked ?? null") is None
        assert browser.run("document.querySelectorAll('img, main script').length") == 0
        assert browser.complaints() == []
    assert "<script>" in browser.run("document.body.textContent")


@pytest.mark.parametrize("tab", TABS)
def test_a_phone_has_nothing_to_scroll_sideways(site: Site, browser: Browser, tab: str) -> None:
    browser.look(390, 844)
    for run in ("evolved", "hostile"):
        browser.open(f"{site.address}/runs/{run}{tab}")
        assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    for path in ("/", "/compare?run=evolved&run=plain"):
        browser.open(f"{site.address}{path}")
        assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    browser.look(1600)


def test_the_keyboard_reaches_the_tree_and_moves_in_it(site: Site, browser: Browser) -> None:
    browser.look(1600)
    browser.open(f"{site.address}/runs/evolved/evolution")
    browser.press(TAB)
    assert browser.run("document.activeElement.className") == "skip"
    for _ in range(40):
        if browser.run("document.activeElement.matches('.node')"):
            break
        browser.press(TAB)
    first = browser.run("document.activeElement.dataset.key")
    browser.press(RIGHT, RIGHT)
    assert browser.run("document.activeElement.dataset.key").split()[0] == "2"
    assert first.startswith("0 ")
    browser.press(DOWN, ENTER)
    browser.wait("document.querySelector('#member h3')")
    assert browser.run("document.querySelectorAll('[data-tree] .node[tabindex=\"0\"]').length") == 1


def test_arrow_keys_move_in_the_gallery(site: Site, browser: Browser) -> None:
    browser.run("document.querySelector('.exhibit').focus()")
    browser.press(RIGHT)
    assert (
        browser.run("[...document.querySelectorAll('.exhibit')].indexOf(document.activeElement)")
        == 1
    )


def test_dark_is_kept_and_repaints_the_figures(site: Site, browser: Browser) -> None:
    browser.look(1600, dark=False)
    browser.open(f"{site.address}/runs/plain")
    light = browser.run("getComputedStyle(document.body).backgroundColor")
    colour = "document.querySelector('[data-figure*=loss]')._fullData.at(-1).line.color"
    before = browser.run(colour)
    browser.run("document.querySelector('[data-theme-toggle]').click()")
    dark = browser.run("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    assert browser.run(colour) != before
    browser.open(f"{site.address}/")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == dark
    browser.run("localStorage.clear()")
    browser.look(1600, dark=True)
    browser.open(f"{site.address}/")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == dark
    browser.look(1600)


def test_the_list_is_sorted_and_searched(site: Site, browser: Browser) -> None:
    browser.open(f"{site.address}/")
    shown = "[...document.querySelectorAll('.runs tbody tr:not([hidden]) .name a')]"
    names = f"{shown}.map((link) => link.textContent)"
    browser.run("document.querySelector('[data-sort=text]').click()")
    assert browser.run(names) == sorted(browser.run(names))
    browser.run(
        "(() => { const field = document.querySelector('[data-search]'); field.value = 'swiglu';"
        " field.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    assert set(browser.run(names)) == {"trained", "growing"}
    browser.run("document.querySelectorAll('.runs input').forEach((box) => box.click())")
    assert browser.run("document.querySelector('[data-compare]').disabled") is False
