"""The inference battery: sample every prompt at every temperature and probe what was written.

    composite (version 1) = (repetition + lexical_validity + ending) / 3

a plain mean; each probe is the mean over all samples. The probes cannot see grammar or meaning,
so the composite says "writes like the corpus on the surface", not "writes well". A change of a
probe or of the mean raises COMPOSITE_VERSION: composites of different versions do not compare.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference_battery.generation import Generated, Request, Sampling, answer
from inference_battery.language_model import CacheT, LanguageModel, TextCodec
from inference_battery.probes.ending import ending
from inference_battery.probes.lexical_validity import lexical_validity, vocabulary
from inference_battery.probes.repetition import repetition
from inference_battery.prompts import Domain
from state.records import BatteryReport, PhaseName, ProbeScore, Sample

COMPOSITE_VERSION = 1
TOP_K = 40


@dataclass(frozen=True, slots=True)
class Reference:
    """Human text to compare with."""

    text: str
    domain: Domain


def run_battery(
    model: LanguageModel[CacheT],
    codec: TextCodec,
    *,
    prompts: Sequence[str],
    reference_text: str,
    domain: Domain,
    temperatures: Sequence[float],
    max_new_tokens: int,
    seed: int,
    phase: PhaseName,
    generation: int,
    banned_ids: Sequence[int] = (),
    device: str = "cpu",
) -> BatteryReport:
    """Every score is a function of model, seed and arguments; `tokens_per_sec` is wall time.

    Two models that are asked with the same seed meet the same random numbers.

    Raises:
        ValueError: there is no prompt or no temperature, or the model's logits are not finite.
    """
    asked = _questions(prompts, temperatures)
    requests = _requests(codec, asked)
    sampling = Sampling(
        max_new_tokens, TOP_K, seed, codec.end_of_text_id, tuple(banned_ids), device
    )
    begun = time.perf_counter()
    written = answer(model, requests, sampling)
    seconds = time.perf_counter() - begun
    samples = _samples(codec, asked, written)
    probes = probe_samples(samples, Reference(reference_text, domain))
    return BatteryReport(
        phase=phase,
        generation=generation,
        composite=composite(probes),
        probes=probes,
        samples=samples,
        tokens_per_sec=_num_drawn(written) / max(seconds, 1e-9),
    )


def _questions(prompts: Sequence[str], temperatures: Sequence[float]) -> list[tuple[str, float]]:
    if not prompts or not temperatures:
        raise ValueError(
            f"{len(prompts)} prompts at {len(temperatures)} temperatures give no sample; "
            "give at least one of each"
        )
    return [(prompt, heat) for heat in temperatures for prompt in prompts]


def _requests(codec: TextCodec, asked: Sequence[tuple[str, float]]) -> list[Request]:
    return [
        Request(tuple(int(token) for token in codec.encode(prompt)), heat, stream)
        for stream, (prompt, heat) in enumerate(asked)
    ]


def _samples(
    codec: TextCodec, asked: Sequence[tuple[str, float]], written: Sequence[Generated]
) -> tuple[Sample, ...]:
    return tuple(
        Sample(prompt=prompt, temperature=heat, text=codec.decode(text.tokens), ended=text.ended)
        for (prompt, heat), text in zip(asked, written, strict=True)
    )


def probe_samples(samples: Sequence[Sample], reference: Reference) -> tuple[ProbeScore, ...]:
    """The three probes, each with its mean at every temperature as detail."""
    known = vocabulary(reference.text)
    return (
        _score("repetition", samples, lambda s: repetition(s.text, reference.text)),
        _score(
            "lexical_validity", samples, lambda s: lexical_validity(s.text, known, ended=s.ended)
        ),
        _score(
            "ending",
            samples,
            lambda s: ending(s.text, reference.text, reference.domain, ended=s.ended),
        ),
    )


def composite(probes: Sequence[ProbeScore]) -> float:
    """Plain mean of the probes; see COMPOSITE_VERSION."""
    return sum(probe.score for probe in probes) / len(probes)


def _score(name: str, samples: Sequence[Sample], probe: Callable[[Sample], float]) -> ProbeScore:
    scores = [probe(sample) for sample in samples]
    detail = {
        f"temperature_{heat:g}": _mean(
            [score for score, s in zip(scores, samples, strict=True) if s.temperature == heat]
        )
        for heat in dict.fromkeys(sample.temperature for sample in samples)
    }
    return ProbeScore(name=name, score=_mean(scores), detail=detail)


def _mean(values: Sequence[float]) -> float:
    return min(1.0, max(0.0, sum(values) / len(values)))


def _num_drawn(written: Sequence[Generated]) -> int:
    return sum(len(text.tokens) + text.ended for text in written)
