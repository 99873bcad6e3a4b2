"""The live view of a model that trains alone: its own figures and no empty panels."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.snapshot import Pace, RunView
from dashboard.terminal.training import thinned
from dashboard.terminal.view import Frame
from state.metrics_store import MetricsStore
from state.records import Genome, Ledger, LedgerLine, MemberRecord, StepMetrics
from state.run_folder import RunFolder
from state.store_rows import RunSummary, StoredEvent

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
        search_bits=(3.6, 3.2, 3.3),
        events=(
            StoredEvent(index=0, kind="trained", data={"step": 400, "train_loss": 2.1}),
            StoredEvent(
                index=1, kind="sample", data={"step": 400, "prompt": "ROMEO:", "text": "O,\n love"}
            ),
        ),
    )


def text(view: RunView, width: int = 80, height: int = 24) -> str:
    console = Console(record=True, width=width, height=height, file=StringIO())
    console.print(Frame(view, Pace(10, 50), width, height), end="")
    shown = console.export_text()
    assert max(map(cell_len, shown.splitlines())) <= width
    return shown


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
    for words in ("population", "Homeostasis", "synchrony", "battery", "generation", "symbio "):
        assert words not in shown, words


def test_what_the_instruments_read_last_is_shown(single: RunView) -> None:
    rows = (step(300, weight_entropy=4.25, effective_rank=7.5), step(301, cusum_alerts=4))
    config = {**CONFIG, "train": {"symbio": {"chart": "standardised"}}}
    run = single.run.model_copy(update={"config": config})
    shown = text(replace(single, run=run, steps=rows))
    assert "entropy 4.25  rank 7.5  alarms 4" in shown
    assert "symbio" in shown.splitlines()[2]


def test_a_run_that_has_just_begun_says_so(single: RunView) -> None:
    assert "no chunk is complete yet" in text(replace(single, steps=(), losses=(), search_bits=()))


@given(st.lists(st.floats(-5, 5), max_size=300), st.integers(1, 60))
def test_a_thinned_course_fits_and_keeps_its_ends(values: list[float], count: int) -> None:
    shown = thinned(values, count)
    assert len(shown) <= count
    if values:
        assert min(values) - 1e-9 <= min(shown) <= max(shown) <= max(values) + 1e-9
    if len(values) <= count:
        assert shown == pytest.approx(values)


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
    assert view.search_bits == (3.6, 3.2)
    assert view.losses == tuple(one.loss for one in single.steps)
