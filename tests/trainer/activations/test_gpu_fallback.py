"""What has no kernel on a GPU is named, once."""

from types import SimpleNamespace
from typing import cast

import pytest
from torch import Tensor

from trainer.activations.gpu import without_kernels


def test_a_reason_is_told_once_and_on_a_gpu_alone(caplog: pytest.LogCaptureFixture) -> None:
    on_gpu, on_cpu = (cast(Tensor, SimpleNamespace(is_cuda=cuda)) for cuda in (True, False))
    without_kernels(on_cpu, "nobody wrote it")
    assert not caplog.records
    for _ in range(2):
        without_kernels(on_gpu, "nobody wrote it")
    without_kernels(on_gpu, "another")
    told = [record.message for record in caplog.records]
    assert told == [
        "activations run in eager PyTorch: nobody wrote it",
        "activations run in eager PyTorch: another",
    ]
