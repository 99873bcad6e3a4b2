"""What a member costs is measured in a process of its own."""

import subprocess
import sys

import pytest

from state.genome import parse
from trainer.config import WorkerSetup
from trainer.diagnostics.member_memory import (
    MemberCost,
    MemberShape,
    MemoryRequest,
    free_megabytes,
    measure_members,
)


def request_of(setup: WorkerSetup, *shapes: tuple[int, int]) -> MemoryRequest:
    made = tuple(MemberShape(batch=batch, block=block) for batch, block in shapes)
    return MemoryRequest(setup=setup, genome=parse("gelu"), threads=1, shapes=made)


def test_a_larger_batch_takes_more_memory(setup: WorkerSetup) -> None:
    large, small = measure_members(request_of(setup, (128, 64), (1, 8)))
    assert (large.shape.batch, small.shape.batch) == (128, 1)
    # The logits alone are 128 x 64 x 263 floats, twice.
    assert large.megabytes > small.megabytes + 15
    assert large.worker_megabytes == small.worker_megabytes > 20
    assert 0 < small.milliseconds < large.milliseconds


def test_as_many_members_fit_as_the_free_memory_holds() -> None:
    shape = MemberShape(batch=4, block=25)
    cost = MemberCost(
        shape=shape,
        dtype="float32",
        megabytes=30,
        worker_megabytes=70,
        free_megabytes=1099,
        milliseconds=10,
    )
    assert (cost.fitting, cost.tokens_per_second) == (10, 10_000)
    assert cost.model_copy(update={"free_megabytes": 50}).fitting == 0


def test_a_process_that_fails_is_one_line(
    setup: WorkerSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise subprocess.CalledProcessError(1, sys.executable)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(RuntimeError, match="memory could not be measured: CalledProcessError"):
        measure_members(request_of(setup, (1, 8)))


def test_free_memory_is_what_this_machine_has() -> None:
    assert 1 < free_megabytes("cpu") < 1e8
