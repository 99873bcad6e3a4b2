"""The live view of a model that trains alone: its own figures and no empty panels."""

from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest

from dashboard.terminal.history import Alarm, Point
from dashboard.terminal.lamps import cusum_lamps
from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.snapshot import RunView
from state.metrics_store import MetricsStore
from state.records import Genome, Ledger, LedgerLine, MemberRecord, StepMetrics
from state.run_folder import RunFolder
from state.store_rows import RunSummary, StoredEvent
from tests.dashboard.terminal.frames import text

CONFIG = {
    "mode": "train",
    "model": {"recipe": "classic", "layers": 4, "dim": 128, "block": 64},
    "optimizer": {"batch": 12},
    "train": {"symbio": None},
}


def step(number: int, **readings: float) -> StepMetrics:
    return StepMetrics(
        phase="training",
        generation=3,
        member_id="g00003-model",
        step=number,
        loss=2.5 - number / 1000,
        learning_rate=0.00098,
        grad_norm=0.53,
        clip_coef=0.88,
        clip_pct=12.0,
        skipped=False,
        tokens_per_sec=30_000,
        ms_per_step=25.6,
        **readings,
    )


@pytest.fixture
def single() -> RunView:
    return RunView(
        run=RunSummary(
            run_id="train-1",
            domain="text",
            ffn_activation="glu(silu(x))",
            status="active",
            config=CONFIG,
            phase="training",
            generation=3,
            step=400,
            best_bits_per_byte=3.2,
            num_decisions=3,
            created_at=None,
            updated_at=None,
        ),
        ledger=Ledger(
            budget=2000, lines=(LedgerLine(phase="training", allotted=2000, settled=400),)
        ),
        steps=tuple(step(number) for number in range(301, 401)),
        losses=tuple(3.0 - number / 400 for number in range(400)),
        course=tuple(
            Point("training", number, 2.5, bits) for number, bits in enumerate((3.6, 3.2, 3.3))
        ),
        events=(
            StoredEvent(index=0, kind="trained", data={"step": 400, "train_loss": 2.1}),
            StoredEvent(
                index=1, kind="sample", data={"step": 400, "prompt": "ROMEO:", "text": "O,\n love"}
            ),
        ),
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 40)])
def test_loss_search_speed_and_rate_are_there(single: RunView, width: int, height: int) -> None:
    shown = text(single, width, height)
    for words in (
        "train-1",
        "400/2,000 steps 20%",
        "glu(silu(x))",
        "4 layers",
        "batch 12",
        "2.1000 nats",
        "3.000 to 2.002 nats",
        "3.600 to 3.300 bpb, best 3.200",
        "3.3000 bpb, best 3.2000",
        "30k tokens/s, 25.6 ms a step",
        "0.00098",
        "norm 0.53, 12 % clipped away",
        "ROMEO: -> O, love",
    ):
        assert words in shown, words


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 40)])
def test_nothing_of_a_population_is_there(single: RunView, width: int, height: int) -> None:
    shown = text(single, width, height)
    for words in ("population", "Homeostasis", "synchrony", "battery", "generation", "charts"):
        assert words not in shown, words


def test_what_the_instruments_read_last_is_shown(single: RunView) -> None:
    rows = (step(300, weight_entropy=4.25), step(301, effective_rank=7.5, adaptive_batch_size=12))
    config = {**CONFIG, "train": {"symbio": {"chart": "standardised"}}}
    run = single.run.model_copy(update={"config": config})
    shown = text(replace(single, run=run, steps=rows))
    assert "entropy 4.25  rank 7.5  batch 12" in shown
    assert "symbio" in shown.splitlines()[2]


def test_a_run_that_has_just_begun_says_so(single: RunView) -> None:
    assert "no chunk is complete yet" in text(replace(single, steps=(), losses=(), course=()))


def test_the_reader_finds_the_newest_chunk_and_every_evaluation(
    tmp_path: Path, single: RunView
) -> None:
    with MetricsStore.open(tmp_path / "metrics.db", writer=True) as store:
        store.record_run("train-1", CONFIG, "gelu(x)", "text")  # type: ignore[arg-type]
        store.record_steps("train-1", single.steps)
        for number, bits in enumerate((3.6, None, 3.2), start=1):
            member = MemberRecord(
                member_id=f"g0000{number}-model",
                phase="training",
                generation=number,
                lineage=0,
                role="host",
                genome=Genome(formula="gelu(x)"),
                bits_per_byte=bits,
            )
            store.record_members("train-1", [member])
            store.record_generation("train-1", "training", number, {"best_bits_per_byte": bits})
    with RunReader(RunFolder(tmp_path)) as reader:
        view = reader.read()
    assert view is not None
    assert view.is_single
    assert view.steps == single.steps
    assert [one.bits_per_byte for one in view.course] == [3.6, None, 3.2]
    assert len(view.losses) == 25
    assert mean(view.losses) == pytest.approx(mean(one.loss or 0 for one in single.steps))
    assert view.alarms is None


def test_a_chart_lights_while_its_alarm_is_in_the_newest_chunk(single: RunView) -> None:
    alarms = {0x01: Alarm(2, 120), 0x02: Alarm(1, 350), 0x08: Alarm(3, 300)}
    lamps = {
        lamp.name: (lamp.state, lamp.note) for lamp in cusum_lamps(replace(single, alarms=alarms))
    }
    assert lamps == {
        "gradient": ("warned", "down at step 350, 3 in all"),
        "clipping": ("off", "no alarm"),
        "throughput": ("off", "down at step 300, 3 in all"),
        "search loss": ("off", "no alarm"),
    }
    assert cusum_lamps(single) == []


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 40), (200, 60)])
def test_the_charts_are_shown_at_every_size(single: RunView, width: int, height: int) -> None:
    shown = text(replace(single, alarms={0x10: Alarm(1, 333)}), width, height)
    assert "charts" in shown
    assert "! search loss" in shown
    assert "at step 333, 1 in all" in shown


def test_alarms_of_every_chunk_are_counted_once(tmp_path: Path) -> None:
    def chunk(number: int) -> tuple[StepMetrics, ...]:
        first = 10 * number
        rows = [step(at, cusum_alerts=5 if at % 10 == 3 else 0) for at in range(first, first + 10)]
        place = {"generation": number, "member_id": f"g{number:05}-model"}
        return tuple(row.model_copy(update=place) for row in rows)

    with MetricsStore.open(tmp_path / "metrics.db", writer=True) as store:
        store.record_run("train-1", CONFIG, "gelu(x)", "text")  # type: ignore[arg-type]
        for number in range(40):
            member = MemberRecord(
                member_id=f"g{number:05}-model",
                phase="training",
                generation=number,
                lineage=0,
                role="host",
                genome=Genome(formula="gelu(x)"),
            )
            store.record_steps("train-1", chunk(number))
            store.record_members("train-1", [member])
            store.record_generation("train-1", "training", number, {})
    with RunReader(RunFolder(tmp_path)) as reader:
        looks = [reader.read() for _ in range(4)]
    counted = [view.alarms[1].times for view in looks if view and view.alarms]
    assert counted == [16, 32, 40, 40]
    last = looks[-1]
    assert last is not None
    assert last.alarms == {1: Alarm(40, 393), 4: Alarm(40, 393)}
    assert len(last.losses) == 400
