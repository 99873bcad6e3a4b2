"""What a member costs is measured in a process of its own."""

import subprocess
import sys

import psutil
import pytest

from state.genome import parse
from trainer.config import ModelConfig, WorkerSetup
from trainer.diagnostics.member_memory import MemoryRequest, halves, measure_members
from trainer.diagnostics.member_trial import MemberCost, MemberShape, free_megabytes

CONFIG = ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=263)
SETUP = WorkerSetup.model_validate({"run_folder": "-", "model": CONFIG, "optimizer": {}})
TOO_LARGE = MemberShape(batch=512, block=64)


def request_of(*shapes: MemberShape, **changes: object) -> MemoryRequest:
    given = {"setup": SETUP, "genome": parse("gelu"), "threads": 1, "shapes": shapes}
    return MemoryRequest.model_validate({**given, **changes})


def test_a_larger_batch_takes_more_and_one_that_does_not_fit_is_told_and_halved() -> None:
    shapes = (MemberShape(batch=1, block=8), TOO_LARGE)
    found = measure_members(request_of(*shapes, ceiling_megabytes=100, together=True))
    small, large = found.costs
    halved = [*(one.shape.batch for one in found.refused), large.shape.batch]
    assert halved == [one.batch for one in halves(TOO_LARGE)][: len(halved)]
    assert len(halved) > 1
    assert {one.reason for one in found.refused} == {"does not fit into memory"}
    assert small.shape == shapes[0]
    # The logits alone are at least 32 x 64 x 263 floats, twice.
    assert large.shape.batch >= 32
    assert large.megabytes > small.megabytes + 4
    assert large.worker_megabytes == small.worker_megabytes > 20
    assert 0 < small.milliseconds < large.milliseconds
    assert small.together == min(psutil.cpu_count() or 1, small.fitting)


def test_as_many_members_fit_as_the_free_memory_holds() -> None:
    cost = MemberCost(
        shape=MemberShape(batch=4, block=25),
        dtype="float32",
        megabytes=30,
        worker_megabytes=70,
        free_megabytes=1099,
        milliseconds=10,
    )
    assert (cost.fitting, cost.tokens_per_second) == (10, 10_000)
    assert cost.model_copy(update={"free_megabytes": 50}).fitting == 0


def test_a_batch_is_halved_down_to_one_window() -> None:
    assert [one.batch for one in halves(MemberShape(batch=12, block=8))] == [12, 6, 3, 1]


def test_a_process_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise subprocess.CalledProcessError(1, sys.executable)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(RuntimeError, match="memory could not be measured: CalledProcessError"):
        measure_members(request_of(MemberShape(batch=1, block=8)))


def test_each_shape_has_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(*arguments: object, timeout: float, **options: object) -> None:
        raise subprocess.TimeoutExpired(sys.executable, timeout)

    monkeypatch.setattr(subprocess, "run", sleep)
    shapes = tuple(MemberShape(batch=batch, block=8) for batch in (1, 2, 4))
    request = request_of(*shapes, patience_seconds=40.0)
    with pytest.raises(RuntimeError, match="memory could not be measured within 120 s"):
        measure_members(request)


def test_free_memory_is_what_this_machine_has() -> None:
    assert 1 < free_megabytes("cpu") < 1e8
