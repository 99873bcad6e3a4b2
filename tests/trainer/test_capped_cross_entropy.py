"""The fused loss against the plain one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from trainer.capped_cross_entropy import capped_cross_entropy


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 1000),
    st.integers(1, 700),
    st.integers(2, 600),
    st.sampled_from([2.0, 15.0, 60.0, 200.0]),
    st.sampled_from([0.1, 3.0, 300.0]),
)
def test_value_and_gradient_are_those_of_the_plain_loss(
    seed: int, num_tokens: int, vocab_size: int, cap: float, spread: float
) -> None:
    stream = torch.Generator().manual_seed(seed)
    raw = (torch.randn(num_tokens, vocab_size, generator=stream) * spread).requires_grad_()
    targets = torch.randint(0, vocab_size, (num_tokens,), generator=stream)
    nats = capped_cross_entropy(raw, targets, cap)
    (gradient,) = torch.autograd.grad(3 * nats, raw)
    exact = raw.detach().double().requires_grad_()
    expected = F.cross_entropy(cap * torch.tanh(exact / cap), targets)
    (expected_gradient,) = torch.autograd.grad(3 * expected, exact)
    assert nats.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
    assert (gradient - expected_gradient).abs().max() < 1e-5 * (3 / num_tokens)


def test_a_logit_that_is_not_finite_shows_in_the_loss() -> None:
    raw = torch.zeros(4, 5)
    raw[1, 2] = float("nan")
    assert capped_cross_entropy(raw, torch.zeros(4, dtype=torch.int64), 15.0).isnan()
