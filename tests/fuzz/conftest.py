"""How many examples a target gets, and the real run that most of them damage.

`make test` draws the same 150 examples an entrance (one file of this folder) each time, `make soak`
20,000; the environment variables SYMBIO_FUZZ_EXAMPLES and SYMBIO_FUZZ_SEED choose other ones.
"""

import json
import os
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import HypothesisWarning
from hypothesis.strategies import SearchStrategy

from tests.fuzz.program import Verdict, call
from trainer.demo_corpus import write_demo_corpus

QUICK, SOAK = 150, 20_000
# Taken out of the environment: what begins with SYMBIO_ is a setting to the program under test.
EXAMPLES = os.environ.pop("SYMBIO_FUZZ_EXAMPLES", None)
SEED = os.environ.pop("SYMBIO_FUZZ_SEED", None)

TINY = {
    "budget": 60,
    "model": {"dim": 8, "heads": 1, "layers": 1, "block": 16},
    "optimizer": {"batch": 8},
    "data": {"tokenizer": "byte", "search_bytes": 1000, "test_bytes": 1000},
    "battery": {"prompts": 1, "max_new_tokens": 1, "temperatures": [0.8]},
    "gate": {"resamples": 100},
    "engine": {"engine": "inline", "host_threads": 1, "workers": 1},
}

_Value = TypeVar("_Value")


class Fuzz(Protocol):
    """Draws the examples, checks each, and counts the verdicts.

    `share` is the target's part of the examples of its entrance.
    """

    def __call__(
        self,
        strategy: SearchStrategy[_Value],
        check: Callable[[_Value], Verdict],
        share: float = 1.0,
    ) -> None: ...


@pytest.fixture(
    params=[
        pytest.param(int(EXAMPLES or QUICK), id="quick"),
        pytest.param(SOAK, id="soak", marks=[pytest.mark.soak, pytest.mark.timeout(7200)]),
    ]
)
def num_examples(request: pytest.FixtureRequest) -> int:
    """Examples of one entrance."""
    count: int = request.param
    return count


@pytest.fixture
def fuzz(num_examples: int, record_property: Callable[[str, object], None]) -> Fuzz:
    """See `Fuzz`; the counts go into the report that pytest writes for programs."""

    def draw(
        strategy: SearchStrategy[_Value], check: Callable[[_Value], Verdict], share: float = 1.0
    ) -> None:
        counts: Counter[str] = Counter()
        started = time.monotonic()

        @settings(
            max_examples=round(share * num_examples),
            derandomize=SEED is None,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def one(value: _Value) -> None:
            counts[check(value)] += 1

        with warnings.catch_warnings():
            # A state file that fails is quoted whole.
            warnings.simplefilter("ignore", HypothesisWarning)
            (one if SEED is None else seed(int(SEED))(one))()
        figures = {**counts, "seconds": round(time.monotonic() - started, 1)}
        record_property("fuzz", json.dumps(figures))

    return draw


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real run of six phases, trained in this process. Leave it as it is."""
    folder = tmp_path_factory.mktemp("fuzz")
    corpus, config = folder / "corpus.txt", folder / "tiny.json"
    write_demo_corpus(corpus, 20_000)
    config.write_text(json.dumps(TINY), encoding="utf-8")
    with _without_settings():
        reply = call(
            *("--data", str(corpus), "--config", str(config)),
            *("--run-dir", str(folder / "run"), "--plain"),
        )
    assert reply.code == 0, reply.stderr
    return folder / "run"


@pytest.fixture(autouse=True)
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder of a test, without settings from outside."""
    monkeypatch.chdir(tmp_path)
    with _without_settings():
        yield tmp_path


@pytest.fixture
def run(finished_run: Path, sandbox: Path) -> Path:
    """A copy of the finished run, to damage."""
    return Path(shutil.copytree(finished_run, sandbox / "run"))


@contextmanager
def _without_settings() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SYMBIO_")]:
            patch.delenv(name)
        # Thousands of reports are asked for; drawing each would take hours.
        patch.setenv("SYMBIO_NO_FIGURES", "1")
        yield
