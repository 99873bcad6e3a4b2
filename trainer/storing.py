"""Storing checkpoints behind what their worker does next."""

from concurrent.futures import Future
from typing import NamedTuple

from state.background import Background
from state.objects import ObjectStore
from trainer.checkpoint import Checkpoint, encode


class Stored(NamedTuple):
    """A checkpoint on its way to the disk."""

    sha: Future[str]
    num_bytes: int

    def named(self, name: str) -> dict[str, object]:
        """The two fields of a result that name it, once it is durable; raises what kept it from
        being stored.
        """
        return {name: self.sha.result(), f"{name}_bytes": self.num_bytes}


class Storing(Background):
    """Stores checkpoints in the order in which they are given, within a `with` block."""

    def __init__(self, objects: ObjectStore) -> None:
        super().__init__()
        self.objects = objects

    def store(self, checkpoint: Checkpoint) -> Stored:
        """Store it as it is now: what becomes of its tensors later does not matter."""
        data = encode(checkpoint)
        return Stored(self.begin(self.objects.publish, data), len(data))
