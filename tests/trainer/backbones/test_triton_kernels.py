"""Kernels of another package are believed after they were examined, and on a GPU alone."""

import logging
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor

from trainer.backbones import triton_kernels
from trainer.backbones.ssd import SSDInputs, ssd_by_chunks, ssd_steps
from trainer.backbones.triton_kernels import Name, Scan, example, found, kernel
from trainer.backbones.wkv6 import WKV6Inputs, wkv6_by_chunks, wkv6_steps

Package = Callable[..., tuple[Tensor, Tensor]]
CHUNKS: dict[Name, Scan] = {"wkv6": wkv6_by_chunks, "ssd": ssd_by_chunks}
MODULES = {
    "wkv6": ("fla.ops.rwkv6", "chunk_rwkv6"),
    "ssd": ("fla.ops.simple_gla", "chunk_simple_gla"),
}
NAMES: tuple[Name, ...] = ("wkv6", "ssd")


def as_documented(name: Name, factor: float = 1.0) -> Package:
    """The package's function token by token, by its own words."""

    def rwkv6(
        r: Tensor,
        k: Tensor,
        v: Tensor,
        w: Tensor,
        u: Tensor,
        *,
        scale: float,
        initial_state: Tensor,
        output_final_state: bool,
    ) -> tuple[Tensor, Tensor]:
        assert output_final_state
        return wkv6_steps(WKV6Inputs(scale * factor * r, k, v, w, u), initial_state)

    def simple_gla(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        *,
        g: Tensor,
        scale: float,
        initial_state: Tensor,
        output_final_state: bool,
    ) -> tuple[Tensor, Tensor]:
        assert output_final_state
        assert torch.equal(q[:, :, 0], q[:, :, 1])
        queries = scale * factor * q.mean(dim=2)
        y, state = ssd_steps(SSDInputs(v, g, k.mean(dim=2), queries), initial_state.mT)
        return y, state.mT

    return rwkv6 if name == "wkv6" else simple_gla


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Name, Package], None]:
    """Puts a function where the package has its own."""
    triton_kernels.found.cache_clear()

    def put(name: Name, function: Package) -> None:
        path, attribute = MODULES[name]
        module = ModuleType(path)
        setattr(module, attribute, function)
        monkeypatch.setattr(triton_kernels, "import_module", {path: module}.__getitem__)

    return put


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_that_agrees_is_taken_with_our_tensors(
    name: Name, install: Callable[[Name, Package], None]
) -> None:
    install(name, as_documented(name))
    taken = found(name, 16, "cpu", CHUNKS[name])
    assert (taken.reason, taken.scan is not None) == ("", True)
    assert found(name, 16, "cpu", CHUNKS[name]) is taken
    tensors, state = example(name, 16, "cpu")
    assert taken.scan is not None
    for one, other in zip(taken.scan(tensors, state), CHUNKS[name](tensors, state), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_one_that_disagrees_is_left_and_the_reason_is_named(
    name: Name, install: Callable[[Name, Package], None], caplog: pytest.LogCaptureFixture
) -> None:
    install(name, as_documented(name, factor=1.1))
    with caplog.at_level(logging.WARNING):
        assert found(name, 16, "cpu", CHUNKS[name]).scan is None
        found(name, 16, "cpu", CHUNKS[name])
    (line,) = caplog.messages
    assert line.startswith(
        f"{name} is scanned in chunks: flash-linear-attention gives other outputs, apart by "
    )


@pytest.mark.parametrize("name", NAMES)
def test_wrong_gradients_are_seen(name: Name, install: Callable[[Name, Package], None]) -> None:
    right = as_documented(name)

    def detached(*tensors: Tensor, **options: object) -> tuple[Tensor, Tensor]:
        first, *rest = tensors
        return right(first + 0.5 * (first - first.detach()), *rest, **options)

    install(name, detached)
    assert "gives other gradients" in found(name, 16, "cpu", CHUNKS[name]).reason


def test_without_the_package_chunks_are_taken_and_a_failure_is_no_crash(
    install: Callable[[Name, Package], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_tensors: Tensor, **_options: object) -> tuple[Tensor, Tensor]:
        raise TypeError("unexpected keyword\nof a newer version")

    install("wkv6", fails)
    reason = found("wkv6", 16, "cpu", wkv6_by_chunks).reason
    assert reason == "flash-linear-attention fails (unexpected keyword)"

    def absent(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(triton_kernels, "import_module", absent)
    reason = found("ssd", 16, "cpu", ssd_by_chunks).reason
    assert "cannot be loaded (No module named 'fla.ops.simple_gla')" in reason


def test_a_processor_is_never_asked(install: Callable[[Name, Package], None]) -> None:
    install("wkv6", as_documented("wkv6"))
    first = torch.zeros(1, 32, 2, 16)
    assert kernel("wkv6", first, None, wkv6_by_chunks) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("name", NAMES)
def test_the_package_gives_what_chunks_give_on_a_gpu(name: Name) -> None:
    pytest.importorskip("fla")
    triton_kernels.found.cache_clear()
    assert found(name, 32, "cuda", CHUNKS[name]).reason == ""
