"""Curves for programs: what joining steps keeps, on every database."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.web.api.course import Course, course
from state.metrics_store import MetricsStore
from state.records import StepMetrics
from tests.databases import KINDS, migrated
from tests.full_store import make_steps


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MetricsStore]:
    with MetricsStore.open(migrated(request.param, tmp_path), writer=True) as store:
        yield store


def curve(losses: list[float | None], member_id: str = "a") -> list[StepMetrics]:
    steps = make_steps(len(losses), member_id=member_id)
    return [
        step.model_copy(update={"loss": loss, "free_energy": 1.0})
        for step, loss in zip(steps, losses, strict=True)
    ]


def of(store: MetricsStore, *columns: str, points: int = 100, run_id: str = "r") -> Course:
    return course(store, run_id, columns, None, points)


def test_a_thinned_curve_keeps_spikes_and_its_end(store: MetricsStore) -> None:
    losses: list[float | None] = [3.0 - step / 1000 for step in range(1000)]
    losses[617], losses[618], losses[500] = 50.0, -50.0, None
    store.record_steps("r", curve(losses))
    found = of(store, "loss", "free_energy")
    assert found.num_steps == 1000
    assert 20 < len(found.last_step) <= 100
    spiked = found.greatest["loss"].index(50.0)
    assert found.first_step[spiked] <= 618 <= found.last_step[spiked]
    assert -50.0 in found.least["loss"]
    assert (found.first_step[0], found.last_step[-1]) == (1, 1000)
    assert set(found.mean["free_energy"]) == {1.0}


def test_members_are_thinned_each_by_itself(store: MetricsStore) -> None:
    for name, least in (("a", -1.0), ("b", -2.0)):
        losses: list[float | None] = [1.0] * 300
        losses[100] = least
        store.record_steps("r", curve(losses, name))
    found = of(store, "loss", points=60)
    assert len(found.first_step) <= 60
    kept = set(zip(found.member_id, found.least["loss"], strict=True))
    assert {("a", -1.0), ("b", -2.0)} <= kept
    assert set(course(store, "r", ["loss"], ["b"], 60).member_id) == {"b"}
    assert course(store, "r", ["loss"], [], 60).first_step == ()


def test_few_steps_are_all_there_and_gaps_are_gaps(store: MetricsStore) -> None:
    store.record_steps("r", curve([1.0, None, 3.0]))
    found = of(store, "loss", "grad_norm")
    assert found.first_step == found.last_step == (1, 3)
    assert found.least == found.greatest == found.mean
    assert found.mean == {"loss": (1.0, 3.0), "grad_norm": (None, None)}
    assert of(store, "loss", run_id="other").first_step == ()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricsStore]:
    url = migrated("sqlite", tmp_path_factory.mktemp("shared"))
    with MetricsStore.open(url, writer=True) as store:
        yield store


@settings(max_examples=40, deadline=None)
@given(
    losses=st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=60),
    points=st.integers(1, 40),
)
def test_the_extremes_are_always_there(
    shared: MetricsStore, losses: list[float | None], points: int
) -> None:
    run_id = uuid.uuid4().hex
    shared.record_steps(run_id, curve(losses))
    found = of(shared, "loss", points=points, run_id=run_id)
    known = [loss for loss in losses if loss is not None]
    assert found.num_steps == len(known)
    assert len(found.first_step) <= max(points, 2)
    least = [one for one in found.least["loss"] if one is not None]
    greatest = [one for one in found.greatest["loss"] if one is not None]
    assert (min(known, default=None), max(known, default=None)) == (
        min(least, default=None),
        max(greatest, default=None),
    )
