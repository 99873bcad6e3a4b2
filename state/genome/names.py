"""Activations known by a name of their own, beside the leaves of the expression tree."""

from state.genome.expression import LeafName
from state.genome.learnable import FAMILY_NAMES, LEARNED

ALIASES = {"swish": "silu", "linear": "identity", "learned_constants": LEARNED}
POWERS: dict[str, LeafName] = {"relu2": "relu", "leaky_relu2": "leaky_relu"}
"""Squares of a leaf: relu2(x) is relu(x)*relu(x)."""
GATED: dict[str, LeafName] = {
    "swiglu": "silu",
    "geglu": "gelu",
    "reglu": "relu",
    "bilinear": "identity",
}
"""Gated activations: swiglu is glu(silu(x))."""

DISPLAY_NAMES = {
    **{
        f"{name}(x)": name
        for name in ("silu", "gelu", "relu", "sigmoid", "tanh", "sin", "leaky_relu", "abs")
    },
    "x": "identity",
    "x*x": "square",
    **{f"{leaf}(x)*{leaf}(x)": name for name, leaf in POWERS.items()},
    **{f"glu({leaf}(x))": name for name, leaf in GATED.items() if leaf != "identity"},
    "glu(x)": "bilinear",
    **{f"{name}(x)": name for name in FAMILY_NAMES},
}
"""The short name of a canonical formula."""
