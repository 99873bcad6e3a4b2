"""Proposing all constants of a formula at once, from those that were tried in its skeleton.

The tree-structured Parzen estimator of Optuna, ask and tell. Its study is rebuilt from our records
for every draw: trials in the order of their task ids, a sampler whose seed follows from the run's
seed, the skeleton and the number of trials, no storage. It looks around the champion: in simulation
a window found better constants than the whole range, wherever the best ones lay.

Source: Bergstra, Bardenet, Bengio and Kegl, Algorithms for hyper-parameter optimization (2011).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from orchestrator.run_state import TunedConstants
from state.base import Record
from state.genome import Skeleton, skeleton
from state.records import Genome
from state.seeds import derive_seed

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

MAX_RECORDS = 128
LARGEST_GAIN = 100.0
"""Sigmas; what failed counts as minus that. Only the order of the gains matters to a proposal."""
WINDOW = 0.5
"""Greatest distance of each constant from the champion's."""


class Measured(Record):
    """A challenger that was measured beside its continued champion."""

    task_id: str
    genome: Genome
    champion: Genome
    gain: float
    """In sigmas of the noise; minus `LARGEST_GAIN` when it failed."""


def record_constants(
    tuned: Sequence[TunedConstants], members: Iterable[Measured]
) -> tuple[TunedConstants, ...]:
    """The newest records by task id, those of a generation added.

    Only a challenger that kept its champion's skeleton is recorded. Its gain is added to its
    champion's, so that gains over successive champions compare.
    """
    found = {one.task_id: one for one in tuned}
    for member in members:
        mine, theirs = skeleton(member.genome), skeleton(member.champion)
        if mine.text == theirs.text:
            gain = _gain(theirs, tuned) + min(max(member.gain, -LARGEST_GAIN), LARGEST_GAIN)
            found[member.task_id] = TunedConstants(
                skeleton=mine.text, constants=mine.constants, gain=gain, task_id=member.task_id
            )
    return tuple(found[name] for name in sorted(found)[-MAX_RECORDS:])


def proposals(
    genome: Genome, tuned: Sequence[TunedConstants], seed: int
) -> Iterator[tuple[float, ...]]:
    """Endless sets of constants for the skeleton of `genome`, in its order.

    The same records give the same proposals in whatever order they come; each further one keeps
    away from those before it.
    """
    form = skeleton(genome)
    told = _told(form, tuned)
    study = _study(derive_seed(seed, "constants", form.text, len(told)))
    space = _space(form)
    _tell(study, space, told)
    while True:
        asked = study.ask(dict(space))
        yield tuple(float(asked.params[name]) for name in space)


def _told(form: Skeleton, tuned: Sequence[TunedConstants]) -> list[tuple[tuple[float, ...], float]]:
    """Constants within the window and their gains by task id; the champion is one of them."""
    ours = sorted((one for one in tuned if one.skeleton == form.text), key=lambda one: one.task_id)
    told = [(one.constants, one.gain) for one in ours if _is_near(form, one.constants)]
    if form.constants not in [constants for constants, _ in told]:
        told.append((form.constants, 0.0))
    return told


def _is_near(form: Skeleton, constants: tuple[float, ...]) -> bool:
    return all(
        centre - WINDOW <= value <= centre + WINDOW
        for centre, value in zip(form.constants, constants, strict=True)
    )


def _gain(champion: Skeleton, tuned: Sequence[TunedConstants]) -> float:
    """What the champion gained when it was a challenger itself; 0 where nothing says so."""
    key = (champion.text, champion.constants)
    own = [one for one in tuned if (one.skeleton, one.constants) == key]
    return max(own, key=lambda one: one.task_id).gain if own else 0.0


def _space(form: Skeleton) -> "dict[str, BaseDistribution]":
    from optuna.distributions import FloatDistribution

    return {
        f"c{index}": FloatDistribution(centre - WINDOW, centre + WINDOW)
        for index, centre in enumerate(form.constants)
    }


def _study(seed: int) -> "Study":
    import optuna

    # Else it announces every study on stderr.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The champion is always told, so no proposal has to be drawn blindly.
    sampler = optuna.samplers.TPESampler(seed=seed % 2**32, multivariate=True, n_startup_trials=1)
    return optuna.create_study(direction="maximize", sampler=sampler)


def _tell(
    study: "Study",
    space: "dict[str, BaseDistribution]",
    told: Sequence[tuple[tuple[float, ...], float]],
) -> None:
    from orchestrator.evolution.told_trial import ToldTrial

    for constants, gain in told:
        study.add_trial(ToldTrial(space, constants, gain))
