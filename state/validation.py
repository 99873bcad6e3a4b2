"""What the validation gates measure and what they say. Losses in nats per token."""

from typing import Literal

from pydantic import Field

from state.base import Record

GateName = Literal["G0", "G1", "G2", "G3", "G3.5", "G3.6", "G4", "G5"]
Judgement = Literal["pass", "warn", "fail", "not judged"]
Probe = Literal["build", "states"]
"""What a worker is asked to read of a model besides its loss."""
GatePlace = Literal["build", "training", "merger", "end", "scaling"]
"""Where a gate was asked; `scaling` is `symbio-auto gates`."""

RecurrentName = Literal["rwkv6", "mamba2"]


class Kernel(Record):
    """Which code computes a part of the model."""

    part: str
    code: str
    fallback: bool = False
    """There is faster code, which does not fit this model or device."""


class BuildReading(Record):
    """An untrained model on random ids."""

    controls: int = Field(ge=0)
    """Control tokens of the tokenizer."""
    split_controls: tuple[str, ...] = ()
    """Markers that are no single token of the model's vocabulary."""
    kernels: tuple[Kernel, ...] = ()
    num_ids: int = Field(ge=0)
    shape: tuple[int, ...]
    expected_shape: tuple[int, ...]
    """[B, T, V] with the V of the tokenizer."""
    not_finite: int = Field(ge=0)
    """Logits that are NaN or infinite, before the cap, which would hide an infinite one."""
    entropy: float | None = None
    """Nats, mean over positions; None where a logit is not finite."""
    vocabulary: int = Field(ge=1)
    """Width of the distributions."""


class StateReading(Record):
    """The matrix states of one component in one layer; None where one is not finite."""

    component: RecurrentName
    layer: int = Field(ge=0)
    cosine: float | None
    """Of the states behind the halves of a window, mean over sequences and heads."""
    token_cosine: float | None
    """Of the states behind successive tokens."""
    top_share: float | None
    """Share of the five largest singular values in the sum of all, mean over heads."""
    outgrown: float | None
    """Share of entries beyond 5 times the root mean square of the state behind the first half."""
    saturated: float | None
    """Share of entries beyond 5."""
    num_states: int = Field(ge=0)
    """Pairs of states behind halves, over sequences and heads."""


class Stretch(Record):
    """Consecutive steps of one task; means over those with a finite value."""

    steps: int = Field(ge=1)
    loss: float | None
    grad_norm: float | None
    first: float | None
    """Root mean square of the gradient norm of the first component of the pair that G4 compares."""
    second: float | None


class Balance(Record):
    """The ratios of the gradient norms of two components, tallied over a lineage's life."""

    lineage: int = 0
    num: int = Field(default=0, ge=0)
    """Evaluations of the ratio, each over 100 steps."""
    inside: int = Field(default=0, ge=0)
    beyond: int = Field(default=0, ge=0)
    squares: tuple[float, float] = (0.0, 0.0)
    """Sums of squared norms over the steps of all evaluations."""
    last: tuple[float, float] = (0.0, 0.0)
    """The same of the newest evaluation."""
    open_steps: int = Field(default=0, ge=0)
    """Steps since then."""
    open_squares: tuple[float, float] = (0.0, 0.0)


class Measure(Record):
    """One number of a verdict beside its limit."""

    name: str
    value: float | None
    """None where it is not finite, or there was nothing to measure."""
    limit: str
    """What passes, in words."""
    verdict: Judgement


class Verdict(Record):
    """What a gate says of a model."""

    gate: GateName
    place: GatePlace
    verdict: Judgement
    reason: str
    measures: tuple[Measure, ...] = ()
    n: int = Field(ge=0)
    """What was measured: ids, steps, tokens, evaluations of a ratio or of a loss."""
    unit: str = ""
    """What `n` counts."""
    seed: int
    checkpoint: str | None = None
    """First digits of the sha256 of the weights; None: untrained."""
    stops: bool = False
    """A failure with which no run goes on unless it is waived."""
