"""Which operator makes the next challenger: shares that follow what became of earlier ones.

Probability matching: an operator's share is proportional to its chance of a gain beyond one sigma
of the noise, the mean of a Beta posterior, above a floor that every operator keeps. A generation
has a handful of challengers, so the prior weighs as much as a dozen of them and evidence fades
slowly; docs/design/drawing.md shows how far noise alone moves the shares.

Source: Goldberg, Probability matching, the magnitude of reinforcement, and classifier system
bidding, Machine Learning 5 (1990), with the least share of Thierens, An adaptive pursuit strategy
for allocating operator probabilities, GECCO (2005).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias, get_args

from orchestrator.run_state import OperatorTally
from state.genome import OPERATORS, Fusing, Operator, Recombination, Tuning

DrawnOperator: TypeAlias = Operator | Recombination | Tuning | Fusing
DRAWN: tuple[DrawnOperator, ...] = (*OPERATORS, "crossover", "graft", "tune")
"""Operators in the order of `weights`."""
FUSING: tuple[Fusing, ...] = get_args(Fusing)
"""Of runs that evolve the fusion, behind the others."""
GAIN = 1.0
"""Sigmas of the noise that a gain must exceed."""
PRIOR = (2.0, 10.5)
"""Gained and not, before the first challenger: noise alone exceeds one sigma in 16 % of them."""
DECAY = 0.95
"""What is left of the evidence after a generation."""


def record_outcomes(
    tallies: Sequence[OperatorTally], outcomes: Iterable[tuple[str, float]]
) -> tuple[OperatorTally, ...]:
    """The tallies after one more generation, one an operator; older evidence counts less.

    `outcomes` are (operator, gain over the continued champion in sigmas) of its challengers, those
    that failed included. Others than `DRAWN` and `FUSING`, such as migrants, are not counted;
    where none is left, nothing fades.
    """
    counted = [(name, gain > GAIN) for name, gain in outcomes if name in (*DRAWN, *FUSING)]
    if not counted:
        return tuple(tallies)
    tried = Counter[str](name for name, _ in counted)
    gained = Counter[str](name for name, better in counted if better)
    fuses = any(name in FUSING for name in (*tried, *(old.operator for old in tallies)))
    return tuple(
        OperatorTally(
            operator=old.operator,
            tried=DECAY * old.tried + tried[old.operator],
            gained=DECAY * old.gained + gained[old.operator],
        )
        for old in _all(tallies, (*DRAWN, *FUSING) if fuses else DRAWN)
    )


def weights(
    tallies: Sequence[OperatorTally], floor: float, drawn: Sequence[DrawnOperator] = DRAWN
) -> list[float]:
    """Shares of the draws in the order of `drawn`, each at least `floor`; even without tallies."""
    chances = [_chance(tally) for tally in _all(tallies, drawn)]
    floor = min(floor, 1 / len(drawn))
    matched = (1 - floor * len(drawn)) / sum(chances)
    return [floor + matched * chance for chance in chances]


def _chance(tally: OperatorTally) -> float:
    gained, failed = PRIOR
    return (gained + tally.gained) / (gained + failed + tally.tried)


def _all(tallies: Sequence[OperatorTally], drawn: Sequence[DrawnOperator]) -> list[OperatorTally]:
    known = {tally.operator: tally for tally in tallies}
    return [known.get(name) or OperatorTally(operator=name) for name in drawn]
