"""Ways to fuse the two components of a block: a gene, written behind a formula as `@ hgf`."""

from typing import Literal, TypeAlias, get_args

from state.nearest import suggestion

FusionKind: TypeAlias = Literal["hy", "gf", "ws", "rf", "cp", "hgf"]
FUSION_KINDS: tuple[FusionKind, ...] = get_args(FusionKind)
MARK = "@"
MAX_SHOWN = 20


def parted(text: str) -> tuple[str, FusionKind | None]:
    """The formula without its fusion, spaces before the mark left off, and the fusion.

    Raises:
        ValueError: what stands behind the mark is no fusion.
    """
    formula, mark, name = text.partition(MARK)
    if not mark:
        return text, None
    for kind in FUSION_KINDS:
        if name.strip() == kind:
            return formula.rstrip(), kind
    shown = ascii(name.strip()[:MAX_SHOWN])
    near = suggestion(name.strip()[:MAX_SHOWN], FUSION_KINDS)
    raise ValueError(f"{shown} behind {MARK} is no fusion; {near}")


def joined(formula: str, kind: FusionKind | None) -> str:
    """The formula with its fusion behind it, if there is one."""
    return formula if kind is None else f"{formula} {MARK} {kind}"
