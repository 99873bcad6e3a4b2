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


def rate(samples: Sequence[Sample], reference: Reference) -> dict[str, list[Scored]]:
    """What every probe says of every sample."""
    return {name: probe(samples, reference) for name, probe in PROBES.items()}


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


def prompts_of(samples: Sequence[Sample]) -> list[tuple[SampleKind, str]]:
    """Distinct prompts, each with its kind, in the order in which they come."""
    return list(dict.fromkeys((sample.kind, sample.prompt) for sample in samples))


def _probe_score(name: str, samples: Sequence[Sample], scored: Sequence[Scored]) -> ProbeScore:
    def of(chosen: Sequence[bool]) -> tuple[float, float]:
        picked = [one for one, taken in zip(scored, chosen, strict=True) if taken]
        return sum(one.score * one.weight for one in picked), sum(one.weight for one in picked)

    heats = sorted({sample.temperature for sample in samples})
    by_heat = {heat: of([sample.temperature == heat for sample in samples]) for heat in heats}
    total, weight = of([True] * len(samples))
    return ProbeScore(
        name=name,
        score=min(1.0, total / weight),
        detail={f"temperature_{heat:g}": sum_ / w for heat, (sum_, w) in by_heat.items() if w},
        by_prompt=tuple(
            of([(sample.kind, sample.prompt) == one for sample in samples])
            for one in prompts_of(samples)
        ),
    )
