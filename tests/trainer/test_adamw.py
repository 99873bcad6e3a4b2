"""AdamW does what torch's class of that name does, to the bit."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import Parameter

from state.seeds import derive_seed
from trainer.adamw import AdamW, Group


def parameters(seed: int) -> list[Parameter]:
    drawn = torch.Generator().manual_seed(seed)
    return [Parameter(torch.randn(shape, generator=drawn)) for shape in ((5, 3), (7,), (1,))]


@settings(deadline=None)
@given(
    seed=st.integers(0, 1000),
    rates=st.lists(st.floats(1e-5, 0.1), min_size=1, max_size=4),
    decay=st.floats(0, 0.5),
    without=st.sets(st.integers(0, 2)),
)
def test_every_step_gives_the_bits_of_torch(
    seed: int, rates: list[float], decay: float, without: set[int]
) -> None:
    mine, theirs = parameters(seed), parameters(seed)
    own = AdamW(
        [
            Group(params=mine[:1], weight_decay=decay, lr=0.0, scale=1.0),
            Group(params=mine[1:], weight_decay=0.0, lr=0.0, scale=1.0),
        ],
        (0.9, 0.95),
    )
    reference = torch.optim.AdamW(
        [
            {"params": theirs[:1], "weight_decay": decay},
            {"params": theirs[1:], "weight_decay": 0.0},
        ],
        betas=(0.9, 0.95),
        fused=True,
    )
    for number, rate in enumerate(rates):
        drawn = torch.Generator().manual_seed(derive_seed(seed, "gradients", number))
        for index, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            gradient = torch.randn(one.shape, generator=drawn)
            one.grad = None if index in without else gradient.clone()
            other.grad = None if index in without else gradient.clone()
        for own_group, group in zip(own.param_groups, reference.param_groups, strict=True):
            own_group["lr"] = group["lr"] = rate
        own.step()
        reference.step()
    for one, other in zip(mine, theirs, strict=True):
        assert torch.equal(one, other)
        state = reference.state[other]
        assert own.state.get(one, {}).keys() == state.keys()
        assert all(torch.equal(own.state[one][name], state[name]) for name in state)
