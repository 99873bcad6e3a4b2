"""`symbio-auto train --symbio` as a user runs it: what is measured reaches the store."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.cli import main
from orchestrator.report.train_report import TrainReport
from state.records import Readings
from trainer.demo_corpus import write_demo_corpus

ITERS, INTERVAL = 8, 4
SHAPE = ["--dim", "16", "--heads", "2", "--layers", "1", "--block", "16", "--batch", "12"]
SPARSE = {"weight_entropy", "effective_rank", "free_energy", "mi_input_output"}
RARE = {"batch_change_reason"}
"""Only where the batch changes."""


def started(folder: Path, *words: str) -> Path:
    """A finished run beside a corpus."""
    corpus = folder.with_name("corpus.txt")
    write_demo_corpus(corpus, 9_000)
    data = ["--data", str(corpus), "--tokenizer", "byte", "--device", "cpu"]
    steps = ["--iters", str(ITERS), "--eval-interval", "4", "--sample-interval", "0"]
    shown = ["--run-dir", str(folder), "--plain"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBIO_ENGINE__HOST_THREADS", "1")
        assert main(["train", *data, *SHAPE, *steps, *shown, *words]) == 0
    return folder


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    settings = folder / "symbio.json"
    text = json.dumps({"metricsInterval": INTERVAL, "trackMIProfiles": True})
    settings.write_text(text, encoding="utf-8")
    return started(folder / "run", "--symbio", "--symbio-config", str(settings))


def journal(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_reading_of_every_step_is_in_the_journal(measured: Path) -> None:
    rows = journal(measured)
    assert [row["step"] for row in rows] == list(range(1, ITERS + 1))
    for name in set(Readings.model_fields) - RARE:
        steps = [row["step"] for row in rows if row.get(name) is not None]
        interval = INTERVAL if name in SPARSE else 1
        assert steps == list(range(interval, ITERS + 1, interval)), name


def test_the_store_has_the_readings_of_the_journal(measured: Path) -> None:
    names = sorted(Readings.model_fields)
    with closing(sqlite3.connect(measured / "metrics.db")) as store:
        query = f"SELECT {', '.join(names)} FROM metrics ORDER BY step"
        found = [dict(zip(names, row, strict=True)) for row in store.execute(query)]
    assert found == [{name: row.get(name) for name in names} for row in journal(measured)]


def test_the_run_says_that_it_was_measured_and_how(measured: Path) -> None:
    with closing(sqlite3.connect(measured / "metrics.db")) as store:
        query = "SELECT symbio, symbio_config, ffn_activation FROM runs"
        symbio, config, activation = store.execute(query).fetchone()
    assert (symbio, activation) == (1, "glu(silu(x))")
    assert json.loads(config)["metrics_interval"] == INTERVAL
    assert json.loads(config)["cusum_threshold"] == pytest.approx(9.33, abs=0.01)
    events = (measured / "events.jsonl").read_text(encoding="utf-8").splitlines()
    (mode,) = [one for one in map(json.loads, events) if one["kind"] == "mode"]
    assert (mode["symbio"], mode["activation_name"]) == (True, "swiglu")


def test_the_preset_reaches_the_run_and_a_flag_goes_over_it(tmp_path: Path) -> None:
    folder = started(tmp_path / "run", "--symbio", "--activation", "gelu", "--lr", "0.001")
    report = TrainReport.model_validate_json((folder / "final-report.json").read_bytes())
    assert report.activation == "gelu(x)"
    rates = report.config["optimizer"]
    assert isinstance(rates, dict)
    assert (rates["lr"], rates["grad_clip"], rates["spike_threshold"]) == (0.001, 5.0, 10.0)
    assert all(row["cusum_alerts"] is not None for row in journal(folder))
