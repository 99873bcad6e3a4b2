"""Instruments look at a member in training, and touch nothing but its batch."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from state.genome import parse
from state.objects import ObjectStore
from state.records import Readings, StepMetrics
from state.results import TrainingResult
from state.run_folder import RunFolder
from state.tasks import BatchKey, TrainingTask
from tests.task_builders import make_training_task
from trainer.checkpoint import Description, read_description
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


def symbio_of(setup: WorkerSetup, **changes: object) -> WorkerSetup:
    assert setup.symbio is not None
    return setup.model_copy(update={"symbio": setup.symbio.model_copy(update=changes)})


def test_alarms_are_told_but_for_that_of_the_clock(jumpy: WorkerSetup) -> None:
    result, rows = trained(jumpy, task_of(steps=12))
    told = 0
    for row in rows:
        told |= row.cusum_alerts or 0
    assert result.alarms == told & ~THROUGHPUT_DOWN != 0


def test_whoever_is_not_watched_trains_as_configured_and_keeps_its_instruments(
    jumpy: WorkerSetup,
) -> None:
    first, _ = trained(jumpy, task_of(steps=12))
    further = task_of(first_step=13, parent=first.checkpoint, watched=False)
    result, rows = trained(jumpy, further)
    assert all(getattr(row, name) is None for row in rows for name in Readings.model_fields)
    assert result.tokens == 4 * jumpy.optimizer.batch * jumpy.model.block
    assert result.alarms == 0
    before, after = (description_of(jumpy, one) for one in (first, result))
    assert before.instruments == after.instruments is not None


def test_a_switch_starts_the_charts_anew_though_nobody_watches(measured: WorkerSetup) -> None:
    first, _ = trained(measured, task_of(steps=12))
    switch = task_of("relu", parent=first.checkpoint, parent_genome=parse("gelu"), watched=False)
    result, _ = trained(measured, switch)
    before, after = (description_of(measured, one) for one in (first, result))
    assert before.instruments is not None
    assert after.instruments is not None
    assert after.instruments.charts.grad != before.instruments.charts.grad
    assert after.instruments.charts.val == before.instruments.charts.val


def description_of(setup: WorkerSetup, result: TrainingResult) -> Description:
    """What the checkpoint of the result says of itself."""
    assert result.checkpoint is not None
    objects = ObjectStore(RunFolder(Path(setup.run_folder)).objects)
    return read_description(objects.read(result.checkpoint))


def test_free_energy_in_the_objective_narrows_the_weights(measured: WorkerSetup) -> None:
    plain, rows = trained(measured, task_of(steps=12))
    heavy, weighted = trained(symbio_of(measured, free_energy_weight=1.0), task_of(steps=12))
    assert weighted[0].loss == rows[0].loss
    assert plain.checkpoint != heavy.checkpoint
    last, narrowed = rows[-1].weight_entropy, weighted[-1].weight_entropy
    assert last is not None
    assert narrowed is not None
    assert narrowed < last


def test_a_weight_of_zero_leaves_every_bit(measured: WorkerSetup) -> None:
    plain, _ = trained(measured)
    zero, _ = trained(symbio_of(measured, free_energy_weight=0.0))
    assert plain.checkpoint == zero.checkpoint


def test_the_thermostat_lowers_the_rate_and_does_not_mind_where_tasks_end(
    measured: WorkerSetup,
) -> None:
    controlled = symbio_of(measured, temperature_control=True, metrics_interval=2)
    whole, rows = trained(controlled, task_of(steps=16))
    rates = [row.learning_rate for row in rows]
    assert rates[0] == controlled.optimizer.lr
    assert min(rates) < rates[0]
    first, begun = trained(controlled, task_of(steps=7))
    parts = task_of(steps=9, first_step=8, parent=first.checkpoint)
    second, ended = trained(controlled, parts)
    assert [row.learning_rate for row in (*begun, *ended)] == rates
    assert second.checkpoint == whole.checkpoint
