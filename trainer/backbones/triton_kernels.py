"""The recurrences by Triton kernels of flash-linear-attention, where a GPU and that package are.

The package is asked for when the first window is on a GPU, and its kernels are believed once their
values, states and gradients on a small input are those of the chunks in plain PyTorch. Else the
chunks are taken and the reason is named once. What its functions take is documented with them:
https://github.com/fla-org/flash-linear-attention (`fla.ops.rwkv6`, `fla.ops.simple_gla`).

Shapes: B sequences, T positions, H heads, K keys and V values of a head.
"""

import logging
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Literal, NamedTuple, TypeAlias, assert_never

import torch
from torch import Tensor

Name: TypeAlias = Literal["wkv6", "ssd"]
Scan: TypeAlias = Callable[[tuple[Tensor, ...], Tensor], tuple[Tensor, Tensor]]
"""Tensors of the recurrence and the state before; outputs and the state behind."""

PACKAGE = "flash-linear-attention"
TOLERANCE = 5e-3
"""Of the largest value: products of the kernels may have ten bits."""
SEQUENCES, POSITIONS, HEADS = 2, 96, 2
"""Of the input that both are compared on."""

_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """A kernel, or why there is none."""

    scan: Scan | None
    reason: str = ""


def kernel(name: Name, first: Tensor, fresh: Tensor | None, chunks: Scan) -> Scan | None:
    """What to scan with in place of `chunks`; None: nothing.

    Args:
        name: of the recurrence.
        first: [B, T, H, K], one of its inputs.
        fresh: where documents begin; the kernels know nothing of it.
        chunks: what the kernel must agree with.
    """
    if not first.is_cuda or first.dtype != torch.float32 or fresh is not None:
        return None
    if torch.are_deterministic_algorithms_enabled() or first.shape[1] < first.shape[2]:
        # The package tunes its kernels by the clock; it warns of fewer positions than heads.
        return None
    return found(name, first.shape[-1], first.device.type, chunks).scan


@cache
def found(name: Name, width: int, device: str, chunks: Scan) -> Found:
    """The kernel for heads of a width after its examination."""
    try:
        scan = _scan(name)
    except (ImportError, AttributeError, OSError, RuntimeError) as error:
        result = Found(None, f"{PACKAGE} cannot be loaded ({_line(error)})")
    else:
        fault = disagreement(name, scan, chunks, width, device)
        result = Found(scan) if fault is None else Found(None, f"{PACKAGE} {fault}")
    if result.scan is None:
        _log.warning("%s is scanned in chunks: %s", name, result.reason)
    return result


def disagreement(name: Name, scan: Scan, chunks: Scan, width: int, device: str) -> str | None:
    """By what the kernel differs from the chunks on a small input; None where it agrees."""
    tensors, state = example(name, width, device)
    leaves = [*tensors, state]
    try:
        ours, theirs = (_with_gradients(one, tensors, state, leaves) for one in (chunks, scan))
    except Exception as error:  # noqa: BLE001 - whatever another package raises
        return f"fails ({_line(error)})"
    for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if mine.shape != other.shape:
            return f"gives shape {tuple(other.shape)} in place of {tuple(mine.shape)}"
        apart, largest = float((mine - other).abs().max()), float(mine.abs().max())
        if not apart <= TOLERANCE * largest:
            what = ("outputs", "states")[index] if index < 2 else "gradients"
            return f"gives other {what}, apart by {apart / largest:.1e} of the largest"
    return None


def example(name: Name, width: int, device: str) -> tuple[tuple[Tensor, ...], Tensor]:
    """Inputs [B, T, H, ...] that need gradients, and a state."""
    stream = torch.Generator().manual_seed(1)
    lead = (SEQUENCES, POSITIONS, HEADS)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=stream)

    match name:
        case "wkv6":
            decay = -torch.exp(drawn(*lead, width) - 1)
            tensors = [*(drawn(*lead, width) for _ in range(3)), decay, drawn(HEADS, width)]
            state = drawn(SEQUENCES, HEADS, width, width)
        case "ssd":
            decay = -torch.exp(drawn(*lead) - 1)
            tensors = [drawn(*lead, width), decay, *(drawn(*lead[:2], 64) for _ in range(2))]
            state = drawn(SEQUENCES, HEADS, width, 64)
        case _:
            assert_never(name)
    leaves = [one.to(device).requires_grad_() for one in (*tensors, state)]
    return tuple(leaves[:-1]), leaves[-1]


def _with_gradients(
    scan: Scan, tensors: tuple[Tensor, ...], state: Tensor, leaves: list[Tensor]
) -> list[Tensor]:
    y, behind = scan(tensors, state)
    weights = torch.linspace(-1, 1, y.numel(), device=y.device).view(y.shape)
    gradients = torch.autograd.grad((y * weights).sum() + behind.square().sum(), leaves)
    return [y.detach(), behind.detach(), *gradients]


def _scan(name: Name) -> Scan:
    """The package's function with our tensors."""
    match name:
        case "wkv6":
            wkv6: Any = import_module("fla.ops.rwkv6").chunk_rwkv6

            def scan_wkv6(given: tuple[Tensor, ...], state: Tensor) -> tuple[Tensor, Tensor]:
                r, k, v, log_w, u = (one.contiguous() for one in given)
                options = {"initial_state": state.contiguous(), "output_final_state": True}
                y, behind = wkv6(r, k, v, log_w, u, scale=1.0, **options)
                return y, behind

            return scan_wkv6
        case "ssd":
            simple: Any = import_module("fla.ops.simple_gla").chunk_simple_gla

            def scan_ssd(given: tuple[Tensor, ...], state: Tensor) -> tuple[Tensor, Tensor]:
                x, a, b, c = given
                heads = x.shape[2]
                keys, queries = (
                    one[:, :, None].expand(-1, -1, heads, -1).contiguous() for one in (b, c)
                )
                options = {"initial_state": state.mT.contiguous(), "output_final_state": True}
                values, decay = x.contiguous(), a.contiguous()
                y, behind = simple(queries, keys, values, g=decay, scale=1.0, **options)
                return y, behind.mT

            return scan_ssd
        case _:
            assert_never(name)


def _line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
