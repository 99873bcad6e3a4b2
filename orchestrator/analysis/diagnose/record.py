"""What `symbio-auto diagnose` measures: every value with its n, and its interval if it has one."""

from pydantic import Field

from orchestrator.analysis.bootstrap import Interval
from orchestrator.analysis.diagnose.packing_record import Memory
from state.base import Record


class Estimate(Record):
    """A mean over text."""

    value: float
    interval: Interval | None
    """None where the text is too short for one."""
    n: int
    """Tokens, contexts or names that it was taken over."""


class Subject(Record):
    """Whose model it is."""

    run: str
    formula: str
    parameters: int
    backbone: str = "gpt"
    stateful: bool = False
    """Trained with states handed on from window to window."""
    layers: int
    heads: int
    block: int
    batch: int
    tokenizer: str
    dtype: str
    device: str


class Overall(Record):
    """The model on text that it has not learnt from, and on as much that it has."""

    search: Estimate
    """Bits per byte."""
    train: Estimate


class ContextPoint(Record):
    """One length of context."""

    tokens: int
    loss: Estimate
    """Bits per byte of the same targets for every length."""
    lost: Estimate
    """How much more than with the whole block."""


class GainPoint(Record):
    """One length of context, beyond the block where the model can read it."""

    tokens: int
    loss: Estimate
    """Bits per byte of the same targets for every length."""
    gain: Estimate
    """How much less than with the shortest."""


class Reaching(Record):
    """What is asked as far as the model can read."""

    skipped: str = ""
    """Why; empty where it was done."""
    reach: str = ""
    """What sets the longest text."""


class LongRange(Reaching):
    """What context is worth from 8 tokens on."""

    points: tuple[GainPoint, ...] = ()
    share: Estimate | None = None
    """Of the loss with the shortest, what the longest saves."""
    beyond: Estimate | None = None
    """Bits per byte that the longest saves over the block; None where it is no longer."""


class PositionPoint(Record):
    """A stretch of positions in the window; the targets are others at every position."""

    first: int
    last: int
    loss: Estimate


class Calibration(Record):
    """How sure the model is, and how often it is right."""

    entropy: Estimate
    """Bits per token."""
    accuracy: Estimate
    """Share of tokens that were the most likely one."""
    confidence: float
    """Mean probability of the most likely token."""
    error: float
    """Expected calibration error in 15 bins."""


class KindLoss(Record):
    """Tokens of one kind."""

    kind: str
    loss: Estimate
    """Bits per byte."""
    byte_share: float
    loss_share: float


class Surprise(Record):
    """A token that the model did not expect at all."""

    before: str
    token: str
    probability: float
    guess: str
    guess_probability: float


class InfluencePoint(Record):
    """What another first token changes so many tokens later."""

    tokens: int
    distance: Estimate
    """Total variation between the next-token distributions, 0 to 1."""
    loss_change: Estimate
    """Nats, absolute."""


class NeedlePoint(Record):
    """Names told at one depth of texts of one length."""

    tokens: int
    depth: float
    advantage: Estimate
    """Nats saved on the surname by having been told."""
    exact: float
    """Share of surnames given without an error."""
    guessed: float
    """The same where another surname was told."""


class Needle(Reaching):
    """Needle in a haystack."""

    points: tuple[NeedlePoint, ...] = ()


class StateSize(Record):
    """Of one component of one layer, behind so many tokens."""

    layer: int = Field(ge=1)
    component: str
    tokens: int
    rms: Estimate
    """Root mean square of the state's entries."""


class States(Reaching):
    """The size of the states against the length of the text."""

    points: tuple[StateSize, ...] = ()


class Branch(Record):
    """What one part of a layer adds."""

    update: float
    """Root mean square of what it adds as a share of the stream's."""
    variance: float = 0.0
    """Of what it adds: over tokens, mean over channels."""
    share: float
    """Of the variance that both branches of the layer add."""
    worth: Estimate
    """Bits per byte that the loss rises by without it."""


class Units(Record):
    """The feed-forward's units."""

    units: int
    flat_share: float
    dead_share: float
    saturated_share: float
    inputs: tuple[float, float, float]
    bend: tuple[float, float] | None
    nonlinear_share: float


class Head(Record):
    """One head."""

    entropy: float
    """Share of the greatest possible; 1 is even attention."""
    distance: float
    """Tokens that it looks back on average."""


class Component(Record):
    """One of several components that a layer fuses."""

    name: str
    update: float
    """Root mean square of what it brings as a share of the stream's."""
    variance: float = 0.0
    """Of what it brings: over tokens, mean over channels."""
    worth: Estimate
    """Bits per byte that the loss rises by without it in this layer."""


class ComponentShare(Record):
    """One component in all layers."""

    name: str
    worth: Estimate
    """Bits per byte that the loss rises by without it in any layer."""
    share: float
    """Of what the components save one by one; 0 where it saves nothing."""


class Layer(Record):
    """One block."""

    layer: int = Field(ge=1)
    stream: float
    """Root mean square of the residual stream that enters it."""
    mixing: str = "attention"
    """What mixes positions."""
    attention: Branch
    """What that adds, whatever it is."""
    feed_forward: Branch
    units: Units
    heads: tuple[Head, ...]
    """Of attention."""
    components: tuple[Component, ...] = ()


class Matrix(Record):
    """One matrix of weights."""

    name: str
    shape: tuple[int, int]
    rms: float
    rank: float | None
    """Effective rank; None for a matrix of zeros."""
    rank_share: float


class Finding(Record):
    """What the figures say, and what to do about it."""

    weight: float = Field(ge=0)
    """In bits per byte where that is what it costs; findings are sorted by it."""
    text: str
    advice: str


class Diagnosis(Record):
    """Everything."""

    schema_version: int = 1
    subject: Subject
    quick: bool
    overall: Overall
    context: tuple[ContextPoint, ...]
    long_range: LongRange = LongRange(skipped="not measured then")
    positions: tuple[PositionPoint, ...]
    calibration: Calibration
    kinds: tuple[KindLoss, ...]
    surprises: tuple[Surprise, ...]
    influence: tuple[InfluencePoint, ...]
    needle: Needle
    states: States = States(skipped="not measured then")
    layers: tuple[Layer, ...]
    layer_tokens: int
    """That the figures inside the layers were taken over."""
    stream_end: float
    """Root mean square of the residual stream behind the last layer."""
    components: tuple[ComponentShare, ...] = ()
    """Of a backbone that fuses several."""
    weights: tuple[Matrix, ...]
    memory: Memory
    findings: tuple[Finding, ...] = ()
