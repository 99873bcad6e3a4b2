"""Whether kernels can be compiled here, and if not, why."""

import logging
import os
from functools import cache
from importlib import import_module
from shutil import which

import torch
from torch import Tensor

PRECISIONS = (torch.float32, torch.bfloat16, torch.float16)
"""Of tensors that kernels take; the arithmetic is float32 in all of them."""

_log = logging.getLogger(__name__)


@cache
def why_absent() -> str | None:
    """Why there are no kernels; None where Triton can make them."""
    try:
        import_module("triton")
    except ImportError as error:
        return f"Triton cannot be imported ({error}); install triton for this version of torch"
    if not ("CC" in os.environ or which("gcc") or which("clang")):
        return "Triton has no C compiler to build what launches kernels; install gcc or set CC"
    return None


def usable_on(x: Tensor) -> bool:
    """Whether kernels take this tensor. Where only Triton is missing that is logged, once."""
    if not x.is_cuda or x.dtype not in PRECISIONS:
        return False
    reason = why_absent()
    if reason is not None:
        _say_once(reason)
    return reason is None


def without_kernels(x: Tensor, reason: str) -> None:
    """Say once, for a tensor on a GPU, why what is computed from it has no kernel."""
    if x.is_cuda:
        _say_once(reason)


@cache
def _say_once(reason: str) -> None:
    _log.warning("activations run in eager PyTorch: %s", reason)
