"""A shortage of memory is told from other failures, whoever raised it."""

import numpy as np
import pytest
import torch

from trainer.shortage import NAMES, kind_of, out_of_memory

TOO_MANY = 2**52


def of_numpy() -> None:
    np.empty((TOO_MANY,))


def of_torch() -> None:
    torch.empty(TOO_MANY)


def of_python() -> None:
    bytearray(TOO_MANY)


def of_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


@pytest.mark.parametrize("ask", [of_numpy, of_torch, of_python, of_a_gpu])
def test_whoever_raises_it_it_is_known(ask: object) -> None:
    assert callable(ask)
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        ask()
    assert out_of_memory(caught.value)
    assert kind_of(caught.value) in NAMES


def test_another_error_is_not_taken_for_it() -> None:
    for error in (ValueError("can't allocate memory"), RuntimeError("shapes do not agree")):
        assert not out_of_memory(error)
        assert kind_of(error) == type(error).__name__
