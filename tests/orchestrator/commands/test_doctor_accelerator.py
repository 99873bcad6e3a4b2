"""What doctor says of an accelerator."""

from types import SimpleNamespace

import pytest
import torch

from orchestrator.commands.doctor_accelerator import accelerator_checks
from trainer.activations import gpu


def test_a_machine_without_one_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert accelerator_checks() == []


@pytest.mark.parametrize("reason", [None, "Triton cannot be imported (no); install triton"])
def test_an_accelerator_is_named_with_what_its_kernels_are(
    monkeypatch: pytest.MonkeyPatch, reason: str | None
) -> None:
    about = SimpleNamespace(name="NVIDIA H100", total_memory=85e9)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: about)
    monkeypatch.setattr(gpu, "why_absent", lambda: reason)
    device, kernels = accelerator_checks()
    assert device.found == "NVIDIA H100, 85 GB"
    assert kernels.ok == (reason is None)
    assert (kernels.remedy == "install triton") == (reason is not None)
