"""Every limit of the validation gates: ours, and those of the GroundThink documents."""

from typing import Literal, assert_never

from orchestrator.validation.bands import Band, Range
from state.base import Record

LimitsName = Literal["default", "groundthink"]

ENTROPY_SHARE = Band(passes=Range(low=0.90), warns=Range(low=0.50))
COSINE = Band(passes=Range(high=0.95, holds_high=False), warns=Range(high=0.99, holds_high=False))
TOP_SHARE = Band(passes=Range(low=0.8, holds_low=False), warns=Range(low=0.5))
SATURATED = Band(passes=Range(high=0.10, holds_high=False), warns=Range(high=0.30))
RATIO = Range(low=0.3, high=3.0)
RATIO_BEYOND = Range(low=0.1, high=10.0)
DEAD = 1e-3
"""A component whose gradient is this small a part of the other's, or less, is dead."""

LEAST_STEPS = 20
"""Fewer steps say nothing of where a loss goes."""
MOST_STEPS = 1000


class Limits(Record):
    """The bands of the gates, and which number each is about."""

    entropy: Band = ENTROPY_SHARE
    entropy_in_nats: bool = False
    """Of the untrained distribution; else its share of ln V."""
    gradient: Band = Band(passes=Range(low=1 / 3, high=3.0), warns=Range(low=0.1, high=10.0))
    gradient_is_absolute: bool = False
    """The norm itself; else relative to a reference."""
    cosine: Band = COSINE
    states_are_absolute: bool = False
    """States behind successive tokens and entries beyond 5; else those behind the two halves of a
    window and entries beyond 5 times what they were.
    """
    top_share: Band = TOP_SHARE
    saturated: Band = SATURATED
    ratio: Band = Band(passes=RATIO, warns=RATIO_BEYOND)
    """Of the norms over all steps together."""
    ratio_is_overall: bool = False
    """That ratio is judged; else, from five evaluations on, the share of them inside .3 to 3."""
    loss: Band = Band(passes=Range(high=1.05), warns=Range(high=1.20))
    """Relative to a reference, and to the best loss so far."""
    nats: Band | None = None
    """Of the loss of a model of 6 to 10 million parameters; None takes the reference."""
    baseline_nats: Band | None = None
    """Of the loss after 10,000 steps (G3.6); None asks no such gate."""


GROUNDTHINK = Limits(
    entropy=Band(passes=Range(low=2.0, high=5.0), warns=Range(low=1.0, high=8.0)),
    entropy_in_nats=True,
    gradient=Band(passes=Range(low=0.5, high=1.5), warns=Range(low=0.1, high=5.0)),
    gradient_is_absolute=True,
    states_are_absolute=True,
    ratio_is_overall=True,
    nats=Band(passes=Range(high=6.5, holds_high=False), warns=Range(high=6.5, holds_high=False)),
    baseline_nats=Band(passes=Range(high=1.2 * 0.77), warns=Range(high=1.2 * 0.77)),
)
"""Absolute numbers, as published for models of 3.6 to 8 million parameters. Bands that left a gap
are closed: the entropy fails below 1 and above 8, the gradient norm above 5, and below .1.
"""


def limits_of(name: LimitsName) -> Limits:
    """The limits of that name."""
    match name:
        case "default":
            return Limits()
        case "groundthink":
            return GROUNDTHINK
        case _:
            assert_never(name)
