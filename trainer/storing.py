"""Storing checkpoints behind what their worker does next."""

from concurrent.futures import Future
from typing import NamedTuple

from state.background import Background
from state.objects import ObjectStore
from trainer.checkpoint import Checkpoint, encode
from trainer.recent import RecentCheckpoints


class Stored(NamedTuple):
    """A checkpoint on its way to the disk."""

    sha: Future[str]
    num_bytes: int
    checkpoint: Checkpoint

    def named(self, name: str, recent: RecentCheckpoints) -> dict[str, object]:
        """The two fields of a result that name it, once it is durable; from now on it is at hand
        in `recent`, and its tensors are not to be changed. Raises what kept it from being stored.
        """
        sha = self.sha.result()
        recent.keep(sha, self.checkpoint)
        return {name: sha, f"{name}_bytes": self.num_bytes}


class Storing(Background):
    """Stores checkpoints in the order in which they are given, within a `with` block."""

    def __init__(self, objects: ObjectStore) -> None:
        super().__init__()
        self.objects = objects

    def store(self, checkpoint: Checkpoint) -> Stored:
        """Store it as it is now: what becomes of its tensors until it is named does not matter to
        what is stored.
        """
        data = encode(checkpoint)
        return Stored(self.begin(self.objects.publish, data), len(data), checkpoint)
