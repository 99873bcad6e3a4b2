"""From samples to probes and from probes to the composite.

    composite = exp(sum of weight ln max(probe, FLOOR))

A weighted geometric mean: no probe, however good, makes up for one that fails. Needs no torch.
"""

from collections.abc import Mapping, Sequence
from math import exp, log
from types import MappingProxyType

from inference_battery.probes.distinctness import distinctness
from inference_battery.probes.diversity import diversity
from inference_battery.probes.ending import ending
from inference_battery.probes.fluency import fluency
from inference_battery.probes.lexical_validity import lexical_validity
from inference_battery.probes.novelty import novelty
from inference_battery.probes.relevance import relevance
from inference_battery.probes.repetition import repetition
from inference_battery.probes.robustness import robustness
from inference_battery.probes.scored import Probe, Scored
from inference_battery.reference import Reference
from inference_battery.weights import FLOOR, WEIGHTS
from state.progress import SILENT, Reporter, told
from state.records import ProbeScore, Sample, SampleKind

PROBES: Mapping[str, Probe] = MappingProxyType(
    {
        "fluency": fluency,
        "lexical_validity": lexical_validity,
        "distinctness": distinctness,
        "repetition": repetition,
        "relevance": relevance,
        "novelty": novelty,
        "ending": ending,
        "diversity": diversity,
        "robustness": robustness,
    }
)


def composite(values: Mapping[str, float], weights: Mapping[str, float] = WEIGHTS) -> float:
    """Of the probes that are there; their weights are scaled to add up to 1."""
    total = sum(weights[name] for name in values)
    logs = (weights[name] * log(max(value, FLOOR)) for name, value in values.items())
    return exp(sum(logs) / total)


def rate(
    samples: Sequence[Sample], reference: Reference, progress: Reporter = SILENT
) -> dict[str, list[Scored]]:
    """What every probe says of every sample."""
    count = len(PROBES)
    with progress.work("judging what it wrote", count, "properties", beats=True) as advance:
        probes = told(PROBES.items(), range(1, count + 1), advance)
        return {name: probe(samples, reference) for name, probe in probes}


def probe_scores(
    samples: Sequence[Sample], rated: Mapping[str, Sequence[Scored]]
) -> tuple[ProbeScore, ...]:
    """Every probe that had something to rate, with its value at each temperature."""
    return tuple(
        _probe_score(name, samples, scored)
        for name, scored in rated.items()
        if any(one.weight for one in scored)
    )


def sample_scores(rated: Mapping[str, Sequence[Scored]]) -> list[float]:
    """The composite of each sample by itself."""
    count = len(next(iter(rated.values())))
    return [
        composite({name: some[i].score for name, some in rated.items() if some[i].weight})
        for i in range(count)
    ]


def best_and_worst(samples: Sequence[Sample], count: int) -> tuple[list[Sample], list[Sample]]:
    """The samples with the highest scores and, from the lowest up, those with the lowest.

    Of ordinary prompts only: those to odd prompts are rated by one probe, on another scale.
    """
    plain = [one for one in samples if one.kind == "plain"]
    ranked = sorted(plain, key=lambda one: -(one.score or 0.0))
    return ranked[:count], ranked[count:][-count:][::-1]


def prompts_of(samples: Sequence[Sample]) -> list[tuple[SampleKind, str]]:
    """Distinct prompts, each with its kind, in the order in which they come."""
    return list(dict.fromkeys((sample.kind, sample.prompt) for sample in samples))


def _probe_score(name: str, samples: Sequence[Sample], scored: Sequence[Scored]) -> ProbeScore:
    def mean(heat: float | None = None) -> float | None:
        chosen = [
            one
            for one, sample in zip(scored, samples, strict=True)
            if heat is None or sample.temperature == heat
        ]
        weight = sum(one.weight for one in chosen)
        return sum(one.score * one.weight for one in chosen) / weight if weight else None

    heats = sorted({sample.temperature for sample in samples})
    by_heat = {f"temperature_{heat:g}": mean(heat) for heat in heats}
    return ProbeScore(
        name=name,
        score=min(1.0, mean() or 0.0),
        detail={heat: value for heat, value in by_heat.items() if value is not None},
        by_prompt=tuple(_by_prompt(samples, scored).values()),
    )


def _by_prompt(
    samples: Sequence[Sample], scored: Sequence[Scored]
) -> dict[tuple[SampleKind, str], tuple[float, float]]:
    """(sum of weighted scores, sum of weights) of each prompt, in the order of asking."""
    found = dict.fromkeys(prompts_of(samples), (0.0, 0.0))
    for sample, one in zip(samples, scored, strict=True):
        key = (sample.kind, sample.prompt)
        total, weight = found[key]
        found[key] = (total + one.score * one.weight, weight + one.weight)
    return found
