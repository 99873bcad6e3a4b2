"""Torch's switches for kernels that give the same bits every time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def repeatable_kernels(device: str, *, deterministic: bool) -> Iterator[None]:
    """Torch's switches, put back after. On CUDA also no search for the fastest kernel, no TF32."""
    before = torch.are_deterministic_algorithms_enabled()
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    flags = (cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32)
    set_deterministic(device == "cpu" or deterministic)
    if device == "cuda" and deterministic:
        # Read by cuBLAS when its first handle is made.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        cudnn.benchmark = cudnn.allow_tf32 = matmul.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = flags
        set_deterministic(before)


def set_deterministic(wanted: bool) -> None:
    """What `torch.use_deterministic_algorithms` does, without loading torch's compiler for it."""
    torch.set_deterministic_debug_mode("error" if wanted else "default")


def fill_new_memory(fill: bool) -> None:
    """Whether deterministic mode also fills every new tensor with NaN, which only costs time."""
    torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
