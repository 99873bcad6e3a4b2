"""Whether a backbone has what a fusion needs. Imports no torch."""

from collections.abc import Iterable

from state.fusions import parted
from trainer.backbones.names import MIXINGS, Backbone

REMEDY = "give a --backbone with two components, such as gf-mh, or leave it out"


def require_fusable(backbone: Backbone, formulas: Iterable[str], *, evolves: bool) -> None:
    """Refuse a fusion where there is nothing to fuse.

    Raises:
        ValueError: the run is to evolve one, or one of the formulas names one.
    """
    if MIXINGS[backbone].fusion is not None:
        return
    if evolves:
        raise ValueError(
            f"evolution.evolve_fusion has nothing to fuse in backbone {backbone}; {REMEDY}"
        )
    for formula in formulas:
        if parted(formula)[1] is not None:
            raise ValueError(
                f"{formula} names a fusion, and backbone {backbone} has nothing to fuse; {REMEDY}"
            )
