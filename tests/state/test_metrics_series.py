"""Changes of a column, on every database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from state.metrics_series import require_numeric
from state.metrics_store import MetricsStore
from tests.databases import KINDS, migrated
from tests.full_store import make_steps


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MetricsStore]:
    with MetricsStore.open(migrated(request.param, tmp_path), writer=True) as store:
        yield store


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
    with pytest.raises(ValueError, match="is not a column"):
        store.changes("r", "nothing")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([], "no column is named"),
        (["phase"], "phase holds no numbers"),
        (["step"], "step is not a column"),
        (["loss; DROP TABLE runs"], "is not a column of metrics"),
    ],
)
def test_only_columns_that_hold_numbers_make_curves(columns: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        require_numeric(columns)
