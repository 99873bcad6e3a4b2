"""A member as one safetensors file: weights, moments, and its description under one key.

Equal members give equal bytes: safetensors orders tensors by dtype and name, and keeps only a
single metadata entry in a fixed order. Integrity is the object store's business (its name is the
hash); this module refuses what is whole but does not fit.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from state.base import Record
from state.genome import display_name
from state.records import Genome
from trainer.config import ModelConfig
from trainer.instruments.instrument_state import InstrumentState
from trainer.neurons import NamedTensors
from trainer.optimizer import Moments

SCHEMA_VERSION = 1
METADATA_KEY = "symbio"
WEIGHTS, MEAN, STATES = "weights", "mean", "states"
NOT_SHAPE = {"size", "dropout"}
"""Fields of the model configuration that two models of equal weights may differ in."""


class Counters(Record):
    """What the member has been through since it was built."""

    steps: int = Field(default=0, ge=0)
    """Skipped ones included."""
    skipped_steps: int = Field(default=0, ge=0)
    tokens: int = Field(default=0, ge=0)

    def after(self, num_tokens: int, skipped: bool) -> "Counters":
        """One step later."""
        return Counters(
            steps=self.steps + 1,
            skipped_steps=self.skipped_steps + skipped,
            tokens=self.tokens + num_tokens,
        )


class Unfinished(Record):
    """Marks a member in the middle of a task."""

    task: str
    """Key of the task, so that no other object ever has the same bytes."""
    previous: Genome | None = None
    """The activation that is being left; weights of both structures are there."""


class Description(Record):
    """Everything in a checkpoint that is not a tensor."""

    schema_version: int = SCHEMA_VERSION
    genome: Genome = Genome(formula="gelu(x)")
    """A checkpoint that names no activation was trained with gelu."""
    model: ModelConfig
    seed: int
    """Of the streams that new parameters are drawn from."""
    counters: Counters = Counters()
    unfinished: Unfinished | None = None
    """None for a member at rest, which is what a task leaves."""
    instruments: InstrumentState | None = None
    """None without `--symbio`."""

    def text(self) -> str:
        """JSON with its keys in order."""
        absent: dict[str, bool | set[str]] = {
            name: True for name in ("unfinished", "instruments") if getattr(self, name) is None
        }
        if not self.model.learned_state:
            absent["model"] = {"learned_state"}
        return json.dumps(self.model_dump(exclude=absent), sort_keys=True)


class AnyVersion(BaseModel):
    """The one field that every version has, whatever else it holds."""

    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True)
class Checkpoint:
    """A member between two steps."""

    description: Description
    weights: NamedTensors
    moments: Moments = field(default_factory=dict)
    mean: NamedTensors = field(default_factory=dict)
    """Running mean of the weights; empty where none is kept."""
    states: NamedTensors = field(default_factory=dict)
    """Of a recurrent backbone in the middle of its tracks; empty for a member at rest."""


def encode(checkpoint: Checkpoint) -> bytes:
    """The file's bytes, equal for equal checkpoints."""
    tensors = {f"{WEIGHTS}/{name}": tensor for name, tensor in checkpoint.weights.items()}
    for kind, named in all_kinds(checkpoint).items():
        tensors |= {f"{kind}/{name}": tensor for name, tensor in named.items()}
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(contiguous, {METADATA_KEY: checkpoint.description.text()})


def all_kinds(checkpoint: Checkpoint) -> Moments:
    """Tensors by kind, weights not among them."""
    return {**checkpoint.moments, MEAN: checkpoint.mean, STATES: checkpoint.states}


def with_tensors(checkpoint: Checkpoint, change: Callable[[Tensor], Tensor]) -> Checkpoint:
    """The same with `change` of every tensor, in the order of their names."""

    def changed(named: NamedTensors) -> NamedTensors:
        return {name: change(tensor) for name, tensor in sorted(named.items())}

    kinds = {kind: changed(named) for kind, named in all_kinds(checkpoint).items() if named}
    mean, states = kinds.pop(MEAN, {}), kinds.pop(STATES, {})
    weights = changed(checkpoint.weights)
    return Checkpoint(checkpoint.description, weights, kinds, mean, states)


def decode(
    data: bytes, genome: Genome, model: ModelConfig, unfinished_task: str | None = None
) -> Checkpoint:
    """The checkpoint in `data`, which must be of this activation and shape.

    It must be at rest, or a snapshot inside the task with the key `unfinished_task`.

    Raises:
        ValueError: not a checkpoint, of another version, of another activation or shape, or
            of a task that was not finished.
    """
    checkpoint = decode_any(data)
    require_task(checkpoint.description, unfinished_task)
    require_activation(checkpoint.description, genome)
    require_shape(checkpoint.description, model)
    return checkpoint


def decode_any(data: bytes) -> Checkpoint:
    """The checkpoint in `data`, of whatever activation and shape.

    Raises:
        ValueError: not a checkpoint, or of another version.
    """
    try:
        tensors = load(data)
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"not a safetensors file: {error}; give a checkpoint of a run") from error
    by_kind: Moments = {}
    # The library hands them over in another order each time.
    for name, tensor in sorted(tensors.items()):
        kind, _, parameter = name.partition("/")
        by_kind.setdefault(kind, {})[parameter] = tensor
    weights, mean = by_kind.pop(WEIGHTS, {}), by_kind.pop(MEAN, {})
    states = by_kind.pop(STATES, {})
    return Checkpoint(read_description(data), weights, by_kind, mean, states)


def read_description(data: bytes) -> Description:
    """The description in a file whose tensors are known to be well formed.

    Raises:
        ValueError: there is none, or of another version.
    """
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    text = (header.get("__metadata__") or {}).get(METADATA_KEY, "")
    try:
        version = AnyVersion.model_validate_json(text).schema_version
        if version == SCHEMA_VERSION:
            return Description.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(
            "the file does not describe a model of symbio-auto; give a checkpoint of a run"
        ) from error
    raise ValueError(
        f"checkpoint of version {version}, this program reads {SCHEMA_VERSION}; "
        "use the version of symbio-auto that wrote it"
    )


def require_task(description: Description, task: str | None) -> None:
    """Refuse what another task, or any task, has not finished."""
    found = description.unfinished.task if description.unfinished else None
    if found != task:
        raise ValueError(
            f"checkpoint is of {_task_name(found)}, not of {_task_name(task)}; "
            "give the checkpoint that the task left at its end"
        )


def _task_name(key: str | None) -> str:
    return "a finished task" if key is None else f"unfinished task {key[:12]}"


def require_activation(description: Description, genome: Genome) -> None:
    """Refuse weights that were trained with another activation."""
    found = description.genome
    if found != genome:
        raise ValueError(
            f"checkpoint was trained with activation {_activation_name(found)}, "
            f"not {_activation_name(genome)}; load it as {display_name(found)}"
        )


def _activation_name(genome: Genome) -> str:
    """The formula, and the name where the formula does not contain it."""
    name = display_name(genome)
    return genome.formula if name in genome.formula else f"{genome.formula} ({name})"


def require_shape(description: Description, model: ModelConfig) -> None:
    """Refuse weights of another shape or recipe."""
    found = description.model.model_dump(exclude=NOT_SHAPE)
    expected = model.model_dump(exclude=NOT_SHAPE)
    for name, value in found.items():
        if value != expected[name]:
            raise ValueError(
                f"checkpoint has {name} {value} (size {description.model.size}), "
                f"not {expected[name]} (size {model.size}); load it with {name} {value}"
            )


def require_tensors(found: NamedTensors, expected: NamedTensors) -> None:
    """Refuse weights that are not those of the model, by name, shape and type."""
    kinds, asked = ({n: _kind(t) for n, t in named.items()} for named in (found, expected))
    wrong = sorted(name for name in kinds | asked if kinds.get(name) != asked.get(name))
    if wrong:
        raise ValueError(
            f"checkpoint lacks or has too many tensors: {wrong[0]} is {kinds.get(wrong[0])}, "
            f"not {asked.get(wrong[0])}; give a checkpoint of a run"
        )


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
