"""The main job as a user runs it: real training on small shapes, through the command line."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from state.objects import ObjectStore
from trainer.demo_corpus import write_demo_corpus

Process = subprocess.Popen[str] | subprocess.Popen[bytes]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SHAPE = ["--dim", "16", "--heads", "2", "--layers", "1", "--block", "32", "--batch", "4"]
BUDGET = 700


def command(data: Path, folder: Path, *arguments: str) -> list[str]:
    main = [sys.executable, "-m", "orchestrator.cli", "--data", str(data)]
    return [*main, "--run-dir", str(folder), "--budget", str(BUDGET), *SHAPE, *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path.cwd())}


def symbio(arguments: list[str], code: int = 0) -> str:
    run = subprocess.run(
        arguments, capture_output=True, text=True, timeout=300, check=False, env=environment()
    )
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout


def model_hash(folder: Path) -> str:
    return hashlib.sha256((folder / "model/model.safetensors").read_bytes()).hexdigest()


def report(folder: Path) -> dict:  # type: ignore[type-arg]
    loaded: dict = json.loads((folder / "final-report.json").read_text(encoding="utf-8"))  # type: ignore[type-arg]
    return loaded


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "demo.txt"
    write_demo_corpus(path, 40_000)
    return path


@pytest.fixture(scope="module")
def finished(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One uninterrupted inline run with a control, and what it printed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    printed = symbio(command(corpus, folder, "--engine", "inline", "--control", "gelu"))
    return folder, printed


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
    assert [set(one) for one in loaded["control"]] == [{"name", "bits_per_byte", "interval"}]


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


def test_the_commands_work_on_a_finished_run(finished: tuple[Path, str], tmp_path: Path) -> None:
    folder = str(finished[0])
    program = [sys.executable, "-m", "orchestrator.cli"]
    assert "finished" in symbio([*program, "status", folder])
    assert json.loads(symbio([*program, "status", folder, "--json"]))["spent"] == BUDGET
    assert symbio([*program, "sample", folder, "--prompt", "What is it?", "--tokens", "8"]).strip()
    assert report(finished[0])["winner"]["formula"] in symbio([*program, "report", folder])
    symbio([*program, "export", folder, "--to", str(tmp_path / "out")])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "model.py"} <= names


def test_the_same_command_gives_the_same_bits(
    corpus: Path, finished: tuple[Path, str], tmp_path: Path
) -> None:
    symbio(command(corpus, tmp_path / "run", "--engine", "inline", "--control", "gelu"))
    assert model_hash(tmp_path / "run") == model_hash(finished[0])
    assert report(tmp_path / "run")["winner"] == report(finished[0])["winner"]


@pytest.mark.ray
@pytest.mark.parametrize("workers", ["1", "3"])
def test_ray_gives_the_bits_of_inline_whatever_the_number_of_workers(
    corpus: Path, finished: tuple[Path, str], tmp_path: Path, workers: str
) -> None:
    arguments = ("--engine", "ray", "--workers", workers, "--control", "gelu")
    symbio(command(corpus, tmp_path / "run", *arguments))
    assert model_hash(tmp_path / "run") == model_hash(finished[0])


@pytest.mark.ray
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_resumes_to_the_same_bits(
    corpus: Path, finished: tuple[Path, str], tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "run"
    process = subprocess.Popen(
        command(corpus, folder, "--engine", "ray", "--workers", "2", "--control", "gelu"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    try:
        _wait_for_generation(folder, 6, process)
        process.send_signal(number)
        printed, _ = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number, printed
        assert f"--resume {folder / 'state.json'}" in printed
    resume = [sys.executable, "-m", "orchestrator.cli", "--resume", str(folder / "state.json")]
    symbio([*resume, "--engine", "inline"])
    assert model_hash(folder) == model_hash(finished[0])
    assert report(folder)["resumed_count"] == 1
    assert report(folder)["population"] == report(finished[0])["population"]


def _wait_for_generation(folder: Path, generation: int, process: Process) -> None:
    limit = time.monotonic() + 200
    while time.monotonic() < limit:
        assert process.poll() is None, "the run ended before it could be interrupted"
        try:
            state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
            if state["summary"]["generation"] >= generation:
                return
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"generation {generation} was not reached")


def test_a_finished_run_can_be_given_more_budget(
    corpus: Path, tmp_path: Path, finished: tuple[Path, str]
) -> None:
    folder = tmp_path / "run"
    symbio(command(corpus, folder, "--engine", "inline"))
    before = report(folder)["search"]["bits_per_byte"]
    resume = [sys.executable, "-m", "orchestrator.cli", "--resume", str(folder)]
    assert "is finished" in symbio(resume)
    symbio([*resume, "--budget", "1200"])
    after = report(folder)
    assert after["budget"]["requested"] == after["budget"]["spent"] == 1200
    assert after["test_openings"] == 2
    assert after["search"]["bits_per_byte"] < before
    symbio([*resume, "--budget", "900"], code=2)


@pytest.mark.ray
def test_a_run_folder_in_use_is_refused(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = subprocess.Popen(
        command(corpus, folder, "--engine", "inline", "--budget", "50000"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    try:
        _wait_for_generation(folder, 1, process)
        second = subprocess.run(
            [sys.executable, "-m", "orchestrator.cli", "--resume", str(folder)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment(),
        )
    finally:
        process.kill()
        process.wait()
    assert second.returncode == 2
    assert "in use" in second.stderr
    assert second.stderr.count("\n") == 1
