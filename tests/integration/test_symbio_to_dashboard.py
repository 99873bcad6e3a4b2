"""A run with the original's flags, reported to a server while it trains: of 1,000 steps, or fewer
where nobody has the time. It stands still half way until the server has heard of it.
"""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from orchestrator.cli import main
from orchestrator.controller import Controller
from state.records import Readings
from state.run_folder import RunFolder
from tests.dashboard.reporter.processes import free_port, serve
from tests.dashboard.reporter.receivers import SECRET
from tests.dashboard.reporter.reported_runs import rows_of
from trainer.demo_corpus import write_demo_corpus

SHAPE = "--dim 8 --heads 2 --layers 1 --block 16 --batch 8 --tokenizer byte"
LINE = "train --data super_chat.txt --domain chat --symbio --backend helios"
PATIENCE_SECONDS = 90.0
SHOWN = "--eval-interval 125 --sample-interval 0 --engine inline --run-dir run --plain"


class Follower(threading.Thread):
    """Looks at the server's list again and again, as somebody would who watches the run."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.over = url, threading.Event()
        self.steps: list[int] = []
        """Those at which the run was seen, as it stood then."""
        self.seen_at_work = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.4):
            try:
                for card in json.loads(ask(f"{self.url}/api/runs")):
                    self.steps.append(card["latest_step"] or 0)
            except URLError:
                continue
            if any(self.steps):
                self.seen_at_work.set()

    def holding(self, commit: Callable[..., None]) -> Callable[..., None]:
        """A controller's commit, after which it goes on once its first steps have been seen."""

        def held(controller: Controller, *, concluded: bool = False) -> None:
            commit(controller, concluded=concluded)
            if controller.state.generation:
                self.seen_at_work.wait(PATIENCE_SECONDS)

        return held


def ask(url: str) -> str:
    with urlopen(url, timeout=20) as answer:
        text: str = answer.read().decode()
        return text


class Reported(NamedTuple):
    """A finished run, and the server that heard of it."""

    url: str
    run_id: str
    iters: int
    steps: list[int]
    own: RunFolder
    server: RunFolder


class Store(RunFolder):
    """A folder whose store is a server's."""

    @property
    def metrics_db(self) -> Path:
        return self.root / "server.db"


@pytest.fixture(scope="module", params=[250, pytest.param(1000, marks=pytest.mark.soak)])
def reported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reported]:
    folder, port = tmp_path_factory.mktemp("end-to-end"), free_port()
    write_demo_corpus(folder / "super_chat.txt", 9_000)
    server, follower = serve(folder, port), Follower(f"http://127.0.0.1:{port}")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("SYMBIO_ENGINE__HOST_THREADS", "1")
            patch.setattr(Controller, "commit", follower.holding(Controller.commit))
            patch.setenv("SYMBIO_REMOTE_URL", follower.url)
            patch.setenv("SYMBIO_REMOTE_SECRET", SECRET)
            follower.start()
            words = f"{LINE} --iters {request.param} {SHAPE} {SHOWN}"
            assert main(words.split()) == 0
            follower.over.set()
            follower.join()
        (card,) = json.loads(ask(f"{follower.url}/api/runs"))
        own = RunFolder(folder / "run")
        known = (request.param, follower.steps, own, Store(folder))
        yield Reported(follower.url, card["run_id"], *known)
    finally:
        follower.over.set()
        server.terminate()
        server.communicate()


def test_every_reading_of_every_step_reaches_the_server_s_columns(reported: Reported) -> None:
    own, theirs = (rows_of(folder)["metrics"] for folder in (reported.own, reported.server))
    assert len(own) == reported.iters
    assert theirs == own
    found = {name for row in theirs.values() for name in row}
    rare = {"batch_change_reason", "mi_input_output"}
    assert {"clip_coef", "clip_pct", *Readings.model_fields} - rare <= found


def test_steps_arrive_while_the_run_is_still_training(reported: Reported) -> None:
    assert max(reported.steps) <= reported.iters
    assert any(0 < step < reported.iters for step in reported.steps)


def test_its_page_has_the_whole_symbio_section(reported: Reported) -> None:
    rows = ask(f"{reported.url}/parts/runs")
    assert 'class="badge symbio"' in rows
    assert ">swiglu<" in rows
    page = ask(f"{reported.url}/runs/{reported.run_id}")
    for title in ("Weight entropy", "Effective rank", "Free energy", "CUSUM alerts"):
        assert title in page
    for figure in ("cusum", "measures", "batch", "clipping"):
        drawn = json.loads(ask(f"{reported.url}/runs/{reported.run_id}/figures/{figure}"))
        assert drawn["data"], figure
    found = json.loads(ask(f"{reported.url}/api/runs/{reported.run_id}/series?columns=loss"))
    assert found["num_steps"] == reported.iters
