"""How long a page takes from the click to its drawn figures, in a headless Chromium.

    python -m benchmarks.web_pages                      medians of 5, written to results/
    python -m benchmarks.web_pages --repeats 1 --no-record

A server of its own process over three runs: six phases, one model with instruments, and one of
100,000 steps. `first` is a first visit: a server that has read nothing and a browser that has kept
nothing. `again` is the next one. Seconds are those of the page's own clock, from the beginning of
the navigation: `drawn` until the lines of every figure above the fold are on the screen, `seconds`
until Plotly has drawn them and they can be zoomed. A machine that does other work is slower: the
CPU seconds of the page's main thread and of the server say what it would take alone.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median
from urllib.error import URLError

import psutil
from pydantic import JsonValue

from benchmarks.recording import write_result
from tests.dashboard.web.browser.driving import Browser, start_browser
from tests.dashboard.web.single_worlds import long, trained
from tests.dashboard.web.worlds import evolved

GOAL_SECONDS = 2.0
PAGES = {
    "run list": "/",
    "run detail, 100,000 steps": "/runs/long",
    "run detail, six phases": "/runs/evolved",
    "run detail, one model": "/runs/trained",
    "evolution": "/runs/evolved/evolution",
    "battery": "/runs/evolved/battery",
    "samples": "/runs/evolved/samples",
    "compare three": "/compare?run=evolved&run=trained&run=long",
}
PATIENCE_SECONDS = 60.0


def serve(root: Path, port: int) -> None:
    """Be the server."""
    import uvicorn

    from dashboard.web.app import create_app
    from dashboard.web.settings import ServerSettings

    app = create_app(ServerSettings(runs=(root,)))
    uvicorn.run(app, port=port, log_level="error", timeout_graceful_shutdown=1)


class Server:
    """A server in a process of its own; context manager."""

    def __init__(self, root: Path, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "benchmarks.web_pages", "--serve", str(root)]
        self._process = subprocess.Popen([*command, "--port", str(port)])

    def __enter__(self) -> "Server":
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_SECONDS:
            try:
                urllib.request.urlopen(f"{self.address}/static/theme.js", timeout=5).close()
            except (URLError, ConnectionError):
                time.sleep(0.1)
                continue
            return self
        raise TimeoutError(f"no server answers at {self.address}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def cpu_seconds(self) -> float:
        """Of its process so far."""
        return _cpu(psutil.Process(self._process.pid))


def visit(browser: Browser, server: Server, path: str) -> dict[str, float]:
    """Seconds of one visit, and what it cost."""
    before = server.cpu_seconds()
    browser.open(f"{server.address}{path}")
    drawn = browser.run("document.documentElement.dataset.drawn")
    ready = browser.run("document.documentElement.dataset.ready")
    return {
        "drawn": int(drawn or ready) / 1000,
        "seconds": int(ready) / 1000,
        "page_cpu": browser.main_thread_seconds(),
        "server_cpu": server.cpu_seconds() - before,
    }


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def measure(root: Path, repeats: int, port: int) -> dict[str, list[dict[str, dict[str, float]]]]:
    """`repeats` rounds of every page, each with a fresh server and a fresh browser."""
    found: dict[str, list[dict[str, dict[str, float]]]] = {name: [] for name in PAGES}
    for _ in range(repeats):
        for name, path in PAGES.items():
            with Server(root, port) as server:
                browser = start_browser()
                try:
                    browser.clock_main_thread()
                    first = visit(browser, server, path)
                    again = visit(browser, server, path)
                finally:
                    browser.quit()
            found[name].append({"first": first, "again": again})
    return found


def _medians(rounds: list[dict[str, dict[str, float]]]) -> dict[str, JsonValue]:
    return {
        f"{which}_{what}": round(median(one[which][what] for one in rounds), 2)
        for which in ("first", "again")
        for what in ("drawn", "seconds", "page_cpu", "server_cpu")
    }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-record", action="store_true")
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--port", type=int, default=8437)
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve, given.port)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, make in (("evolved", evolved), ("trained", trained), ("long", long)):
            (root / name).mkdir()
            make(root / name / "metrics.db")
        found = measure(root, given.repeats, given.port)
    pages = {name: _medians(rounds) for name, rounds in found.items()}
    for name, numbers in pages.items():
        print(f"{name:28}", "  ".join(f"{key} {value}" for key, value in numbers.items()))
    if not given.no_record:
        figures: dict[str, JsonValue] = {
            "goal_seconds": GOAL_SECONDS,
            "repeats": given.repeats,
            "load_average": list(os.getloadavg()),
            "pages": dict(pages),
        }
        print(write_result("web_pages", figures))


if __name__ == "__main__":
    main()
