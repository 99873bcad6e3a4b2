"""Every probe of every source of a training, at the size of a gate and of the end of a run."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.battery.checkpoints import Training
from benchmarks.battery.samples import NUM_PROMPTS, TEMPERATURES, book_of
from inference_battery.battery import judged
from inference_battery.reference import Reference
from inference_battery.text import ends_a_sentence
from state.base import Record
from state.records import Sample
from state.run_folder import RunFolder
from trainer.data import Dataset

PEOPLE = "people"
ORIGINAL_LENGTH = 200


class Judged(Record):
    """One source."""

    source: str
    probes: dict[str, float]
    gate_probes: dict[str, float]
    """Of the samples that a gate asks for."""
    memorised: bool
    original: float
    test_bits_per_byte: float | None = None
    """None where no model wrote it."""
    step: int | None = None


class Verdicts(Record):
    """All sources of one training."""

    corpus: str
    seed: int
    sources: tuple[Judged, ...]

    @property
    def checkpoints(self) -> list[Judged]:
        """In the order of their steps."""
        return [one for one in self.sources if one.step is not None]

    @property
    def fakes(self) -> list[Judged]:
        """What nobody wrote."""
        return [one for one in self.sources if one.step is None and one.source != PEOPLE]

    @property
    def people(self) -> Judged:
        """Held-out text."""
        return next(one for one in self.sources if one.source == PEOPLE)


def all_verdicts(scratch: Path) -> Iterator[Verdicts]:
    """One for each training that is there."""
    for record in sorted(scratch.glob("*/training.json")):
        yield verdicts(record.parent)


def verdicts(place: Path) -> Verdicts:
    """Judge everything that was written for a training."""
    training = Training.model_validate_json((place / "training.json").read_text("utf-8"))
    book, dataset = book_of(place), Dataset(RunFolder(place).data)
    reference = Reference(
        dataset.text("train"), dataset.documents("search"), dataset.manifest.domain
    )
    kept = {f"step {one.step}": one for one in training.kept}
    return Verdicts(
        corpus=training.corpus,
        seed=training.seed,
        sources=tuple(
            _judged(one.source, one.samples, reference).model_copy(
                update={
                    "step": kept[one.source].step,
                    "test_bits_per_byte": kept[one.source].test_bits_per_byte,
                }
                if one.source in kept
                else {}
            )
            for one in book.written
        ),
    )


def as_a_gate(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """Twenty prompts at one temperature each, in turn, and the odd prompts."""
    plain = [one for one in samples if one.kind == "plain"]
    prompts = list(dict.fromkeys(one.prompt for one in plain))[:NUM_PROMPTS]
    turns = {prompt: TEMPERATURES[i % len(TEMPERATURES)] for i, prompt in enumerate(prompts)}
    return tuple(
        one for one in samples if one.kind != "plain" or one.temperature == turns.get(one.prompt)
    )


def original_formula(text: str) -> float:
    """Length, distinct runs of three words and a sentence's end, each a third: the heuristic that
    this battery replaces.
    """
    words = text.split()
    runs = [tuple(words[i : i + 3]) for i in range(len(words) - 2)]
    distinct = len(set(runs)) / len(runs) if runs else float(bool(words))
    return (min(1.0, len(text) / ORIGINAL_LENGTH) + distinct + ends_a_sentence(text)) / 3


def _judged(source: str, samples: tuple[Sample, ...], reference: Reference) -> Judged:
    report, gate = judged(samples, reference), judged(as_a_gate(samples), reference)
    plain = [one for one in samples if one.kind == "plain"]
    return Judged(
        source=source,
        probes={probe.name: probe.score for probe in report.probes},
        gate_probes={probe.name: probe.score for probe in gate.probes},
        memorised=report.memorised,
        original=sum(original_formula(one.text) for one in plain) / len(plain),
    )
