"""`symbio-auto train` with the trackers that it is asked for."""

import sys
from pathlib import Path

import pytest

from orchestrator.cli import main
from tests.tracker_fakes import FakePackage, fake_points, fake_texts
from trainer.demo_corpus import write_demo_corpus

ITERS = 6
SHAPE = ["--dim", "8", "--heads", "2", "--layers", "1", "--block", "16", "--batch", "4"]
INTERVALS = ["--iters", str(ITERS), "--eval-interval", "3", "--sample-interval", "3"]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYMBIO_ENGINE__HOST_THREADS", "1")
    monkeypatch.setenv("SYMBIO_BATTERY__MAX_NEW_TOKENS", "4")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    path = tmp_path / "corpus.txt"
    write_demo_corpus(path, 9_000)
    return path


@pytest.mark.parametrize("name", ["tensorboard", "trackio", "wandb"])
def test_a_tracker_without_its_package_is_refused_before_anything_is_prepared(
    name: str, corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    folder = corpus.with_name("run")
    assert main(["train", "--data", str(corpus), "--run-dir", str(folder), f"--{name}"]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"symbio-auto: error: tracker '{name}' needs the package {name}")
    assert line.endswith(f"pip install 'symbio-auto[{name}]'\n")
    assert line.count("\n") == 1
    assert list(corpus.parent.iterdir()) == [corpus]


def test_trackio_and_wandb_get_every_step_and_the_samples(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = [FakePackage("trackio"), FakePackage("wandb")]
    for package in packages:
        monkeypatch.setitem(sys.modules, package.__name__, package)
    data = ["--data", str(corpus), "--tokenizer", "byte", "--device", "cpu"]
    words = [*data, *SHAPE, *INTERVALS, "--run-dir", str(corpus.with_name("run")), "--plain"]
    assert main(["train", *words, "--trackio", "--wandb"]) == 0
    for package in packages:
        loss = fake_points(package)["model/loss"]
        assert [step for step, _ in loss] == list(range(1, ITERS + 1))
        assert "event/sample" in fake_texts(package)
        assert [run.finished for run in package.runs.values()] == [1]
    assert packages[1].options["mode"] == "offline"
