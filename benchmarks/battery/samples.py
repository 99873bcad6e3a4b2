"""What the checkpoints write, beside fakes and people's own text.

python -m benchmarks.battery.samples --scratch FOLDER
"""

import argparse
from pathlib import Path

from benchmarks.battery.checkpoints import Training
from benchmarks.battery.fakes import FAKES, fake_texts
from inference_battery.battery import write_answers
from inference_battery.prompts import Domain, Exchange, exchanges
from inference_battery.questions import Question, questions
from orchestrator.battery.on_run import sampling_of
from orchestrator.resolve import worker_setup
from state.base import Record
from state.durable import write_atomically
from state.genome import parse
from state.records import Sample
from state.run_folder import RunFolder
from state.tasks import Teacher
from trainer.data import Dataset
from trainer.execution import TaskExecutor, reproducible

NUM_PROMPTS, TEMPERATURES, NUM_TOKENS = 20, (0.4, 0.7, 1.0), 80
ANSWER_LENGTH = 220
"""Characters of fakes and of people's text, about what NUM_TOKENS come to."""


class Written(Record):
    """The samples of one source."""

    source: str
    """`step N`, the name of a fake, or `people`."""
    samples: tuple[Sample, ...]


class Book(Record):
    """Everything that was written for one training."""

    corpus: str
    seed: int
    written: tuple[Written, ...]


def book_of(place: Path) -> Book:
    """All sources of a training, from its record if there is one."""
    record = place / "samples.json"
    if record.exists():
        return Book.model_validate_json(record.read_text(encoding="utf-8"))
    training = Training.model_validate_json((place / "training.json").read_text("utf-8"))
    dataset = Dataset(RunFolder(place).data)
    book = Book(
        corpus=training.corpus,
        seed=training.seed,
        written=(*_by_models(training, place, dataset), *_by_others(training, dataset)),
    )
    write_atomically(record, book.model_dump_json().encode())
    return book


def asked(exchanged: tuple[Exchange, ...], domain: Domain, seed: int) -> list[Question]:
    """The questions of the last battery of a run."""
    prompts = [one.prompt for one in exchanged]
    return questions(prompts, TEMPERATURES, domain, every_pair=True, seed=seed)


def _by_models(training: Training, place: Path, dataset: Dataset) -> list[Written]:
    setup = worker_setup(training.config, RunFolder(place))
    executor, codec = TaskExecutor(setup), dataset.tokenizer
    found = exchanges(
        dataset.documents("search"), dataset.manifest.domain, NUM_PROMPTS, training.seed
    )
    put = asked(found, dataset.manifest.domain, training.seed)
    sampling = sampling_of(codec, NUM_TOKENS, training.seed, "cpu")
    genome, books = parse(training.config.first_formula), []
    for kept in training.kept:
        with reproducible(1, "cpu"):
            model = executor.model(Teacher(checkpoint=kept.checkpoint, genome=genome))
            samples = write_answers(model, codec, put, sampling)
        books.append(Written(source=f"step {kept.step}", samples=samples))
    return books


def _by_others(training: Training, dataset: Dataset) -> list[Written]:
    """Fakes and people answer openings of the test split, which no level was taken from: as many
    different ones as a model is asked questions.
    """
    domain = dataset.manifest.domain
    put = asked(
        exchanges(dataset.documents("search"), domain, NUM_PROMPTS, training.seed),
        domain,
        training.seed,
    )
    found = exchanges(dataset.documents("test"), domain, len(put), training.seed)
    own = [found[i % len(found)] for i in range(len(put))]
    answers, train = [one.answer[:ANSWER_LENGTH] for one in own], dataset.text("train")
    texts = {fake.__name__: fake_texts(fake, train, answers, training.seed) for fake in FAKES}
    texts["people"] = answers
    return [
        Written(
            source=source,
            samples=tuple(
                Sample(
                    prompt=one.prompt,
                    temperature=TEMPERATURES[i % len(TEMPERATURES)],
                    text=written[i],
                    ended=domain == "chat" and len(one.answer) <= ANSWER_LENGTH,
                    kind=put[i].kind,
                )
                for i, one in enumerate(own)
            ),
        )
        for source, written in texts.items()
    ]


def main() -> None:
    """Let every training under the folder write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, required=True)
    arguments = parser.parse_args()
    for record in sorted(arguments.scratch.glob("*/training.json")):
        book = book_of(record.parent)
        print(record.parent.name, len(book.written), flush=True)


if __name__ == "__main__":
    main()
