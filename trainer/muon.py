"""Muon: momentum, then the nearest orthogonal matrix of it, for hidden weight matrices.

Matrices of equal size are orthogonalised as one batch, whatever block or role they come from, and
a fused projection (query, key, value) counts as several matrices.

Shapes: N matrices of one bucket, R rows, C columns, R <= C.

Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

MOMENTUM = 0.95
QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
EPSILON = 1e-7


def orthogonalise(x_NRC: Tensor) -> Tensor:
    """Push every singular value of each matrix towards 1 (into about 0.7 to 1.2).

    R <= C. The quintic Newton-Schulz iteration runs in the dtype of its input. A zero matrix
    stays zero.
    """
    x_NRC = x_NRC / x_NRC.norm(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
    rows, columns = x_NRC.shape[1:]
    by_gram = columns >= 2 * rows and x_NRC.dtype != torch.bfloat16
    return iterate_on_gram(x_NRC) if by_gram else iterate(x_NRC)


def iterate(x_NRC: Tensor) -> Tensor:
    """Each round maps X to `(a + b G + c G G) X` with `G = X X^T`."""
    for _ in range(ITERATIONS):
        polynomial_NRR = polynomial(torch.bmm(x_NRC, x_NRC.mT))
        x_NRC = torch.baddbmm(x_NRC, polynomial_NRR, x_NRC, beta=QUINTIC[0])
    return x_NRC


def iterate_on_gram(x_NRC: Tensor) -> Tensor:
    """The same rounds for wide matrices at half the cost, X touched at both ends only.

    With `P = a + b G + c G G` a round maps G to `P G P`, and X ends as the product of all P
    times X. What rounding makes of a singular value of zero may be negative in G, and grows by
    a^2 a round: float32 has the digits for that, bfloat16 has not.
    """
    gram_NRR = torch.bmm(x_NRC, x_NRC.mT)
    product_NRR: Tensor | None = None
    for _ in range(ITERATIONS):
        step_NRR = polynomial(gram_NRR)
        step_NRR.diagonal(dim1=1, dim2=2).add_(QUINTIC[0])
        product_NRR = step_NRR if product_NRR is None else torch.bmm(step_NRR, product_NRR)
        gram_NRR = torch.bmm(torch.bmm(step_NRR, gram_NRR), step_NRR)
    assert product_NRR is not None
    return torch.bmm(product_NRR, x_NRC)


def polynomial(gram_NRR: Tensor) -> Tensor:
    """`b G + c G G`."""
    return torch.baddbmm(gram_NRR, gram_NRR, gram_NRR, beta=QUINTIC[1], alpha=QUINTIC[2])


class Muon:
    """Nesterov momentum with orthogonalised updates and decoupled weight decay.

    The rate of a matrix is scaled by `sqrt(max(1, rows / columns))`, so that tall matrices move
    their outputs as much as square ones. The products run in `dtype`: bfloat16 is enough for a
    direction. Momentum stays as exact as the parameters.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        parts: Mapping[str, int],
        weight_decay: float,
        dtype: torch.dtype = torch.float32,
        scales: Mapping[str, float] | None = None,
    ) -> None:
        """`parts` gives how many matrices are fused by rows in a parameter; 1 where absent, as is
        the factor of the rate in `scales`.
        """
        self.weight_decay, self.dtype, self.scales = weight_decay, dtype, scales or {}
        self.parameters = dict(parameters)
        self.parts = {name: parts.get(name, 1) for name in parameters}
        self.momentum = {name: torch.zeros_like(p) for name, p in parameters.items()}

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Apply the gradients that the parameters hold; each must have one."""
        parameters: list[Tensor] = list(self.parameters.values())
        gradients = [gradient_of(parameter) for parameter in self.parameters.values()]
        momentum = list(self.momentum.values())
        torch._foreach_lerp_(momentum, gradients, 1 - MOMENTUM)
        updates = torch._foreach_lerp(gradients, momentum, MOMENTUM)
        directions = orthogonalise_all(updates, list(self.parts.values()), self.dtype)
        if self.scales:
            scales = [self.scales.get(name, 1.0) for name in self.parameters]
            directions = list(torch._foreach_mul(directions, scales))
            torch._foreach_mul_(
                parameters, [1 - learning_rate * self.weight_decay * scale for scale in scales]
            )
        else:
            torch._foreach_mul_(parameters, 1 - learning_rate * self.weight_decay)
        torch._foreach_add_(parameters, directions, alpha=-learning_rate)

    def drop(self, names: Sequence[str]) -> None:
        """Forget parameters that the model no longer has."""
        for name in set(names) & set(self.parameters):
            del self.parameters[name], self.parts[name], self.momentum[name]


def gradient_of(parameter: Parameter) -> Tensor:
    """The gradient that backward left; every trained parameter takes part in every step."""
    assert parameter.grad is not None
    return parameter.grad


def orthogonalise_all(
    updates: Sequence[Tensor], parts: Sequence[int], dtype: torch.dtype
) -> list[Tensor]:
    """Orthogonalised and rate-scaled updates, in order, one batch for each matrix size."""
    matrices = [m for update, n in zip(updates, parts, strict=True) for m in update.chunk(n)]
    buckets: dict[tuple[int, int], list[int]] = {}
    for index, matrix in enumerate(matrices):
        rows, columns = sorted(matrix.shape)
        buckets.setdefault((rows, columns), []).append(index)
    results = list(matrices)
    for indices in buckets.values():
        batch = torch.stack([wide(matrices[index]) for index in indices])
        directions = orthogonalise(batch.to(dtype)).to(batch.dtype)
        for index, direction in zip(indices, directions.unbind(), strict=True):
            rows, columns = matrices[index].shape
            scale = max(1.0, rows / columns) ** 0.5
            results[index] = direction.mT * scale if rows > columns else direction
    return fuse(results, parts)


def wide(matrix: Tensor) -> Tensor:
    """The matrix or its transpose, whichever has at least as many columns as rows."""
    return matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix


def fuse(matrices: Sequence[Tensor], parts: Sequence[int]) -> list[Tensor]:
    """Put the parts of each parameter back together, by rows."""
    remaining = iter(matrices)
    groups = [[next(remaining) for _ in range(n)] for n in parts]
    return [group[0] if len(group) == 1 else torch.cat(group) for group in groups]
