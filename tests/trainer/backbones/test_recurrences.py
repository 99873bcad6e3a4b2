"""The recurrences in chunks against their definitions, step by step."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any, TypeAlias
from unittest.mock import patch

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
from trainer.backbones.ssd import UNCUT, SSDInputs, ssd, ssd_chunks, ssd_steps, ssd_windows
from trainer.backbones.wkv6 import WKV6Inputs, wkv6, wkv6_chunks, wkv6_steps

Scan = Callable[..., tuple[Tensor, Tensor]]
Inputs: TypeAlias = WKV6Inputs | SSDInputs
KINDS: dict[str, tuple[Callable[[Shape], tuple[Inputs, Tensor]], Scan, Scan]] = {
    "wkv6": (wkv6_inputs, wkv6_steps, wkv6_chunks),
    "ssd": (ssd_inputs, ssd_steps, ssd_chunks),
}


COMPILED: dict[str, Callable[..., tuple[Tensor, Any]]] = {"wkv6": wkv6, "ssd": ssd}
DECAYS = {"wkv6": "log_w", "ssd": "a"}


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


def without_chunks(kind: str) -> AbstractContextManager[object]:
    """Nothing is read in chunks within it."""
    return patch(f"trainer.backbones.{kind}.{kind}_chunks", side_effect=AssertionError)


def assert_near(found: list[Tensor], expected: list[Tensor]) -> None:
    """By float32."""
    for one, other in zip(found, expected, strict=True):
        assert float((one.double() - other).abs().max()) < 2e-6 * float(other.abs().max())


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
    name = DECAYS[kind]
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


@pytest.mark.parametrize("kind", COMPILED)
@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize("documents", [False, True])
def test_compiled_code_is_as_exact_as_the_steps(kind: str, width: int, documents: bool) -> None:
    build, steps, _ = KINDS[kind]
    inputs, state = build(Shape(2, 48, 2, width, width, 5, 0.5, documents))
    expected = with_gradients(lambda: steps(inputs, state), leaves_of(inputs, state))
    single, begun = cast(inputs, state, torch.float32)
    with without_chunks(kind):
        found = with_gradients(lambda: COMPILED[kind](single, begun), leaves_of(single, begun))
    assert_near(found, expected)


@pytest.mark.parametrize("kind", COMPILED)
def test_compiled_code_stands_every_decay_and_any_number_of_threads(kind: str) -> None:
    build, scan = KINDS[kind][0], COMPILED[kind]
    inputs, state = build(Shape(9, 64, 4, 16, 16, seed=2, strength=1.0, documents=False))
    name = DECAYS[kind]
    place = torch.arange(getattr(inputs, name).numel()).view(getattr(inputs, name).shape)
    extreme = torch.where(place % 3 == 0, -90.0, 0.0)
    single, begun = cast(inputs._replace(**{name: extreme}), state, torch.float32)
    found = [with_gradients(lambda: scan(single, begun), leaves_of(single, begun))]
    torch.set_num_threads(2)
    found.append(with_gradients(lambda: scan(single, begun), leaves_of(single, begun)))
    torch.set_num_threads(1)
    for one, other in zip(*found, strict=True):
        assert one.isfinite().all()
        assert torch.equal(one, other)


@pytest.mark.parametrize("kind", COMPILED)
def test_compiled_code_takes_views_and_a_state_without_gradient(kind: str) -> None:
    build, scan = KINDS[kind][0], COMPILED[kind]
    inputs, state = build(Shape(2, 32, 2, 16, 16, seed=4, strength=0.2, documents=True))
    single, begun = cast(inputs, state.detach(), torch.float32)
    turned = single._replace(
        **{
            name: one.detach().transpose(1, 2).contiguous().transpose(1, 2).requires_grad_()
            for name, one in single._asdict().items()
            if name not in {"u", "fresh"}
        }
    )
    torch.testing.assert_close(scan(turned, begun.detach())[0], scan(single, begun)[0])
    torch.autograd.backward(scan(turned, begun.detach())[0].sum())
    assert turned[0].grad is not None


@pytest.mark.parametrize("documents", [False, True])
@pytest.mark.parametrize("window", [16, 32, 128])
def test_windows_hand_the_state_of_mamba_2_on(window: int, documents: bool) -> None:
    inputs, state = ssd_inputs(Shape(2, 80, 2, 16, 5, 6, 0.3, documents))
    expected = with_gradients(lambda: ssd_steps(inputs, state), leaves_of(inputs, state))
    single, begun = cast(inputs, state, torch.float32)
    assert isinstance(single, SSDInputs)

    def scan() -> tuple[Tensor, Tensor]:
        y, behind = ssd_windows(single, begun, window)
        assert behind is not None
        return y, behind

    assert_near(with_gradients(scan, leaves_of(single, begun)), expected)


@pytest.mark.parametrize("length", [48, 50, UNCUT + 16])
@pytest.mark.parametrize("documents", [False, True])
def test_without_a_state_mamba_2_begins_with_an_empty_one(length: int, documents: bool) -> None:
    inputs, state = ssd_inputs(Shape(2, length, 2, 16, 8, 7, 0.3, documents))
    expected, _ = ssd_steps(inputs, torch.zeros_like(state))
    single, _ = cast(inputs, state, torch.float32)
    assert isinstance(single, SSDInputs)
    found, behind = ssd(single, None)
    assert (behind is None) == (length == 48)
    assert_near([found.detach()], [expected.detach()])
