"""Members' parameters side by side in one tensor a name, each member's own a view of its part.

Shapes: M members.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from trainer.member import Member

OWN = ".curves."
"""Parameters of trained activations stay with their member: formulas differ."""


def is_shared(name: str) -> bool:
    """Whether a parameter of that name lies beside its like."""
    return OWN not in name


class Storage:
    """The parameters [M, ...] of members of equal shape, by name.

    The members go on as they are: what they or others write into their parameters is written here.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        """Raises ValueError where the shapes differ."""
        self.members = list(members)
        each = [shared_parameters(member) for member in members]
        shapes = [{name: one.shape for name, one in own.items()} for own in each]
        if any(other != shapes[0] for other in shapes[1:]):
            raise ValueError("members of different shapes cannot be stacked; train each alone")
        # Plain tensors: a compiler takes the shapes of a `Parameter` for fixed.
        self.parameters = {
            name: torch.stack([own[name].detach() for own in each]).requires_grad_()
            for name in each[0]
        }
        for index, own in enumerate(each):
            for name, parameter in own.items():
                parameter.data = self.parameters[name].data[index]

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return next(iter(self.parameters.values())).device

    def hand_out_gradients(self) -> None:
        """Give each member its part of what backward left."""
        for index, member in enumerate(self.members):
            for name, parameter in shared_parameters(member).items():
                gradient = self.parameters[name].grad
                assert gradient is not None
                parameter.grad = gradient[index]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None
        for member in self.members:
            member.optimizer.zero_grad()


def shared_parameters(member: Member) -> dict[str, Parameter]:
    """Those that lie beside their like, by name."""
    return {
        name: parameter
        for name, parameter in member.optimizer.parameters.items()
        if is_shared(name)
    }


def stacked_views(tensors: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Copies of equal tensors in one [M, ...], and the part of each."""
    together = torch.stack([one.detach() for one in tensors])
    return together, together.unbind()
