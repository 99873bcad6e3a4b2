"""A headless browser: opening pages, waiting for what they draw, reading what they complain of."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

CHROMIUM = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")
PATIENCE_SECONDS = 40.0
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--window-size=1600,1000",
)


class Browser:
    """What the tests and the measurement ask of a browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def quit(self) -> None:
        """End it."""
        self._driver.quit()

    def open(self, address: str) -> None:
        """Go to a page and wait until the figures in sight are drawn."""
        self._driver.get(address)
        self.wait("document.documentElement.dataset.ready")

    @contextmanager
    def without(self, *patterns: str) -> Iterator[None]:
        """Load nothing from these addresses in the meantime."""
        self._driver.execute_cdp_cmd("Network.enable", {})
        self._driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": list(patterns)})
        try:
            yield
        finally:
            self._driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})

    def run(self, script: str) -> Any:  # noqa: ANN401
        """The value of a script's last statement, without `return`."""
        return self._driver.execute_script(f"return {script}")

    def wait(self, script: str, until: Callable[[Any], bool] = bool) -> Any:  # noqa: ANN401
        """The script's value once it is as wanted."""
        begun = time.monotonic()
        while not until(value := self.run(script)):
            assert time.monotonic() - begun < PATIENCE_SECONDS, f"{script} stayed {value!r}"
            time.sleep(0.05)
        return value

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        for key in keys:
            self._driver.switch_to.active_element.send_keys(key)

    def drag(self, selector: str, start: float, end: float) -> None:
        """Drag the mouse across an element, from one share of its width to another."""
        box = self.run(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
        height = box["y"] + box["height"] / 2
        places = [box["x"] + share * box["width"] for share in (start, (start + end) / 2, end)]
        kinds = ("mousePressed", "mouseMoved", "mouseMoved", "mouseReleased")
        for kind, place in zip(kinds, (places[0], *places[1:], places[2]), strict=True):
            event = {"type": kind, "x": place, "y": height, "button": "left", "clickCount": 1}
            self._driver.execute_cdp_cmd("Input.dispatchMouseEvent", event | {"buttons": 1})

    def main_thread_seconds(self) -> float:
        """CPU time of the page's main thread since its navigation, after `clock_main_thread`."""
        answer = self._driver.execute_cdp_cmd("Performance.getMetrics", {})
        return {one["name"]: float(one["value"]) for one in answer["metrics"]}["TaskDuration"]

    def clock_main_thread(self) -> None:
        """Count CPU time of main threads from now on."""
        self._driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})

    def complaints(self) -> list[str]:
        """What the console has said since the last look."""
        return [
            str(entry["message"])
            for entry in self._driver.get_log("browser")  # type: ignore[no-untyped-call]
            if entry["level"] in ("SEVERE", "WARNING") and "favicon" not in entry["message"]
        ]

    def look(self, width: int, height: int = 1000, *, dark: bool = False) -> None:
        """Be a screen of this size in this colour scheme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def picture(self, path: Path) -> None:
        """Write what is in sight to a PNG file."""
        self._driver.save_screenshot(str(path))


TAB, ENTER, RIGHT, DOWN = Keys.TAB, Keys.ENTER, Keys.ARROW_RIGHT, Keys.ARROW_DOWN


def start_browser() -> Browser:
    """A browser of this machine; the test is skipped where there is none."""
    if not CHROMIUM.exists() or not DRIVER.exists():
        pytest.skip("no chromium and chromedriver in /usr/bin; install both to test the pages")
    options = Options()
    options.binary_location = str(CHROMIUM)
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Browser(webdriver.Chrome(options=options, service=Service(str(DRIVER))))
