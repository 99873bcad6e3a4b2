"""Builders of records for the metrics store's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from state.metrics_store import MetricsStore
from state.partial import PartialWork
from state.records import StepMetrics
from state.run_folder import RunFolder
from tests.partial_builders import CONTEXT

Steps = Callable[..., list[StepMetrics]]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where the store of a test is."""
    return tmp_path / "metrics.db"


@pytest.fixture
def store(database: Path) -> Iterator[MetricsStore]:
    """An open writer."""
    with MetricsStore.open(database, writer=True) as store:
        yield store


@pytest.fixture
def steps() -> Steps:
    """Builds consecutive steps of one member, with a loss of 1 / step."""

    def build(
        count: int, generation: int = 0, member_id: str = "a", first: int = 1
    ) -> list[StepMetrics]:
        return [
            StepMetrics(
                phase="cambrian",
                generation=generation,
                member_id=member_id,
                step=step,
                loss=1 / step,
                learning_rate=3e-3,
                grad_norm=None,
                clip_coef=0.75,
                clip_pct=25.0,
                skipped=False,
                tokens_per_sec=1000.0,
                ms_per_step=10.5,
            )
            for step in range(first, first + count)
        ]

    return build


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run's folder."""
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return folder


@pytest.fixture
def work(folder: RunFolder) -> PartialWork:
    """Its partial work."""
    return PartialWork(folder, CONTEXT)
