"""One training run of the study as data: two equal specs are one run, trained once."""

from hashlib import sha256
from typing import Literal

from pydantic import Field

from state.base import Record

Corpus = Literal["historic", "tinyshakespeare"]


class Shape(Record):
    """The model and the batch that every full-width run shares."""

    dim: int = 96
    layers: int = 4
    heads: int = 4
    block: int = 64
    batch: int = 8
    vocab_size: int = 512


class Lesson(Record):
    """What teaches a host."""

    teachers: tuple["Spec", ...]
    weight: float = 0.5
    """Of `KL(mean of the teachers || host)`; the rest is cross-entropy."""
    temperature: float = 1.0
    source: Literal["live", "table"] = "table"
    """Teachers read every batch, or have read the train split once."""
    overlap: bool = True
    """Table only: windows advance by half a block, so that every position has a context of half
    a block at least; else by a whole one.
    """


class Spec(Record):
    """A model trained for `steps` steps under a full schedule of its own."""

    corpus: Corpus = "historic"
    activation: str = "gelu"
    steps: int = Field(ge=1)
    seed: int = 0
    """What pairs the arms."""
    lineage: int = 0
    """Fixes initialisation and data order, unless one of the next two says otherwise."""
    init: int | None = None
    """The lineage whose initialisation is taken."""
    order: int | None = None
    """The lineage whose data order is taken."""
    dropout: float = 0.0
    weight_decay: float = 0.1
    rate: float = 1.0
    """Factor of both peak learning rates."""
    decay_from: float = 0.4
    parent: "Spec | None" = None
    """Whose best weights and moments are taken over; None starts from nothing."""
    lesson: Lesson | None = None
    fused: int = 1
    """Members trained together and drawn to their mean, see `benchmarks.study.fusion`."""
    shape: Shape = Shape()

    @property
    def key(self) -> str:
        """Name of the run."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def needs(self) -> tuple["Spec", ...]:
        """Runs that must have ended before."""
        teachers = self.lesson.teachers if self.lesson else ()
        return (*teachers, *((self.parent,) if self.parent else ()))


class Panel(Record):
    """Models whose distributions are averaged; nothing is trained."""

    members: tuple[Spec, ...]
    """A single fused run stands for its members."""

    @property
    def key(self) -> str:
        """Name of the measurement."""
        return "panel-" + sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def needs(self) -> tuple[Spec, ...]:
        """Runs that must have ended before."""
        return self.members


Lesson.model_rebuild()
