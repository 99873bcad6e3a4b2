"""`symbio-auto train` as a user runs it: a tiny model trains, through the command line."""

import hashlib
import json
import os
import signal
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import JsonValue

from orchestrator.cli import main
from orchestrator.commands import train_run
from orchestrator.report.train_report import TrainReport
from state import schema
from state.records import Readings
from trainer.demo_corpus import write_demo_corpus
from trainer.manifest import read_manifest

SHAPE = ["--dim", "16", "--heads", "2", "--layers", "1", "--block", "16", "--batch", "4"]
ITERS = 24
INTERVALS = ["--iters", str(ITERS), "--eval-interval", "8", "--sample-interval", "12"]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "demo.txt"
    write_demo_corpus(path, 12_000)
    return path


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMBIO_ENGINE__HOST_THREADS", "1")
    monkeypatch.setenv("SYMBIO_BATTERY__MAX_NEW_TOKENS", "4")


def train(corpus: Path, folder: Path, *words: str) -> int:
    data = ["--data", str(corpus), "--tokenizer", "byte", "--device", "cpu"]
    shown = [] if "--json" in words else ["--plain"]
    return main(["train", *data, *SHAPE, *INTERVALS, "--run-dir", str(folder), *shown, *words])


def report(folder: Path) -> TrainReport:
    return TrainReport.model_validate_json((folder / "final-report.json").read_bytes())


def model_hash(folder: Path) -> str:
    return hashlib.sha256((folder / "model/model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def whole(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run that nobody interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBIO_ENGINE__HOST_THREADS", "1")
        patch.setenv("SYMBIO_BATTERY__MAX_NEW_TOKENS", "4")
        assert train(corpus, folder) == 0
    return folder


def test_the_report_has_what_other_programs_read(whole: Path) -> None:
    found = report(whole)
    assert (found.steps, found.budget.spent, found.tokens) == (ITERS, ITERS, ITERS * 4 * 16)
    assert found.activation == "gelu(x)"
    assert found.parameters == found.model.parameters > 0
    assert found.search.bits_per_byte < found.untrained.bits_per_byte
    assert found.test is not None
    assert found.test_openings == 1
    assert [one.step for one in found.course] == [8, 16, 24]
    assert found.search.bits_per_byte == min(one.bits_per_byte for one in found.course)
    assert [one.step for one in found.samples] == [12, 24]
    assert found.config["budget"] == ITERS
    text = (whole / "report.md").read_text(encoding="utf-8")
    assert "bits per byte on the test split" in text
    assert found.samples[-1].sample.prompt.split()[-1] in text


def test_every_step_is_in_the_store_and_no_instrument_wrote_a_column(whole: Path) -> None:
    with closing(sqlite3.connect(whole / "metrics.db")) as store:
        (count,) = store.execute("SELECT COUNT(*) FROM metrics").fetchone()
        assert count == ITERS
        for column in Readings.model_fields:
            (found,) = store.execute(f"SELECT COUNT({column}) FROM metrics").fetchone()
            assert found == 0, column
        clipping = store.execute("SELECT COUNT(clip_coef), COUNT(clip_pct) FROM metrics").fetchone()
        assert clipping == (ITERS, ITERS)
        flags = store.execute("SELECT symbio, symbio_config, ffn_activation FROM runs").fetchone()
    assert flags == (0, None, "gelu(x)")
    assert {"symbio", "symbio_config"} <= set(schema.RUNS.columns.keys())
    lines = (whole / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert not any(name in json.loads(line) for line in lines for name in Readings.model_fields)


def test_the_activation_and_the_samples_are_events(whole: Path) -> None:
    lines = (whole / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    (mode,) = [one for one in events if one["kind"] == "mode"]
    assert (mode["activation"], mode["symbio"]) == ("gelu(x)", False)
    spoken = [one for one in events if one["kind"] == "sample"]
    assert [one["step"] for one in spoken] == [12, 24]
    assert all(one["prompt"] and "text" in one for one in spoken)


def test_the_commands_work_on_such_a_run(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(whole)
    assert main(["status", run]) == 0
    assert "finished" in capsys.readouterr().out
    assert main(["watch", run, "--plain"]) == 0
    assert "step 24: training loss" in capsys.readouterr().out
    assert main(["report", run]) == 0
    assert "How it went" in capsys.readouterr().out
    assert main(["sample", run, "--prompt", "Who?", "--tokens", "4"]) == 0
    assert "Who?" in capsys.readouterr().out
    assert main(["export", run, "--to", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "model.py").is_file()
    assert main(["verify", run, "--replay"]) == 0
    assert "FAIL" not in capsys.readouterr().out


def test_the_command_in_the_report_makes_the_same_model(whole: Path, tmp_path: Path) -> None:
    words = report(whole).command.split()
    assert main([*words[1:], "--run-dir", str(tmp_path / "run"), "--plain"]) == 0
    assert model_hash(tmp_path / "run") == model_hash(whole)


def test_where_it_is_measured_changes_no_bit(whole: Path, corpus: Path, tmp_path: Path) -> None:
    rarely = ["--eval-interval", "24", "--sample-interval", "0"]
    assert train(corpus, tmp_path / "run", *rarely) == 0
    assert report(tmp_path / "run").search == report(whole).last


def test_tensorboard_gets_every_step_and_the_samples(corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert train(corpus, folder, "--tensorboard") == 0
    assert main(["train", "--resume", str(folder), "--iters", "30", "--tensorboard"]) == 0
    reader = import_module("tensorboard.backend.event_processing.event_accumulator")
    shown = reader.EventAccumulator(str(folder / "tensorboard"), {"scalars": 0})
    shown.Reload()
    steps = [one.step for one in shown.Scalars("model/loss")]
    assert len(steps) == 30
    assert set(steps) >= set(range(1, ITERS + 1))
    assert any("sample" in tag for tag in shown.Tags()["tensors"])


@pytest.mark.ray
def test_ray_gives_the_bits_of_inline(whole: Path, corpus: Path, tmp_path: Path) -> None:
    assert train(corpus, tmp_path / "run", "--engine", "ray") == 0
    assert model_hash(tmp_path / "run") == model_hash(whole)


def stop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C as soon as the first chunk is told."""
    told = train_run.print_event

    def stop(kind: str, data: Mapping[str, JsonValue]) -> None:
        told(kind, data)
        if kind == "trained":
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(train_run, "print_event", stop)


def test_a_stopped_run_goes_on_to_the_bits_of_one_that_was_not(
    whole: Path,
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_once(patch)
        assert train(corpus, folder) == 130
    assert f"--resume {folder / 'state.json'}" in capsys.readouterr().out
    assert not (folder / "final-report.json").exists()
    assert main(["train", "--resume", str(folder), "--plain"]) == 0
    assert model_hash(folder) == model_hash(whole)
    assert report(folder).course == report(whole).course
    assert report(folder).resumed_count == 1
    assert main(["verify", str(folder), "--replay"]) == 0


def test_a_finished_run_is_told_so_or_given_more_steps(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert train(corpus, folder) == 0
    before = report(folder)
    assert main(["train", "--resume", str(folder)]) == 0
    assert "is finished" in capsys.readouterr().out
    assert main(["train", "--resume", str(folder), "--iters", "20"]) == 2
    assert "--iters 20 does not extend" in capsys.readouterr().err
    assert main(["train", "--resume", str(folder), "--lr", "1"]) == 2
    assert "cannot change optimizer" in capsys.readouterr().err
    assert main(["train", "--resume", str(folder), "--iters", "60", "--plain"]) == 0
    after = report(folder)
    assert after.steps == after.budget.spent == 60
    assert after.search.bits_per_byte <= before.search.bits_per_byte
    assert main(["verify", str(folder), "--replay"]) == 0


def test_a_fork_goes_another_way_and_refuses_another_activation(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fork", str(whole), "--at", "training:2", "--run-dir", str(tmp_path / "fork")]
    assert main([*words, "--set", "train.activation=relu"]) == 2
    assert "start a new run with --activation" in capsys.readouterr().err
    assert main([*words, "--set", "phases.training.population=3"]) == 2
    assert "\n" not in capsys.readouterr().err.strip()
    assert main([*words, "--set", "optimizer.lr=0.02", "--plain"]) == 0
    found = report(tmp_path / "fork")
    assert found.steps == ITERS
    assert found.course[0] == report(whole).course[0]
    assert found.course[-1] != report(whole).course[-1]


def test_without_a_test_split_the_report_ends_on_the_whole_search_split(
    corpus: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert train(corpus, folder, "--split", "contiguous:0.9,0.1,0", "--recipe", "classic") == 0
    found = report(folder)
    text = corpus.read_text(encoding="utf-8")
    assert "test" not in json.loads((folder / "final-report.json").read_text(encoding="utf-8"))
    assert found.test_openings == 0
    splits = read_manifest(folder / "data").splits
    assert set(splits) == {"train", "search"}
    assert splits["search"].num_bytes == len(text) - int(0.9 * len(text))
    assert found.search.tokens == splits["search"].tokens - 1
    assert "on the search split" in (folder / "report.md").read_text(encoding="utf-8")
    assert main(["verify", str(folder)]) == 0


def test_a_symbio_configuration_without_symbio_is_warned_of(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "symbio.json"
    path.write_text('{"metricsInterval": 5, "lr": 1.0}', encoding="utf-8")
    words = ["--iters", "2", "--symbio-config", str(path), "--json"]
    assert train(corpus, tmp_path / "run", *words) == 0
    shown = capsys.readouterr()
    assert shown.err.count("has no effect without --symbio") == 1
    assert json.loads(shown.out)["config"]["train"]["symbio"] is None
    assert "has no effect" in (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")


def test_a_model_begins_with_the_weights_and_the_tokenizer_of_another(
    whole: Path, corpus: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    write_demo_corpus(other, 9_000, seed=5)
    sources = [whole, whole / "state.json", whole / "model", whole / "model/model.safetensors"]
    winner = json.loads((whole / "state.json").read_text())["state"]["run"]["winner"]
    sources.append(whole / "objects" / f"{winner['checkpoint']}.safetensors")
    hashes = set()
    for number, source in enumerate(sources):
        folder = tmp_path / f"run-{number}"
        assert train(other, folder, "--iters", "4", "--init-from", str(source)) == 0
        hashes.add(model_hash(folder))
    assert len(hashes) == 1
    begun = report(tmp_path / "run-0")
    assert begun.search.bits_per_byte < report(whole).untrained.bits_per_byte - 0.5
    assert main(["verify", str(tmp_path / "run-0"), "--replay"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--activation", "swiglu"], "activation gelu(x), not glu(silu(x))"),
        (["--dim", "32"], "dim 16"),
        (["--tokenizer", "char"], "--tokenizer char does not fit"),
        (["--init-from", "nowhere"], "--init-from nowhere is no model"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_leave_no_folder(
    whole: Path,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    assert train(corpus, tmp_path / "run", "--init-from", str(whole), *words) == 2
    line = capsys.readouterr().err
    assert message in line
    assert line.count("\n") == 1
    assert not (tmp_path / "run").exists()
