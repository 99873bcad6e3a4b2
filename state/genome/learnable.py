"""Activations that train coefficients of their own: what each kind trains and what it starts as.

The four families are named: `universal` and `blend` have coefficients for each neuron, `spline`
and `rational` one set for a layer. The fifth kind, `learned(f)`, is any formula f whose constants
are trained, one set for a layer. No family is part of a formula; it stands alone or inside `glu`.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from state.genome.expression import Add, Expression, Leaf, Scale, subtrees

FamilyName = Literal["universal", "blend", "spline", "rational"]
LearnableKind: TypeAlias = FamilyName | Literal["learned"]
FAMILY_NAMES: tuple[FamilyName, ...] = get_args(FamilyName)
LEARNED: Literal["learned"] = "learned"


@dataclass(frozen=True, slots=True)
class Family:
    """One family of functions; nodes, depth, operations and numbers are those of its formula."""

    start: tuple[float, ...]
    """Coefficients of the untrained function."""
    per_channel: bool
    """Every neuron has coefficients of its own; else a layer shares them."""
    graph: Expression
    """What the untrained function is; of `spline` and `rational`, what it is close to."""
    nodes: int
    depth: int
    operations: int
    numbers: int
    """Numbers read and written for one element when every operation is a kernel of its own."""


# Least squares for silu on 4,801 points of [-6, 6], slopes 0 and 1 at the ends, so that the line
# beyond runs beside silu: .0018 off at most inside, .017 outside.
SPLINE_START = (
    -0.030102, -0.009932, -0.030102, -0.059263, -0.117467, -0.208158, -0.301666, -0.246761,
    0.214778, 1.08295, 2.099535, 3.113302, 4.094583, 5.046821, 5.990068, 6.892975,
)  # fmt: skip
# The minimax fit to silu on [-3, 3] with f(0) = 0, where silu(x) - x/2 is even: a0 to a3, b1, b2.
# It is .0038 off at most there, .071 on [-4, 4], and has slope 1/2 far out.
RATIONAL_START = (0.0, 0.5, 0.242936, 0.034159, 0.0, 0.068318)

FAMILIES: dict[FamilyName, Family] = {
    "universal": Family((1.0, 0.0), True, Leaf("silu"), 5, 3, 10, 9),
    "blend": Family(
        (0.5, 0.0, 0.5, 0.0, 0.0),
        True,
        Add((Scale(0.5, Leaf("gelu")), Scale(0.5, Leaf("silu")))),
        16,
        5,
        30,
        31,
    ),
    "spline": Family(SPLINE_START, False, Leaf("silu"), 47, 6, 21, 56),
    "rational": Family(RATIONAL_START, False, Leaf("silu"), 28, 7, 12, 28),
}
"""`universal` c0 silu(x) + c1 x; `blend` c0 silu + c1 relu + c2 gelu + c3 x + c4 x^2; `spline` and
`rational` as in `state.genome.learnable_curves`.
"""


def constants(tree: Expression) -> tuple[Scale, ...]:
    """The scaled parts of a tree whose factors `learned` trains, from the root on.

    Parts that are equal are one: a square stays a square.
    """
    return tuple(dict.fromkeys(node for _, node in subtrees(tree) if isinstance(node, Scale)))
