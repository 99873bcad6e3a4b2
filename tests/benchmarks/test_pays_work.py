"""A worker of the comparison on a small real run: cut off, gone on with, and opened."""

import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from benchmarks.pays.collect import collect
from benchmarks.pays.opening import open_test, results_to_tell
from benchmarks.pays.place import Place
from benchmarks.pays.record import saved_in
from benchmarks.pays.specs import Spec
from benchmarks.pays.work import prepared_run, take
from orchestrator.session import execute
from trainer.demo_corpus import write_demo_corpus

SHAPE = {"model": {"dim": 16, "heads": 2, "layers": 1, "block": 32}, "optimizer": {"batch": 4}}


class Interrupting:
    """Asks the run to stop, at the first thing that it tells. Later nobody may catch the signal."""

    asked = False

    def __call__(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        del kind, data
        if not self.asked:
            self.asked = True
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    write_demo_corpus(tmp_path / "historic.txt", 40_000)
    return Place(tmp_path, tmp_path / "scratch", gathered=tmp_path)


def test_a_run_that_was_cut_off_goes_on_and_its_figure_on_test_is_told_when_asked(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {**SHAPE, "train": {"activation": "relu2", "sample_interval": 0}}
    spec = Spec(setting="historic", arm="relu2", mode="train", budget=40, seed=1, settings=settings)
    cut_off = execute(
        prepared_run(spec, place), started_at=time.monotonic(), listeners=(Interrupting(),)
    )
    assert cut_off.state.status == "running"
    assert take(spec, place)
    assert not take(spec, place)
    result = place.all_results()[spec.key]
    assert result["member_steps"] == 40
    assert result["formula"] == "relu(x)*relu(x)"
    assert "test" not in result

    collect(place)
    elsewhere = Place(tmp_path, tmp_path / "another machine", gathered=tmp_path)
    assert not take(spec, elsewhere)
    assert results_to_tell(elsewhere) == {spec.key: result}
    open_test(elsewhere, "the protocol is fulfilled")
    final = saved_in(place.run(spec.key)).run.final
    assert final is not None
    assert final.test is not None
    test = results_to_tell(elsewhere)[spec.key]["test"]
    assert isinstance(test, dict)
    assert test["bits_per_byte"] == final.test.bits_per_byte != result["search"]
    open_test(elsewhere, "once more")
    lines = elsewhere.openings.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["reason"] for line in lines] == ["the protocol is fulfilled"]
    assert "opened" in capsys.readouterr().out
