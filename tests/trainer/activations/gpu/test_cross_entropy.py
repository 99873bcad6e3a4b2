"""Cross-entropy by row in the interpreter against eager PyTorch in float64."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from trainer.stacked import cross_entropy
from trainer.stacked.cross_entropy import cross_entropy_by_row


def pulled(logits: Tensor, targets: Tensor, cap: float | None) -> tuple[Tensor, Tensor]:
    leaf = logits.clone().requires_grad_()
    nats = cross_entropy_by_row(leaf, targets, cap)
    upstream = torch.linspace(0.5, 2, len(nats))
    return nats.detach(), torch.autograd.grad(nats, leaf, upstream)[0]


def exact(logits: Tensor, targets: Tensor, cap: float | None) -> tuple[Tensor, Tensor]:
    leaf = logits.double().requires_grad_()
    capped = leaf if cap is None else cap * torch.tanh(leaf / cap)
    nats = F.cross_entropy(capped, targets, reduction="none")
    upstream = torch.linspace(0.5, 2, len(nats)).double()
    return nats.detach(), torch.autograd.grad(nats, leaf, upstream)[0]


@pytest.mark.parametrize("cap", [None, 15.0])
@pytest.mark.parametrize("columns", [1, 65, 300])
@pytest.mark.parametrize("largest", [64, 4096])
def test_nats_and_gradients_agree_with_float64(
    columns: int, cap: float | None, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_entropy, "LARGEST_BLOCK", largest)
    stream = torch.Generator().manual_seed(columns)
    logits = 20 * torch.randn(7, columns, generator=stream)
    targets = torch.randint(columns, (7,), generator=stream)
    for found, truth in zip(pulled(logits, targets, cap), exact(logits, targets, cap), strict=True):
        assert torch.allclose(found.double(), truth, rtol=1e-5, atol=2e-5)


def test_logits_in_bfloat16_are_read_as_they_are() -> None:
    stream = torch.Generator().manual_seed(1)
    logits = (4 * torch.randn(5, 40, generator=stream)).bfloat16()
    targets = torch.randint(40, (5,), generator=stream)
    nats, gradient = pulled(logits, targets, 15.0)
    truth = exact(logits, targets, 15.0)
    assert gradient.dtype == torch.bfloat16
    assert torch.allclose(nats.double(), truth[0], rtol=1e-5, atol=1e-5)
    assert torch.allclose(gradient.double(), truth[1], rtol=1e-2, atol=1e-4)


def test_a_loss_that_is_no_number_shows() -> None:
    logits = torch.zeros(2, 8)
    logits[1, 3] = float("nan")
    assert cross_entropy_by_row(logits, torch.tensor([0, 0]), 15.0).isnan().tolist() == [
        False,
        True,
    ]
