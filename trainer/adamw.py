"""AdamW by torch's own kernel, with its state in plain sight.

The class of torch loads its compiler when the first one is made, which takes as long as all the
rest of torch and is needed by nobody here. The kernel, and so every bit, is the same.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim.adamw import adamw

EPSILON = 1e-8


class Group(TypedDict):
    """Parameters that decay and move alike."""

    params: list[Parameter]
    weight_decay: float
    lr: float
    scale: float
    """Of the rate, by component."""


class AdamW:
    """Moments of each parameter that has had a gradient, and the step that they make."""

    def __init__(self, groups: Sequence[Group], betas: tuple[float, float]) -> None:
        self.param_groups = list(groups)
        self.betas = betas
        self.state: defaultdict[Parameter, dict[str, Tensor]] = defaultdict(dict)
        """`step`, `exp_avg` and `exp_avg_sq` by parameter."""

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            moved = [one for one in group["params"] if one.grad is not None]
            states = [self._state(one) for one in moved]
            adamw(
                [*moved],
                [one.grad for one in moved if one.grad is not None],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                fused=True,
                amsgrad=False,
                beta1=self.betas[0],
                beta2=self.betas[1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=EPSILON,
                maximize=False,
            )

    def _state(self, parameter: Parameter) -> dict[str, Tensor]:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        return state
