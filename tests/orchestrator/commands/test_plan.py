"""`symbio-auto plan`: measured on the real model, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import main
from orchestrator.commands.plan import PREFIX
from orchestrator.planning import text as planned_text
from orchestrator.planning.text import prepare_text
from trainer.config import DataConfig
from trainer.demo_corpus import write_demo_corpus

SHAPE = "--dim 16 --heads 2 --layers 1 --block 32 --batch 4"
SMALL = f"{SHAPE} --tokenizer byte --budget 300".split()
ONE = ("--engine", "inline", "--device", "cpu")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    write_demo_corpus(path, 40_000)
    return path


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def planned(capsys: pytest.CaptureFixture[str], *words: str) -> Any:  # noqa: ANN401
    assert main(["plan", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_measured_plan_says_what_the_run_takes_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str],
    corpus: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestrator.planning.probe.PROBE_SECONDS", 0.4)
    monkeypatch.chdir(temporary.parent)
    words = ("--data", str(corpus), *SMALL, *ONE, "--price-per-hour", "2")
    plan = planned(capsys, *words)
    assert [one["phase"] for one in plan["phases"]][::5] == ["abiogenesis", "homeostasis"]
    assert sum(one["likely_steps"] for one in plan["phases"]) == plan["budget"] == 300
    rates, tokens = plan["rates"], plan["tokens"]
    assert 1e-5 < rates["single"]["step_seconds"] < 5
    assert rates["checkpoint_bytes"] > 4 * plan["memory"]["model"]["parameters"]
    assert rates["activation_bytes"] > 4 * tokens["a_step"] * 16
    assert 5e7 < rates["worker_bytes"] < 5e9
    assert rates["battery_seconds"] > 0
    assert (tokens["a_step"], tokens["everything"]) == (128, 128 * 300)
    assert 0.9 * 40_000 > tokens["train"] > 0.6 * 40_000
    run = plan["time"]["run"]
    assert run["low"] < run["likely"] < run["high"]
    assert plan["price"]["run"]["likely"] == pytest.approx(run["likely"] * 2 / 3600)
    assert list(temporary.iterdir()) == []
    assert list(temporary.parent.iterdir()) == [temporary]


def test_a_plan_of_one_model_and_one_without_a_measurement(
    capsys: pytest.CaptureFixture[str], corpus: Path, temporary: Path
) -> None:
    words = [*SMALL[:-2], *ONE, "--iters", "100", "--no-probe", "--data", str(corpus)]
    plan = planned(capsys, "train", *words)
    assert (plan["mode"], plan["rates"], plan["time"]) == ("train", None, None)
    assert [(one["phase"], one["steps"]) for one in plan["phases"]] == [("training", 100)]
    assert main(["plan", "--no-probe", *SMALL, "--data", str(corpus)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    header = next(words for words in lines if words[0] == "phase")
    assert {"abiogenesis", "in", "tokens"} <= {words[0] for words in lines}
    assert "time" not in {*header, *(words[0] for words in lines)}
    assert list(temporary.iterdir()) == []


def test_what_a_run_would_refuse_is_refused_here(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, corpus: Path, temporary: Path
) -> None:
    short = tmp_path / "short.txt"
    short.write_text("so it was", encoding="utf-8")
    for words, said in (
        (["--data", str(short)], "tokens"),
        (["--data", str(tmp_path / "absent")], "does not exist"),
        (["--data", str(corpus), "--price-per-hour", "-1"], "--price-per-hour -1 is below 0"),
        (["--data", str(corpus), "--budget", "9"], "cannot reach all six phases"),
    ):
        assert main(["plan", *words]) == 2
        assert said in capsys.readouterr().err
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_plan_leaves_nothing(corpus: Path, temporary: Path, sent: int) -> None:
    words = [sys.executable, "-m", "orchestrator.cli", "plan", "--data", str(corpus), *SMALL, *ONE]
    process = subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A shell lets what it starts in the background ignore it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    while not any(temporary.glob(f"{PREFIX}*/order.json")):
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, sent)
    process.communicate(timeout=60)
    assert process.returncode == 128 + sent
    assert list(temporary.iterdir()) == []


def test_a_worker_that_cannot_work_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str],
    corpus: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert main(["plan", "--data", str(corpus), *SMALL, *ONE]) == 1
    line = capsys.readouterr().err
    assert "the model could not be trained for a moment: exit code 1" in line
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("tokenizer", ["byte", "bpe"])
def test_a_part_of_a_long_text_tells_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: str
) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(4):
        write_demo_corpus(folder / f"{number}.txt", 60_000, number)
    num_bytes = sum(path.stat().st_size for path in folder.iterdir())
    data = DataConfig.model_validate({"paths": (str(folder),), "tokenizer": tokenizer})
    whole = prepare_text(data, tmp_path / "whole", 32, num_bytes, None)
    monkeypatch.setattr(planned_text, "WHOLE_BYTES", 60_000)
    (tmp_path / "guess").mkdir()
    guess = prepare_text(data, tmp_path / "guess", 32, num_bytes, None)
    assert (whole.is_estimate, guess.is_estimate) == (False, True)
    assert guess.size.train_tokens == pytest.approx(whole.size.train_tokens, rel=0.1)
    assert guess.size.search_tokens == pytest.approx(whole.size.search_tokens, rel=0.25)
    assert guess.manifest.vocab_size == whole.manifest.vocab_size
