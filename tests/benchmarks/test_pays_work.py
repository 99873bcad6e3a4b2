"""A worker of the comparison on a small real run: cut off, gone on with, and opened."""

import json
import time
from pathlib import Path

import pytest

from benchmarks.pays.opening import open_test
from benchmarks.pays.place import Place
from benchmarks.pays.specs import Spec
from benchmarks.pays.work import prepared_run, take
from orchestrator.session import execute
from trainer.demo_corpus import write_demo_corpus

SHAPE = {"model": {"dim": 16, "heads": 2, "layers": 1, "block": 32}, "optimizer": {"batch": 4}}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    write_demo_corpus(tmp_path / "historic.txt", 40_000)
    return Place(tmp_path, tmp_path / "scratch")


def test_a_run_that_was_cut_off_goes_on_and_its_test_split_is_opened_when_asked(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {**SHAPE, "train": {"activation": "relu2", "sample_interval": 0}}
    spec = Spec(setting="historic", arm="relu2", mode="train", budget=40, seed=1, settings=settings)
    execute(
        prepared_run(spec, place),
        started_at=time.monotonic(),
        until=lambda state: state.generation == 3,
    )
    assert take(spec, place)
    assert not take(spec, place)
    result = place.result(spec.key)
    assert result is not None
    assert result["member_steps"] == 40
    assert result["formula"] == "relu(x)*relu(x)"
    assert "test" not in result
    folder = place.run(spec.key)
    assert not folder.final_report.exists()
    assert b'"final-' not in folder.results_jsonl.read_bytes()

    open_test(place, "the protocol is fulfilled")
    opened = place.result(spec.key)
    assert opened is not None
    report = json.loads(folder.final_report.read_text(encoding="utf-8"))
    test = opened["test"]
    assert isinstance(test, dict)
    assert test["bits_per_byte"] == report["test"]["bits_per_byte"]
    open_test(place, "once more")
    lines = place.openings.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["reason"] for line in lines] == ["the protocol is fulfilled"]
    assert "opened" in capsys.readouterr().out
