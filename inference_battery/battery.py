"""The inference battery: ask, let the model write, probe what was written.

Every score is a function of the model, the seed and what is asked; two models that are asked with
the same seed meet the same random numbers. Only the speed depends on the clock.
"""

import time
from collections.abc import Sequence
from hashlib import sha256

from inference_battery.calibration import Tokens, calibration_error
from inference_battery.generation import Request, Sampling, answer
from inference_battery.intervals import MIN_PROMPTS, interval
from inference_battery.language_model import CacheT, LanguageModel, TextCodec
from inference_battery.probes.novelty import recites
from inference_battery.questions import Question
from inference_battery.reference import Reference
from inference_battery.score import composite, probe_scores, prompts_of, rate, sample_scores
from inference_battery.weights import COMPOSITE_VERSION
from state.progress import SILENT, Reporter
from state.records import BatteryReport, PhaseName, Sample

TOP_K = 40


def run_battery(
    model: LanguageModel[CacheT],
    codec: TextCodec,
    asked: Sequence[Question],
    reference: Reference,
    sampling: Sampling,
    *,
    phase: PhaseName,
    generation: int,
    held_out_tokens: Tokens = (),
    progress: Reporter = SILENT,
) -> BatteryReport:
    """Write, score and measure beside it.

    Raises:
        ValueError: the model's logits are not finite.
    """
    begun = time.perf_counter()
    written, num_drawn = _write(model, codec, asked, sampling, progress)
    seconds = time.perf_counter() - begun
    report = judged(written, reference, phase=phase, generation=generation, progress=progress)
    error = calibration_error(model, held_out_tokens, sampling.device)
    beside = {} if error is None else {"calibration_error": error}
    return report.model_copy(
        update={"tokens_per_sec": num_drawn / max(seconds, 1e-9), "beside": beside}
    )


def judged(
    samples: Sequence[Sample],
    reference: Reference,
    *,
    phase: PhaseName = "control",
    generation: int = 0,
    progress: Reporter = SILENT,
) -> BatteryReport:
    """The report of texts, whoever wrote them.

    Raises:
        ValueError: there is no text.
    """
    if not samples:
        raise ValueError("no sample is no battery; ask at least one question")
    rated = rate(samples, reference, progress)
    kinds = tuple(kind for kind, _ in prompts_of(samples))
    probes = probe_scores(samples, rated)
    values = {probe.name: probe.score for probe in probes}
    report = BatteryReport(
        phase=phase,
        generation=generation,
        version=COMPOSITE_VERSION,
        composite=composite(values),
        probes=probes,
        samples=tuple(
            sample.model_copy(update={"score": score})
            for sample, score in zip(samples, sample_scores(rated), strict=True)
        ),
        tokens_per_sec=0.0,
        kinds=kinds,
        asked=_digest(samples),
        comparable=reference.is_telling and kinds.count("plain") >= MIN_PROMPTS,
        memorised=recites(samples, rated["novelty"]),
    )
    found = interval(report)
    return report.model_copy(update={"interval": (found.low, found.high)})


def write_answers(
    model: LanguageModel[CacheT],
    codec: TextCodec,
    asked: Sequence[Question],
    sampling: Sampling,
    progress: Reporter = SILENT,
) -> tuple[Sample, ...]:
    """One sample a question, in their order."""
    return _write(model, codec, asked, sampling, progress)[0]


def _write(
    model: LanguageModel[CacheT],
    codec: TextCodec,
    asked: Sequence[Question],
    sampling: Sampling,
    progress: Reporter,
) -> tuple[tuple[Sample, ...], int]:
    """The samples and how many tokens were drawn for them."""
    requests = [
        Request(tuple(int(token) for token in codec.encode(one.prompt)), one.temperature, stream)
        for stream, one in enumerate(asked)
    ]
    written = answer(model, requests, sampling, progress)
    samples = tuple(
        Sample(
            prompt=one.prompt,
            temperature=one.temperature,
            text=codec.decode(text.tokens),
            ended=text.ended,
            kind=one.kind,
        )
        for one, text in zip(asked, written, strict=True)
    )
    return samples, sum(len(text.tokens) + text.ended for text in written)


def _digest(samples: Sequence[Sample]) -> str:
    """Names what was asked."""
    asked = "\0".join(f"{one.kind}\0{one.temperature!r}\0{one.prompt}" for one in samples)
    return sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:16]
