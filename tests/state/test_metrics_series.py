"""Curves: what thinning keeps, on every database."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_a_thinned_curve_keeps_spikes_and_its_end(store: MetricsStore) -> None:
    losses: list[float | None] = [3.0 - step / 1000 for step in range(1000)]
    losses[617], losses[618], losses[500] = 50.0, -50.0, None
    store.record_steps("r", curve(losses))
    found = store.series("r", ["loss", "free_energy"], limit=100)
    assert found.num_points == 1000
    assert 20 < len(found.step) <= 120
    assert {50.0, -50.0} <= set(found.values["loss"])
    assert found.step[-1] == 1000
    assert list(found.step) == sorted(set(found.step))
    by_step = dict(zip(found.step, found.values["loss"], strict=True))
    assert all(losses[step - 1] == loss for step, loss in by_step.items())


def test_members_are_thinned_each_by_itself(store: MetricsStore) -> None:
    for name, least in (("a", -1.0), ("b", -2.0)):
        losses: list[float | None] = [1.0] * 300
        losses[100] = least
        store.record_steps("r", curve(losses, name))
    found = store.series("r", ["loss"], limit=60)
    kept = set(zip(found.member_id, found.values["loss"], strict=True))
    assert {("a", -1.0), ("b", -2.0)} <= kept
    assert set(store.series("r", ["loss"], ["b"], 60).member_id) == {"b"}
    assert store.series("r", ["loss"], []).step == ()


def test_few_points_are_all_there_and_gaps_are_gaps(store: MetricsStore) -> None:
    store.record_steps("r", curve([1.0, None, 3.0]))
    found = store.series("r", ["loss", "grad_norm"], limit=100)
    assert found.step == (1, 3)
    assert found.values == {"loss": (1.0, 3.0), "grad_norm": (None, None)}
    assert store.series("other", ["loss"]).step == ()


def test_changes_are_the_steps_where_a_value_is_another_one(store: MetricsStore) -> None:
    store.record_steps("r", make_steps(8))
    for column, expected in {
        "cusum_alerts": ((3, 1), (5, 0)),
        "adaptive_batch_size": ((1, 8), (5, 12)),
        "batch_change_reason": ((4, "cusum_clip_onset"),),
        "skipped": ((4, True), (5, False)),
        "phase": ((1, "cambrian"),),
        "weight_entropy": (),
    }.items():
        found = store.changes("r", column)
        assert tuple(zip(found.step, found.values[column], strict=True)) == expected
    assert store.changes("r", "cusum_alerts", last=1).step == (5,)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([], "no column is named"),
        (["phase"], "phase holds no numbers"),
        (["step"], "step is not a column"),
        (["loss; DROP TABLE runs"], "is not a column of metrics"),
    ],
)
def test_only_columns_that_hold_numbers_make_curves(
    columns: list[str], said: str, tmp_path: Path
) -> None:
    with MetricsStore.open(migrated("sqlite", tmp_path), writer=True) as store:
        with pytest.raises(ValueError, match=said):
            store.series("r", columns)
        with pytest.raises(ValueError, match="is not a column"):
            store.changes("r", "nothing")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricsStore]:
    url = migrated("sqlite", tmp_path_factory.mktemp("shared"))
    with MetricsStore.open(url, writer=True) as store:
        yield store


@settings(max_examples=40, deadline=None)
@given(
    losses=st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=60),
    limit=st.integers(1, 40),
)
def test_the_extremes_are_always_there(
    shared: MetricsStore, losses: list[float | None], limit: int
) -> None:
    run_id = uuid.uuid4().hex
    shared.record_steps(run_id, curve(losses))
    found = shared.series(run_id, ["loss"], limit=limit)
    known = [loss for loss in losses if loss is not None]
    assert set(found.values["loss"]) <= set(known)
    if known:
        assert {min(known), max(known)} <= set(found.values["loss"])
        last = max(step for step, loss in enumerate(losses, 1) if loss is not None)
        assert found.step[-1] == last
