"""Triton's interpreter, which runs kernels on tensors of the CPU."""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

VARIABLE = "TRITON_INTERPRET"


@pytest.fixture(scope="session", autouse=True)
def interpreter() -> Iterator[None]:
    """Triton decides at its import, and for each kernel when that is made."""
    if find_spec("triton") is None:
        pytest.skip("triton is not installed; it comes with torch for CUDA")
    if "triton" in sys.modules and os.environ.get(VARIABLE) != "1":
        pytest.skip(f"triton was loaded before; set {VARIABLE}=1 for the whole of pytest")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, "1")
        yield
