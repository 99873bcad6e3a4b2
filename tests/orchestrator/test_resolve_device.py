"""What a device decides where the user left it open."""

from pathlib import Path

import pytest

from orchestrator import resolve
from orchestrator.config import EngineConfig, RunConfig
from orchestrator.resolve import resolve_engine, worker_setup
from state.run_folder import RunFolder


def with_gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(resolve, "_has_cuda", lambda: count > 0)
    monkeypatch.setattr(resolve, "num_gpus", lambda: count)


def test_a_cpu_keeps_float32_and_stacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, 0)
    found = resolve_engine(EngineConfig())
    assert (found.device, found.dtype, found.stack, found.engine) == ("cpu", "float32", None, "ray")


def test_one_gpu_is_served_by_one_process_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, 1)
    found = resolve_engine(EngineConfig())
    assert (found.device, found.dtype, found.stack) == ("cuda", "bfloat16", 16)
    assert (found.engine, found.workers) == ("inline", 1)


def test_several_gpus_have_a_worker_each(monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, 4)
    found = resolve_engine(EngineConfig())
    assert (found.engine, found.workers) == ("ray", 4)


def test_what_was_given_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with_gpus(monkeypatch, 1)
    given = EngineConfig(engine="ray", dtype="float32", stack=3, workers=2)
    found = resolve_engine(given)
    assert found == given.model_copy(update={"device": "cuda", "host_threads": found.host_threads})


def test_workers_are_told_of_stacks_and_precision(tmp_path: Path) -> None:
    engine = EngineConfig(device="cpu", stack=5, dtype="bfloat16")
    setup = worker_setup(RunConfig(engine=engine), RunFolder(tmp_path))
    assert (setup.stack, setup.dtype) == (5, "bfloat16")
    left_open = worker_setup(RunConfig(engine=EngineConfig(device="cpu")), RunFolder(tmp_path))
    assert (left_open.stack, left_open.dtype) == (0, "float32")


def test_one_process_takes_the_gpu_it_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_gpus(monkeypatch, 2)
    for kind, index in (("inline", 1), ("ray", 0)):
        engine = resolve_engine(EngineConfig.model_validate({"engine": kind, "device_index": 1}))
        assert worker_setup(RunConfig(engine=engine), RunFolder(tmp_path)).device_index == index
    with pytest.raises(ValueError, match=r"device_index 2: this machine shows 2 GPU\(s\)"):
        resolve_engine(EngineConfig(device_index=2))


def test_recorded_steps_and_repeatable_kernels_are_not_promised_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_gpus(monkeypatch, 1)
    with pytest.raises(ValueError, match="--cuda-graphs: whether replayed steps keep the bits"):
        resolve_engine(EngineConfig(cuda_graphs=True, deterministic=True))
    recording = resolve_engine(EngineConfig(cuda_graphs=True))
    assert worker_setup(RunConfig(engine=recording), RunFolder(tmp_path)).cuda_graphs
