"""`--deterministic`: what it sets, where it is kept, and what a run says without it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from pydantic import JsonValue

from orchestrator.config import EngineConfig
from orchestrator.environment import differences, environment
from orchestrator.flags import settings_of
from orchestrator.grammar import build_parser
from orchestrator.preparation import promises
from orchestrator.resolve import worker_setup
from orchestrator.settings import build_config
from state.run_folder import RunFolder
from tests.builders import make_config
from trainer.execution import reproducible

cuda = torch.backends.cuda.matmul


def switches() -> tuple[bool, bool, bool, bool, str | None]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        cuda.allow_tf32,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every switch where it is fast and does not repeat."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    cudnn = torch.backends.cudnn
    usual = (cudnn.benchmark, cudnn.allow_tf32, cuda.allow_tf32)
    cudnn.benchmark = cudnn.allow_tf32 = cuda.allow_tf32 = True
    yield
    cudnn.benchmark, cudnn.allow_tf32, cuda.allow_tf32 = usual
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


def test_on_cuda_every_switch_is_set_and_put_back() -> None:
    before = switches()
    with reproducible(1, "cuda", deterministic=True):
        assert switches() == (True, False, False, False, ":4096:8")
    assert switches()[:4] == before[:4] == (False, True, True, True)


def test_without_it_cuda_keeps_its_fast_kernels() -> None:
    before = switches()
    with reproducible(1, "cuda", deterministic=False):
        assert switches() == before


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_cpu_always_repeats(deterministic: bool) -> None:
    with reproducible(1, "cpu", deterministic=deterministic):
        assert switches() == (True, True, True, True, None)


def test_a_users_workspace_setting_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with reproducible(1, "cuda", deterministic=True):
        assert switches()[4] == ":16:8"


@pytest.mark.parametrize("given", [True, False])
def test_the_flag_reaches_the_configuration_and_the_workers(tmp_path: Path, given: bool) -> None:
    arguments = build_parser().parse_args(["--deterministic"] if given else [])
    engine = build_config(settings_of(arguments), environment={}).engine
    assert engine.deterministic is given
    config = make_config(engine=engine.model_copy(update={"device": "cuda"}).model_dump())
    assert worker_setup(config, RunFolder(tmp_path)).deterministic is given


def test_a_run_says_where_bits_are_not_promised() -> None:
    engine = EngineConfig(device="cuda", workers=1, host_threads=1)
    (promise,) = promises(make_config(engine=engine.model_dump()))
    assert "--deterministic" in promise
    strict = engine.model_copy(update={"deterministic": True})
    assert promises(make_config(engine=strict.model_dump())) == ()
    assert promises(make_config()) == ()


@pytest.mark.parametrize(
    ("train", "promised"),
    [
        ({"symbio": {}}, True),
        ({"adapt_to_throughput": True}, True),
        ({"symbio": {}, "adapt_to_throughput": True}, False),
        ({"symbio": {"chart": "original"}}, False),
        ({"symbio": {"chart": "original", "adaptive_batch": False}}, True),
    ],
)
def test_a_batch_that_follows_the_clock_is_said_and_followed(
    train: dict[str, JsonValue], promised: bool, tmp_path: Path
) -> None:
    config = make_config(mode="train", train=train)
    said = "the batch follows tokens per second, so the same bits are not promised"
    assert promises(config) == (() if promised else (said,))
    assert worker_setup(config, RunFolder(tmp_path)).adapt_to_throughput is not promised


def test_the_environment_remembers_it() -> None:
    lines = differences(environment(1, deterministic=True), environment(1, deterministic=False))
    assert lines == ["deterministic was True, now False"]
