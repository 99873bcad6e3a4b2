"""Instruments look at a member in training, and touch nothing but its batch."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from state.records import Readings, StepMetrics
from state.run_folder import RunFolder
from state.tasks import BatchKey, TrainingResult, TrainingTask
from tests.task_builders import make_training_task
from trainer.config import WorkerSetup
from trainer.execution import TaskExecutor
from trainer.instruments.config import SymbioConfig
from trainer.instruments.cusum_panel import THROUGHPUT_DOWN, VAL_UP

SPARSE = {"weight_entropy", "effective_rank", "free_energy"}
task_of = partial(
    make_training_task, batches=BatchKey(seed=3, lineage=0, generation=1, purpose="train")
)


@pytest.fixture
def measured(setup: WorkerSetup) -> WorkerSetup:
    """Sparse measures every third step; alarms change nothing."""
    symbio = SymbioConfig(metrics_interval=3, adaptive_batch=False)
    return setup.model_copy(update={"symbio": symbio})


@pytest.fixture
def jumpy(setup: WorkerSetup) -> WorkerSetup:
    """Charts without patience, whose alarms change the batch."""
    symbio = SymbioConfig(
        chart="original", cusum_threshold=1e-6, cusum_drift=0, batch_min=1, batch_step=1
    )
    return setup.model_copy(update={"symbio": symbio})


def trained(
    setup: WorkerSetup, task: TrainingTask | None = None
) -> tuple[TrainingResult, tuple[StepMetrics, ...]]:
    outcome = TaskExecutor(setup).execute(task or task_of(steps=8))
    for path in RunFolder(Path(setup.run_folder)).partial.glob("*"):
        path.unlink()
    assert isinstance(outcome.result, TrainingResult)
    return outcome.result, outcome.rows


def bits(row: StepMetrics) -> StepMetrics:
    """The row without what follows from the clock."""
    silent = {"tokens_per_sec": 0, "ms_per_step": 0, "cusum_tps_neg": None}
    alerts = None if row.cusum_alerts is None else row.cusum_alerts & ~THROUGHPUT_DOWN
    return row.model_copy(update={**silent, "cusum_alerts": alerts})


def test_without_symbio_nothing_is_read(setup: WorkerSetup) -> None:
    _, rows = trained(setup)
    assert all(getattr(row, name) is None for row in rows for name in Readings.model_fields)


def test_measuring_changes_no_step(setup: WorkerSetup, measured: WorkerSetup) -> None:
    plain, without = trained(setup)
    watched, rows = trained(measured)
    unread = dict.fromkeys(Readings.model_fields)
    assert [bits(row.model_copy(update=unread)) for row in rows] == list(map(bits, without))
    assert watched.evaluations == plain.evaluations
    assert watched.tokens == plain.tokens


def test_sparse_measures_come_at_their_interval_and_at_the_end(measured: WorkerSetup) -> None:
    _, rows = trained(measured, task_of(steps=8, first_step=5))
    for name in SPARSE:
        read = [row.step for row in rows if getattr(row, name) is not None]
        assert read == [6, 9, 12]
    assert all(row.cusum_alerts is not None for row in rows)
    assert all(row.mi_input_output is None for row in rows)


def test_what_is_not_tracked_is_not_read(measured: WorkerSetup) -> None:
    assert measured.symbio is not None
    off = measured.symbio.model_copy(
        update={"track_weight_entropy": False, "track_effective_rank": False}
    )
    _, rows = trained(measured.model_copy(update={"symbio": off}))
    assert rows[-1].weight_entropy is None
    assert rows[-1].effective_rank is None
    assert rows[-1].free_energy is not None


def test_information_profiles_are_read_where_they_are_asked_for(measured: WorkerSetup) -> None:
    assert measured.symbio is not None
    on = measured.symbio.model_copy(update={"track_mi_profiles": True})
    _, rows = trained(measured.model_copy(update={"symbio": on}))
    assert [row.step for row in rows if row.mi_input_output is not None] == [3, 6, 8]


def test_an_alarm_changes_the_next_batch_and_the_tokens(jumpy: WorkerSetup) -> None:
    result, rows = trained(jumpy, task_of(steps=12))
    sizes = [row.adaptive_batch_size or 0 for row in rows]
    changed = [before != after for before, after in pairwise(sizes)]
    assert any(changed)
    assert [row.batch_change_reason is not None for row in rows[:-1]] == changed
    assert sizes[0] == jumpy.optimizer.batch
    assert result.tokens == sum(sizes) * jumpy.model.block


def test_a_search_loss_reaches_its_chart_at_the_first_step(jumpy: WorkerSetup) -> None:
    first, _ = trained(jumpy, task_of(search_loss=2.0))
    _, rows = trained(jumpy, task_of(first_step=5, search_loss=2.5, parent=first.checkpoint))
    assert rows[0].cusum_val_pos == pytest.approx(0.5)
    assert [bool((row.cusum_alerts or 0) & VAL_UP) for row in rows] == [True, False, False, False]


def test_the_instruments_go_on_from_a_checkpoint_as_if_nothing_had_happened(
    jumpy: WorkerSetup,
) -> None:
    whole, rows = trained(jumpy, task_of(steps=10))
    first, begun = trained(jumpy, task_of(steps=4))
    second, ended = trained(jumpy, task_of(steps=6, first_step=5, parent=first.checkpoint))
    dense = dict.fromkeys(SPARSE)
    parts = [bits(row.model_copy(update=dense)) for row in (*begun, *ended)]
    assert parts == [bits(row.model_copy(update=dense)) for row in rows]
    assert second.checkpoint == whole.checkpoint
