"""Every backbone by its name. Imports no torch."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias, get_args

from state.fusions import FusionKind
from state.nearest import quoted, suggestion

Backbone: TypeAlias = Literal[
    "gpt",
    "hy",
    "gf",
    "gf-mh",
    "gf-rh",
    "ws",
    "rf",
    "cp",
    "hgf",
    "hgf-mh",
    "hgf-rh",
    "rwkv6",
    "mamba2",
]
Component: TypeAlias = Literal["rwkv6", "mamba2"]
BOTH: tuple[Component, ...] = ("rwkv6", "mamba2")


class Mixing(NamedTuple):
    """How the blocks of a backbone mix positions."""

    text: str
    components: tuple[Component, ...] = BOTH
    """In the order in which they are fused; none: attention."""
    fusion: FusionKind | None = None
    """None where there is nothing to fuse."""
    gate: float = 0.5
    """Weight of RWKV-6 that a gate starts with."""


_GATED, _FINE = "one gate a position", "a gate for each position and channel"
MIXINGS: Mapping[Backbone, Mixing] = {
    "gpt": Mixing("causal attention", ()),
    "hy": Mixing("gains by channel on normed branches", fusion="hy", gate=0.7),
    "gf": Mixing(_GATED, fusion="gf"),
    "gf-mh": Mixing(f"{_GATED}, begins at .3", fusion="gf", gate=0.3),
    "gf-rh": Mixing(f"{_GATED}, begins at .7", fusion="gf", gate=0.7),
    "ws": Mixing("one weight a block", fusion="ws"),
    "rf": Mixing("RWKV-6 and a projection of Mamba-2", fusion="rf"),
    "cp": Mixing("a projection of both", fusion="cp"),
    "hgf": Mixing(_FINE, fusion="hgf"),
    "hgf-mh": Mixing(f"{_FINE}, begins at .3", fusion="hgf", gate=0.3),
    "hgf-rh": Mixing(f"{_FINE}, begins at .7", fusion="hgf", gate=0.7),
    "rwkv6": Mixing("RWKV-6 alone", ("rwkv6",)),
    "mamba2": Mixing("Mamba-2 alone", ("mamba2",)),
}


def list_backbones() -> tuple[Backbone, ...]:
    """Every name, attention first."""
    return get_args(Backbone)


def mixing_of(name: str) -> Mixing:
    """The backbone of that name, in capitals or not.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    for known, mixing in MIXINGS.items():
        if name.lower() == known:
            return mixing
    names = list_backbones()
    meant = suggestion(name.lower(), names, otherwise="symbio-auto models lists them")
    raise ValueError(f"backbone {quoted(name)} is unknown; {meant}")
