"""Sizes by name, and which one `--model auto` takes."""

from state.base import Record
from state.nearest import quoted, suggestion
from trainer.backbones.names import MIXINGS, Backbone
from trainer.config import Recipe


class Size(Record):
    """A named shape of the decoder with a batch that suits it."""

    dim: int
    heads: int
    layers: int
    block: int
    batch: int
    recipe: Recipe = "modern"
    tied_head: bool = True


SIZES: dict[str, Size] = {
    "tiny": Size(dim=64, heads=4, layers=4, block=128, batch=16),
    "small": Size(dim=128, heads=4, layers=8, block=256, batch=8),
    "medium": Size(dim=192, heads=6, layers=8, block=256, batch=16),
    "large": Size(dim=512, heads=8, layers=8, block=512, batch=16),
    "xl": Size(dim=768, heads=12, layers=16, block=1024, batch=16, tied_head=False),
    "original": Size(
        dim=384, heads=8, layers=8, block=512, batch=20, recipe="classic", tied_head=False
    ),
}
RECURRENT_SIZES: dict[str, Size] = {
    "large": Size(dim=448, heads=7, layers=7, block=512, batch=16),
    "xl": Size(dim=640, heads=10, layers=15, block=1024, batch=16),
}
"""Of backbones with two components, whose blocks hold more: about 30 and 125 million parameters."""
ALIASES = {"1M": "tiny", "5M": "small", "8M": "medium"}

# Below this a larger model memorises before it generalises.
MEMORISED_BYTES = 150_000
# On two cores 2,000 steps take three minutes with `tiny` and a quarter of an hour with `small`.
CPU_TINY_BYTES = 1_000_000
GPU_MEDIUM_BYTES = 20_000_000


def size_of(name: str, backbone: Backbone) -> Size:
    """The shape of that name for a backbone."""
    recurrent = RECURRENT_SIZES if len(MIXINGS[backbone].components) > 1 else {}
    return recurrent.get(name, SIZES[name])


class Choice(Record):
    """A size and why it was taken."""

    name: str
    reason: str


def choose_size(wanted: str, *, device: str, corpus_bytes: int) -> Choice:
    """The size that `wanted` names; `auto` picks by device and corpus.

    Raises:
        ValueError: there is no such size.
    """
    name = ALIASES.get(wanted, wanted)
    if name in SIZES:
        return Choice(name=name, reason="as asked")
    if name != "auto":
        raise ValueError(
            f"--model {quoted(wanted)} is unknown; "
            + suggestion(wanted, ("auto", *SIZES, *ALIASES))
        )
    megabytes = f"{corpus_bytes / 1e6:.2f} MB of text"
    if corpus_bytes < MEMORISED_BYTES:
        return Choice(name="tiny", reason=f"{megabytes} would be memorised by a larger model")
    if device == "cpu":
        fits = "tiny" if corpus_bytes < CPU_TINY_BYTES else "small"
        return Choice(name=fits, reason=f"{megabytes} on a CPU")
    if corpus_bytes < GPU_MEDIUM_BYTES:
        return Choice(name="medium", reason=f"{megabytes} on {device}")
    return Choice(name="large", reason=f"{megabytes} on {device}")
