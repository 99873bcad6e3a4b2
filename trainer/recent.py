"""Checkpoints at hand where members are trained: read, checked and decoded once, and what a task
leaves is not read again. On a GPU they stay in its memory from one generation to the next.
"""

from collections import OrderedDict
from collections.abc import Iterator

import torch
from torch import Tensor

from state.objects import ObjectStore
from state.records import Genome
from trainer.checkpoint import Checkpoint, all_kinds, decode, decode_any, with_tensors
from trainer.config import WorkerSetup

MOST_ON_CPU, BYTES_ON_CPU = 8, 1_000_000_000
LARGEST_SHARE = 1 / 8
"""Of a GPU's memory. What is trained needs the rest, and can have this too: see `release`."""


class RecentCheckpoints:
    """The last ones of a run by their sha256, on the device. Nobody may change their tensors."""

    def __init__(self, setup: WorkerSetup, objects: ObjectStore) -> None:
        self.setup, self.objects = setup, objects
        self.found: OrderedDict[str, Checkpoint] = OrderedDict()

    def get(self, sha: str, genome: Genome | None = None) -> Checkpoint:
        """The stored member of that activation, or whatever lies there where none is named.

        Raises:
            ValueError: the object is missing, damaged, or of another activation or shape.
        """
        checkpoint = self.found.get(sha)
        if checkpoint is None or genome not in (None, checkpoint.description.genome):
            data = self.objects.read(sha)
            read = decode_any(data) if genome is None else decode(data, genome, self.setup.model)
            checkpoint = with_tensors(read, lambda tensor: tensor.to(self.setup.device))
        self._put(sha, checkpoint)
        return checkpoint

    def keep(self, sha: str, checkpoint: Checkpoint) -> None:
        """Take over a checkpoint that was stored: whoever held its tensors is done with them."""
        self._put(sha, as_decoded(checkpoint))

    def release(self) -> bool:
        """Give the memory back; whether there was any."""
        held = bool(self.found)
        self.found.clear()
        return held

    def _put(self, sha: str, checkpoint: Checkpoint) -> None:
        self.found[sha] = checkpoint
        self.found.move_to_end(sha)
        while len(self.found) > 1 and self._is_full():
            self.found.popitem(last=False)

    def _is_full(self) -> bool:
        held = sum(map(num_bytes, self.found.values()))
        if self.setup.device == "cpu":
            return len(self.found) > MOST_ON_CPU or held > BYTES_ON_CPU
        room = torch.cuda.get_device_properties(self.setup.device_index).total_memory
        return held > LARGEST_SHARE * room


def as_decoded(checkpoint: Checkpoint) -> Checkpoint:
    """What reading it back would give: tensors of no graph and of no stack."""
    return with_tensors(checkpoint, own_memory)


def own_memory(tensor: Tensor) -> Tensor:
    """The tensor itself, or a copy of what is part of something larger."""
    own = tensor.detach()
    whole = own.is_contiguous() and own.untyped_storage().nbytes() == own.nbytes
    return own if whole else own.clone(memory_format=torch.contiguous_format)


def num_bytes(checkpoint: Checkpoint) -> int:
    """Of all tensors."""
    return sum(tensor.nbytes for tensor in tensors(checkpoint))


def tensors(checkpoint: Checkpoint) -> Iterator[Tensor]:
    """All of them, weights first."""
    for named in (checkpoint.weights, *all_kinds(checkpoint).values()):
        yield from named.values()
