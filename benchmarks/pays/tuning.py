"""How fixed activations are tuned, on seed 0 and on the search split alone.

Every change of the table is tried by itself. On the main setting those that helped are then tried
together; on another setting the best of the main one is tried beside the changes of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import combinations

from benchmarks.pays.arms import FIXED, TUNINGS, straight
from benchmarks.pays.figures import bits_of
from benchmarks.pays.place import Result
from benchmarks.pays.specs import Settings, Spec
from orchestrator.settings import merge

Results = Mapping[str, Result]

MAIN = "historic-half"
"""The setting of the headline and of the ablations."""
NEAR_BITS = 0.015
"""Per byte. Of what is tuned, dropout moved one model most in the study, by .0096."""
HELPS_BITS = 0.003
"""Per byte, that a change alone must gain to be tried with others; less is chance."""
MOST_JOINED = 3


def contenders(results: Results) -> list[str]:
    """Of the fixed activations but the first two, which are tuned in any case: those that come near
    enough to the better of these, untuned on seed 0, that tuning might put them ahead.
    """
    plain = {name: bits for name in FIXED if (bits := _bits(MAIN, name, {}, results)) is not None}
    first = [plain[name] for name in FIXED[:2] if name in plain]
    if not first:
        return list(FIXED[2:])
    return [name for name in FIXED[2:] if name not in plain or plain[name] - min(first) < NEAR_BITS]


def tuning(setting: str, activations: Sequence[str], results: Results) -> Iterator[Spec]:
    """Seed 0 of everything that is tried beside the defaults."""
    for name in activations:
        for change in (*alone(setting, name, results), *joined(setting, name, results)):
            yield straight(setting, name, 0, change=change)


def tuned(setting: str, activation: str, seed: int, results: Results) -> Spec:
    """As it was best on seed 0's search split, once every single change was tried there; else the
    defaults.
    """
    change = best_change(setting, activation, results)
    return straight(setting, activation, seed, change=change)


def best_change(setting: str, activation: str, results: Results) -> Settings:
    """Of the defaults and the changes that were tried, the one with the fewest bits."""
    single = ({}, *alone(setting, activation, results))
    found = [(_bits(setting, activation, one, results), one) for one in single]
    if any(bits is None for bits, _ in found):
        return {}
    both = joined(setting, activation, results)
    found += [(_bits(setting, activation, one, results), one) for one in both]
    return min(((bits, dict(one)) for bits, one in found if bits is not None), key=_first)[1]


def alone(setting: str, activation: str, results: Results) -> list[Settings]:
    """The changes that are tried by themselves."""
    own = TUNINGS.get(setting, {}) if setting == MAIN or activation == "gelu" else {}
    found = list(own.values())
    there = best_change(MAIN, activation, results) if setting != MAIN else {}
    return [*found, there] if there and there not in found else found


def joined(setting: str, activation: str, results: Results) -> list[Settings]:
    """What helped on the main setting, two and more at once; nothing until all was tried."""
    if setting != MAIN:
        return []
    plain = _bits(setting, activation, {}, results)
    tried = [
        (_bits(setting, activation, one, results), one)
        for one in alone(setting, activation, results)
    ]
    gains = [(plain - bits, one) for bits, one in tried if plain is not None and bits is not None]
    if len(gains) < len(tried):
        return []
    helped = sorted((pair for pair in gains if pair[0] >= HELPS_BITS), key=_first, reverse=True)
    best: list[Settings] = []
    for _, one in helped:
        apart = all(_places(one).isdisjoint(_places(other)) for other in best)
        if apart and len(best) < MOST_JOINED:
            best.append(one)
    counts = range(2, len(best) + 1)
    return [reduce(merge, some) for count in counts for some in combinations(best, count)]


def _places(change: Settings) -> set[tuple[str, str]]:
    """The settings that it changes."""
    return {(table, name) for table, of in change.items() if isinstance(of, dict) for name in of}


def _bits(setting: str, activation: str, change: Settings, results: Results) -> float | None:
    found = results.get(straight(setting, activation, 0, change=change).key)
    return None if found is None else bits_of(found)


def _first(pair: tuple[float, Settings]) -> float:
    return pair[0]
