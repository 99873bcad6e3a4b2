"""Widths, parameters and matrix products of the recurrent components. Imports no torch."""

from state.fusions import FusionKind
from trainer.backbones.names import Component, Mixing

STATE_WIDTH = 64
"""Of Mamba-2."""
CONV_WIDTH = 4
EXPANSION = 2
NUM_MIXES = 5
"""Inputs of RWKV-6 that are mixed with the token before: r, w, k, v, g."""
WKV6_CHUNK = 32
"""Positions of a chunk of RWKV-6, a power of two. Measured: docs/design/hybrids.md."""
SSD_CHUNK = 64
"""Positions of a chunk of Mamba-2."""


def head_width(dim: int) -> int:
    """Width of an RWKV-6 head: 32, from 512 on 64, or what divides the model's width."""
    return _divisor(dim, 64 if dim >= 512 else 32)


def mamba_head_width(dim: int) -> int:
    """Width of a Mamba-2 head: 64, or what divides its inner width."""
    return _divisor(EXPANSION * dim, 64)


def num_mamba_heads(dim: int) -> int:
    """Heads of Mamba-2."""
    return EXPANSION * dim // mamba_head_width(dim)


def ranks(dim: int) -> tuple[int, int]:
    """Of the low-rank mix and of the low-rank decay of RWKV-6."""
    return min(32, max(2, dim // 4)), min(64, max(2, dim // 2))


def _divisor(number: int, most: int) -> int:
    return next(width for width in range(min(number, most), 0, -1) if number % width == 0)


def component_parameters(component: Component, dim: int) -> int:
    """Parameters of one component of a block."""
    if component == "rwkv6":
        mix, decay = ranks(dim)
        return 5 * dim**2 + 2 * NUM_MIXES * dim * mix + 2 * dim * decay + (NUM_MIXES + 5) * dim
    inner, heads = EXPANSION * dim, num_mamba_heads(dim)
    joined = inner + 2 * STATE_WIDTH
    return (
        dim * (2 * inner + 2 * STATE_WIDTH + heads)
        + inner * dim
        + (CONV_WIDTH + 1) * joined
        + 3 * heads
        + inner
    )


def first_state_parameters(component: Component, dim: int) -> int:
    """Of the state that a document begins with, where that is trained."""
    if component == "rwkv6":
        return dim * head_width(dim)
    return EXPANSION * dim * STATE_WIDTH


def fusion_parameters(kind: FusionKind | None, dim: int) -> int:
    """Parameters of what puts two components together."""
    of = {"hy": 2 * dim, "gf": 2 * dim + 1, "ws": 1, "rf": dim**2, "cp": 2 * dim**2}
    return 0 if kind is None else of.get(kind, 2 * dim**2 + dim)


def mixer_parameters(mixing: Mixing, dim: int) -> int:
    """Parameters of the recurrent mixer of one block, the norm in front of it not counted."""
    own = sum(component_parameters(one, dim) for one in mixing.components)
    return own + fusion_parameters(mixing.fusion, dim)


def mixer_products(mixing: Mixing, dim: int, block: int) -> int:
    """Multiply-adds of the recurrent mixer of one block for one token of a whole block."""
    own = sum(component_products(one, dim, block) for one in mixing.components)
    return own + fusion_products(mixing.fusion, dim)


def component_products(component: Component, dim: int, block: int) -> int:
    """Multiply-adds of one component for one token, elementwise ones not counted."""
    if component == "rwkv6":
        mix, decay = ranks(dim)
        chunk = min(WKV6_CHUNK, 1 << (block - 1).bit_length())
        projections = 5 * dim**2 + 2 * NUM_MIXES * dim * mix + 2 * dim * decay
        return projections + dim * (chunk - 2) + 2 * dim * head_width(dim)
    inner, heads = EXPANSION * dim, num_mamba_heads(dim)
    chunk = min(SSD_CHUNK, block)
    projections = dim * (2 * inner + 2 * STATE_WIDTH + heads) + inner * dim
    return projections + chunk * STATE_WIDTH + chunk * inner + 2 * inner * STATE_WIDTH


def fusion_products(kind: FusionKind | None, dim: int) -> int:
    """Multiply-adds of a fusion for one token."""
    return {"gf": 2 * dim, "rf": dim**2, "cp": 2 * dim**2, "hgf": 2 * dim**2}.get(kind or "", 0)
