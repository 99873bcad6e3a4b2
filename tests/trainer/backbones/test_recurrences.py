"""The recurrences in chunks against their definitions, step by step."""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.trainer.backbones.recurrences import (
    CHUNKS,
    SHAPES,
    Shape,
    ssd_inputs,
    wkv6_inputs,
)
from trainer.backbones.ssd import SSDInputs, ssd_chunks, ssd_steps
from trainer.backbones.wkv6 import WKV6Inputs, wkv6, wkv6_chunks, wkv6_steps
from trainer.backbones.wkv6_code import fits

Scan = Callable[..., tuple[Tensor, Tensor]]
Inputs: TypeAlias = WKV6Inputs | SSDInputs
KINDS: dict[str, tuple[Callable[[Shape], tuple[Inputs, Tensor]], Scan, Scan]] = {
    "wkv6": (wkv6_inputs, wkv6_steps, wkv6_chunks),
    "ssd": (ssd_inputs, ssd_steps, ssd_chunks),
}


def parts(inputs: Inputs, first: int, last: int) -> Inputs:
    """The positions from `first` to `last` of everything that has positions."""
    cut = {
        name: value[:, first:last]
        for name, value in inputs._asdict().items()
        if name != "u" and value is not None
    }
    return inputs._replace(**cut)


def cast(inputs: Inputs, state: Tensor, dtype: torch.dtype) -> tuple[Inputs, Tensor]:
    moved = {
        name: value.detach().to(dtype).requires_grad_()
        for name, value in inputs._asdict().items()
        if value is not None and value.dtype != torch.bool
    }
    return inputs._replace(**moved), state.detach().to(dtype).requires_grad_()


def with_gradients(scan: Callable[[], tuple[Tensor, Tensor]], leaves: list[Tensor]) -> list[Tensor]:
    """Outputs, the state, and the gradients of a sum that weights them unevenly."""
    y, state = scan()
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    gradients = torch.autograd.grad((y * weights).sum() + state.square().sum(), leaves)
    return [y.detach(), state.detach(), *gradients]


def leaves_of(inputs: Inputs, state: Tensor) -> list[Tensor]:
    return [one for one in inputs if one is not None and one.requires_grad] + [state]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, chunk=CHUNKS)
def test_chunks_give_values_states_and_gradients_of_the_steps(
    kind: str, shape: Shape, chunk: int
) -> None:
    build, steps, chunks = KINDS[kind]
    inputs, state = build(shape)
    leaves = leaves_of(inputs, state)
    expected = with_gradients(lambda: steps(inputs, state), leaves)
    found = with_gradients(lambda: chunks(inputs, state, chunk), leaves)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(shape=SHAPES, chunk=CHUNKS)
def test_float32_stays_near_float64(kind: str, shape: Shape, chunk: int) -> None:
    build, steps, chunks = KINDS[kind]
    inputs, state = build(shape)
    expected = with_gradients(lambda: steps(inputs, state), leaves_of(inputs, state))
    single, begun = cast(inputs, state, torch.float32)
    found = with_gradients(lambda: chunks(single, begun, chunk), leaves_of(single, begun))
    for one, other in zip(found, expected, strict=True):
        size = float(other.abs().max().clamp_min(1))
        assert float((one.double() - other).abs().max()) < 1e-4 * size


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(shape=SHAPES, chunk=CHUNKS, places=st.lists(st.floats(0, 1), max_size=3))
def test_a_sequence_may_be_split_anywhere(
    kind: str, shape: Shape, chunk: int, places: list[float]
) -> None:
    build, steps, chunks = KINDS[kind]
    inputs, state = build(shape)
    expected, behind = steps(inputs, state)
    cuts = sorted({0, shape.T, *(int(place * shape.T) for place in places)})
    found = []
    for first, last in pairwise(cuts):
        y, state = chunks(parts(inputs, first, last), state, chunk)
        found.append(y)
    torch.testing.assert_close(torch.cat(found, dim=1), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(state, behind, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decay", [0.0, -1e-30, -90.0, None])
def test_no_decay_is_too_strong_or_too_weak(kind: str, decay: float | None) -> None:
    """None mixes strong and weak ones."""
    build, steps, chunks = KINDS[kind]
    inputs, state = build(Shape(2, 64, 2, 4, 4, seed=3, strength=1.0, documents=False))
    name = "log_w" if kind == "wkv6" else "a"
    place = torch.arange(getattr(inputs, name).numel()).view(getattr(inputs, name).shape)
    mixed = torch.where(place % 3 == 0, -90.0, -1e-6)
    values = mixed if decay is None else torch.full_like(mixed, decay)
    single, begun = cast(inputs._replace(**{name: values.double()}), state, torch.float32)
    found = with_gradients(lambda: chunks(single, begun, 32), leaves_of(single, begun))
    expected = with_gradients(lambda: steps(single, begun), leaves_of(single, begun))
    for one, other in zip(found, expected, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, other, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_passes_from_one_document_to_the_next(kind: str) -> None:
    build, _, chunks = KINDS[kind]
    inputs, state = build(Shape(1, 50, 2, 4, 5, seed=1, strength=0.01, documents=False))
    begins = torch.zeros(1, 50, dtype=torch.bool)
    begins[0, 21] = True
    marked, behind = chunks(inputs._replace(fresh=begins), state, 16)
    alone, alone_behind = chunks(parts(inputs, 21, 50), torch.zeros_like(state), 16)
    torch.testing.assert_close(marked[:, 21:], alone, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(behind, alone_behind, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize("documents", [False, True])
def test_compiled_code_is_as_exact_as_the_steps(width: int, documents: bool) -> None:
    shape = Shape(2, 48, 2, width, width, seed=5, strength=0.5, documents=documents)
    inputs, state = wkv6_inputs(shape)
    assert isinstance(inputs, WKV6Inputs)
    expected = with_gradients(lambda: wkv6_steps(inputs, state), leaves_of(inputs, state))
    single, begun = cast(inputs, state, torch.float32)
    assert isinstance(single, WKV6Inputs)
    assert fits(single.k, single.v)
    found = with_gradients(lambda: wkv6(single, begun), leaves_of(single, begun))
    for one, other in zip(found, expected, strict=True):
        assert float((one.double() - other).abs().max()) < 2e-6 * float(other.abs().max())


def test_compiled_code_stands_every_decay_and_any_number_of_threads() -> None:
    inputs, state = wkv6_inputs(Shape(9, 64, 4, 16, 16, seed=2, strength=1.0, documents=False))
    assert isinstance(inputs, WKV6Inputs)
    place = torch.arange(inputs.log_w.numel()).view(inputs.log_w.shape)
    extreme = torch.where(place % 3 == 0, -90.0, 0.0)
    single, begun = cast(inputs._replace(log_w=extreme), state, torch.float32)
    assert isinstance(single, WKV6Inputs)
    found = [with_gradients(lambda: wkv6(single, begun), leaves_of(single, begun))]
    torch.set_num_threads(2)
    found.append(with_gradients(lambda: wkv6(single, begun), leaves_of(single, begun)))
    torch.set_num_threads(1)
    for one, other in zip(*found, strict=True):
        assert one.isfinite().all()
        assert torch.equal(one, other)


def test_compiled_code_takes_views_and_a_state_without_gradient() -> None:
    inputs, state = wkv6_inputs(Shape(2, 32, 2, 16, 16, seed=4, strength=0.2, documents=True))
    single, begun = cast(inputs, state.detach(), torch.float32)
    assert isinstance(single, WKV6Inputs)
    turned = single._replace(
        **{
            name: one.detach().transpose(1, 2).contiguous().transpose(1, 2).requires_grad_()
            for name, one in single._asdict().items()
            if name in {"r", "k", "v", "log_w"}
        }
    )
    torch.testing.assert_close(wkv6(turned, begun.detach())[0], wkv6(single, begun)[0])
    torch.autograd.backward(wkv6(turned, begun.detach())[0].sum())
    assert turned.r.grad is not None
