"""What an export is made of."""

from dataclasses import dataclass
from pathlib import Path

from state.genome import initial_coefficients, is_per_channel
from state.objects import ObjectStore
from trainer.checkpoint import Checkpoint, decode_any
from trainer.config import Domain
from trainer.feed_forward import curve_name
from trainer.manifest import read_manifest, read_tokenizer

Coefficients = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A model at rest and what its tokens mean."""

    checkpoint: Checkpoint
    tokenizer: bytes
    """tokenizer.json of the run."""
    domain: Domain

    def coefficients(self) -> Coefficients:
        """What each layer's activation has learnt, one tuple a layer; none of a plain activation,
        and of one with coefficients for each neuron their means.
        """
        genome = self.checkpoint.description.genome
        name, start = curve_name(genome), initial_coefficients(genome)
        if name is None:
            return ()
        layers = range(self.checkpoint.description.model.layers)
        added = [self.checkpoint.weights[f"blocks.{i}.ffn.curves.{name}.bias"] for i in layers]
        if is_per_channel(genome):
            added = [bias.mean(dim=1) for bias in added]
        return tuple(
            tuple(one + more for one, more in zip(start, bias.tolist(), strict=True))
            for bias in added
        )


def read_source(objects: ObjectStore, sha: str, tokenizer_path: Path) -> Source:
    """The checkpoint `sha` and the tokenizer of the data folder that `tokenizer_path` lies in.

    Raises:
        ValueError: the checkpoint or the tokenizer is missing, damaged or not one of ours.
    """
    folder = tokenizer_path.parent
    tokenizer = read_tokenizer(folder)
    return Source(decode_any(objects.read(sha)), tokenizer, read_manifest(folder).domain)
