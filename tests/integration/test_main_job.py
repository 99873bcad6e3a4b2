"""The main job as a user runs it: real training on small shapes, through the command line."""

import json
from pathlib import Path

import pytest

from orchestrator.cli import main
from state.objects import ObjectStore
from tests.integration.main_job import Job, report, symbio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SHAPE = ["--dim", "16", "--heads", "2", "--layers", "1", "--block", "32", "--batch", "4"]
BUDGET = 300


@pytest.fixture(scope="module")
def finished(small_job: Job, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One uninterrupted inline run with a control, and what it printed; tokenizer, battery and
    search are those of a user who chooses none.
    """
    folder = tmp_path_factory.mktemp("whole") / "run"
    data = ["--data", str(small_job.corpus), "--run-dir", str(folder), "--budget", str(BUDGET)]
    return folder, symbio(*data, *SHAPE, "--engine", "inline", "--control", "gelu")


def test_six_phases_spend_the_budget_exactly(finished: tuple[Path, str]) -> None:
    loaded = report(finished[0])
    assert [phase["name"] for phase in loaded["phases"]] == [
        "abiogenesis",
        "primordial",
        "cambrian",
        "oxidation",
        "endosymbiosis",
        "homeostasis",
    ]
    assert loaded["budget"]["requested"] == loaded["budget"]["spent"] == BUDGET
    assert sum(loaded["budget"]["by_phase"].values()) == BUDGET
    assert all(phase["gate"]["verdict"] for phase in loaded["phases"])


def test_the_report_keeps_its_contract(finished: tuple[Path, str]) -> None:
    loaded = report(finished[0])
    fields = {
        "": "schema_version run_id seed data model budget phases winner test search untrained "
        "order2 ensemble synchrony population control environment resumed_count",
        "data": "path sha256 bytes",
        "model": "size parameters backbone",
        "budget": "requested spent by_phase",
        "winner": "formula gated nodes fingerprint parents lineage",
        "test": "bits_per_byte nats_per_token tokens",
        "search": "bits_per_byte nats_per_token tokens",
        "untrained": "bits_per_byte",
        "order2": "bits_per_byte",
        "ensemble": "bits_per_byte disagreement distil_weight",
        "population": "evaluated known_redrawn accepted null_accepted",
    }
    for part, names in fields.items():
        table = loaded[part] if part else loaded
        assert set(names.split()) <= set(table), part
    phase = "name steps generations bits_per_byte battery gate decisions findings"
    assert all(set(phase.split()) <= set(one) for one in loaded["phases"])
    assert [set(one) for one in loaded["control"]] == [
        {"name", "bits_per_byte", "interval", "ended_after"}
    ]


def test_the_model_learnt_something(finished: tuple[Path, str]) -> None:
    loaded = report(finished[0])
    assert loaded["test"]["bits_per_byte"] < loaded["untrained"]["bits_per_byte"] - 0.5


def test_report_console_checkpoint_and_export_name_one_winner(finished: tuple[Path, str]) -> None:
    """The original's console, report and checkpoint named three different winners."""
    folder, printed = finished
    formula = report(folder)["winner"]["formula"]
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    winner = state["state"]["run"]["winner"]
    assert winner["genome"]["formula"] == formula
    checkpoint = ObjectStore(folder / "objects").read(winner["checkpoint"])
    header = json.loads(checkpoint[8 : 8 + int.from_bytes(checkpoint[:8], "little")])
    assert json.dumps(formula)[1:-1] in json.dumps(header["__metadata__"]).replace("\\\\", "\\")
    exported = json.loads((folder / "model/config.json").read_text(encoding="utf-8"))
    assert formula in exported.values()
    assert f"with {formula}" in printed
    assert formula in (folder / "report.md").read_text(encoding="utf-8")


def test_every_exit_prints_the_resume_line(finished: tuple[Path, str]) -> None:
    folder, printed = finished
    assert f"symbio-auto --resume {folder / 'state.json'}" in printed


def test_no_metric_is_nan_or_infinite(finished: tuple[Path, str]) -> None:
    for name in ("metrics.jsonl", "events.jsonl", "state.json", "final-report.json"):
        text = (finished[0] / name).read_text(encoding="utf-8")
        assert "NaN" not in text
        assert "Infinity" not in text


def test_the_commands_work_on_a_finished_run(
    finished: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(finished[0])

    def said(*words: str) -> str:
        assert main([*words]) == 0
        return capsys.readouterr().out

    assert "finished" in symbio("status", folder)
    assert json.loads(said("status", folder, "--json"))["spent"] == BUDGET
    assert said("sample", folder, "--prompt", "What is it?", "--tokens", "8").strip()
    assert report(finished[0])["winner"]["formula"] in said("report", folder)
    said("export", folder, "--to", str(tmp_path / "out"))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "model.py"} <= names
