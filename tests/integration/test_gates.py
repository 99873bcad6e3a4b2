"""The validation gates as a user meets them: exit code 3, a waiver, the report, and the command."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import torch
from torch import Tensor

from orchestrator.cli import EXIT_STOPPED, main
from orchestrator.report.train_report import TrainReport
from state.run_folder import RunFolder
from trainer.backbones.gpt import GPT
from trainer.demo_corpus import write_demo_corpus

SHAPE = ["--dim", "16", "--heads", "2", "--layers", "1", "--block", "16", "--batch", "4"]
STEPS = ["--iters", "40", "--eval-interval", "20", "--sample-interval", "0"]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMBIO_ENGINE__HOST_THREADS", "1")
    monkeypatch.setenv("SYMBIO_NO_FIGURES", "1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "demo.txt"
    write_demo_corpus(path, 12_000)
    return path


def train(corpus: Path, folder: Path, *words: str) -> int:
    data = ["--data", str(corpus), "--tokenizer", "byte", "--device", "cpu", "--plain"]
    return main(["train", *data, *SHAPE, *STEPS, "--run-dir", str(folder), *words])


def with_nan(initialise: Callable[[GPT, int], None]) -> Callable[[GPT, int], None]:
    """Initialisation that leaves one weight undefined."""

    def broken(model: GPT, seed: int) -> None:
        initialise(model, seed)
        with torch.no_grad():
            model.embedding.weight[3, 1] = float("nan")

    return broken


def test_a_model_that_is_not_finite_stops_until_it_is_waived(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(GPT, "initialise", with_nan(GPT.initialise))
        assert train(corpus, folder) == EXIT_STOPPED
    told = capsys.readouterr()
    assert "gates at build: G0 warn, G1 fail, G2 fail" in told.out
    assert "G1 failed: logits that are not finite" in told.err
    assert "--waive G1" in told.err
    assert main(["resume", str(folder), "--plain"]) == EXIT_STOPPED
    assert main(["resume", str(folder), "--waive", "G9"]) == 2
    assert main(["train", "--resume", str(folder), "--waive", "G1", "--strict-gates"]) == 2
    capsys.readouterr()
    assert main(["resume", str(folder), "--plain", "--waive", "g1"]) == 0
    report = TrainReport.model_validate_json(RunFolder(folder).final_report.read_bytes())
    assert report.validation is not None
    assert report.validation.waived == ("G1",)
    assert [one.gate for one in report.validation.verdicts] == ["G0", "G1", "G2", "G3", "G4", "G5"]
    text = RunFolder(folder).report_markdown.read_text(encoding="utf-8")
    assert "| G1 | before the first step | **fail**, waived |" in text
    assert main(["verify", str(folder), "--replay"]) == 0


@pytest.mark.parametrize(("sound_calls", "told"), [(2, "steps were unusable"), (14, "not finite")])
def test_a_model_that_stops_being_finite_in_abiogenesis_stops_the_run(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sound_calls: int,
    told: str,
) -> None:
    """After two calls nearly no step can be used; after fourteen only the evaluation cannot."""
    calls, forward = count(1), GPT.raw_logits

    def broken(model: GPT, *given: Tensor) -> Tensor:
        found = forward(model, *given)
        return found if next(calls) <= sound_calls else found * float("nan")

    monkeypatch.setattr(GPT, "raw_logits", broken)
    data = ["--data", str(corpus), "--tokenizer", "byte", "--device", "cpu", "--plain"]
    words = [*data, *SHAPE, "--engine", "inline", "--budget", "400", "--run-dir", str(tmp_path)]
    assert main(words) == EXIT_STOPPED
    shown = capsys.readouterr()
    assert "G1 pass" in shown.out
    assert "the reference model diverged in g00000-l0-champion" in shown.err
    assert told in shown.err
    assert main(["resume", str(tmp_path), "--plain"]) == EXIT_STOPPED


def test_a_finished_run_is_judged_again_and_the_verdicts_are_kept(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subject, reference = tmp_path / "subject", tmp_path / "reference"
    assert train(corpus, subject, "--backbone", "gf-mh") == 0
    assert train(corpus, reference, "--activation", "gelu") == 0
    assert main(["verify", str(subject), "--replay"]) == 0
    capsys.readouterr()
    code = main(["gates", str(subject), "--reference", str(reference), "--json"])
    document = json.loads(capsys.readouterr().out)
    gates = {one["gate"]: one for one in document["verdicts"]}
    assert code == (EXIT_STOPPED if document["stopped_by"] else 0)
    assert [*gates] == ["G0", "G1", "G2", "G3", "G3.5", "G4", "G5"]
    assert gates["G5"]["verdict"] != "not judged"
    assert gates["G3"]["n"] == 40
    assert all(one["seed"] == 0 for one in gates.values())
    assert json.loads(RunFolder(subject).gates.read_text()) == document
    loose, strict = (
        main(["gates", str(subject), "--preset", "groundthink", *more])
        for more in (["--waive", "G1"], ["--strict-gates"])
    )
    text = capsys.readouterr().out
    assert "G3.6  not judged" in text
    assert strict == EXIT_STOPPED
    assert loose in {0, EXIT_STOPPED}
    assert main(["gates", str(reference), "--reference", str(subject)]) == 2
    assert "a reference is one of gpt on gelu" in capsys.readouterr().err
