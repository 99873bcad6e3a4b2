"""The battery on a small table model."""

import time

import pytest
from torch import Tensor

from benchmarks.battery.fakes import fake_texts, uniform_characters
from inference_battery.battery import judged, run_battery, write_answers
from inference_battery.generation import Sampling
from inference_battery.intervals import interval, shortfall
from inference_battery.language_model import LanguageModel, TextCodec
from inference_battery.prompts import exchanges
from inference_battery.questions import Question
from inference_battery.reference import Reference
from inference_battery.score import composite
from inference_battery.weights import COMPOSITE_VERSION, FLOOR
from state.records import BatteryReport, Sample
from tests.inference_battery.corpora import corpus, sample

Model = LanguageModel[Tensor]

ASKED = (
    Question("The captain ", 0.5),
    Question("In the morning the cook ", 1.0),
    Question("Nobody ", 0.5),
    Question("Teh captain ", 0.5, "typos"),
    Question("She opened ", 0.5, "other topic"),
)
LENGTH = 220


def sampling(seed: int = 7, max_new_tokens: int = 70) -> Sampling:
    return Sampling(max_new_tokens=max_new_tokens, top_k=40, seed=seed, end_of_text_id=0)


def report(
    model: Model,
    codec: TextCodec,
    reference: Reference,
    asked: tuple[Question, ...] = ASKED,
    *,
    seed: int = 7,
    held_out_tokens: tuple[int, ...] = (),
) -> BatteryReport:
    return run_battery(
        model,
        codec,
        asked,
        reference,
        sampling(seed),
        phase="cambrian",
        generation=4,
        held_out_tokens=held_out_tokens,
    )


def people() -> list[Sample]:
    found = exchanges(corpus("text")[2], "text", 20, 0)
    return [sample(one.answer[:LENGTH], one.prompt) for one in found]


def test_a_report_holds_what_was_asked_and_what_was_written(
    random_model: Model, codec: TextCodec, prose: Reference
) -> None:
    found = report(random_model, codec, prose)
    assert [(s.prompt, s.temperature, s.kind) for s in found.samples] == list(ASKED)
    assert (found.phase, found.generation, found.version) == ("cambrian", 4, COMPOSITE_VERSION)
    assert found.kinds == ("plain",) * 3 + ("typos", "other topic")
    assert found.tokens_per_sec > 0
    assert tuple(s.model_copy(update={"score": None}) for s in found.samples) == write_answers(
        random_model, codec, ASKED, sampling()
    )


def test_the_composite_and_its_interval_are_those_of_the_probes(
    random_model: Model, codec: TextCodec, prose: Reference
) -> None:
    found = report(random_model, codec, prose)
    assert found.composite == composite({probe.name: probe.score for probe in found.probes})
    assert found.interval == interval(found)[1:]


def test_every_score_stays_in_its_range(
    random_model: Model, codec: TextCodec, prose: Reference
) -> None:
    found = report(random_model, codec, prose)
    scores = [s.score for s in found.samples if s.score is not None]
    assert len(scores) == len(ASKED)
    values = [found.composite, *(probe.score for probe in found.probes), *scores]
    values += [value for probe in found.probes for value in probe.detail.values()]
    assert 0 <= min(values) <= max(values) <= 1
    assert len(found.probes) == 9


def test_the_same_seed_gives_the_same_report_but_for_the_speed(
    random_model: Model, codec: TextCodec, prose: Reference
) -> None:
    def without_speed(seed: int) -> BatteryReport:
        found = report(random_model, codec, prose, seed=seed)
        return found.model_copy(update={"tokens_per_sec": 0.0})

    assert without_speed(7) == without_speed(7)
    assert without_speed(7) != without_speed(8)


def test_the_speed_counts_every_token_that_was_drawn(
    random_model: Model,
    codec: TextCodec,
    prose: Reference,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(time, "perf_counter", iter([10.0, 12.0]).__next__)
        found = report(random_model, codec, prose)
    drawn = sum(len(one.text) + one.ended for one in found.samples)
    assert found.tokens_per_sec == drawn / 2


def test_a_sample_does_not_depend_on_the_questions_that_follow(
    random_model: Model, codec: TextCodec
) -> None:
    alone = write_answers(random_model, codec, ASKED[:1], sampling())
    assert write_answers(random_model, codec, ASKED, sampling())[:1] == alone


def test_reports_are_paired_where_the_same_was_asked(
    random_model: Model, codec: TextCodec, prose: Reference
) -> None:
    first = report(random_model, codec, prose)
    assert first.asked == report(random_model, codec, prose, seed=8).asked
    hotter = (ASKED[0]._replace(temperature=0.6), *ASKED[1:])
    odder = (*ASKED[:3], ASKED[3]._replace(kind="other topic"), ASKED[4])
    for other in (hotter, odder, ASKED[::-1]):
        assert report(random_model, codec, prose, other).asked != first.asked


def test_the_calibration_error_is_measured_beside_the_composite(
    random_model: Model, codec: TextCodec, prose: Reference
) -> None:
    bare = report(random_model, codec, prose)
    measured = report(random_model, codec, prose, held_out_tokens=(1, 2, 3) * 50)
    assert bare.beside == {}
    assert list(measured.beside) == ["calibration_error"]
    assert 0 < measured.beside["calibration_error"] < 1
    assert measured.composite == bare.composite


def test_a_model_that_says_nothing_has_the_floor_and_recites_nothing(
    silent_model: Model, codec: TextCodec, prose: Reference
) -> None:
    found = report(silent_model, codec, prose)
    assert found.composite == pytest.approx(FLOOR)
    assert all(s.ended and not s.text for s in found.samples)
    assert not found.memorised


def test_people_are_judged_well_and_copies_are_called_memorised(prose: Reference) -> None:
    own = judged(people(), prose)
    start = len(prose.train) // 30
    copied = judged(
        [
            one.model_copy(update={"text": prose.train[i * start :][:LENGTH]})
            for i, one in enumerate(people())
        ],
        prose,
    )
    assert own.composite > 0.9
    assert not own.memorised
    assert copied.memorised
    behind = shortfall(copied, own)
    assert behind is not None
    assert behind.low > 0.2


def test_gibberish_and_loops_score_below_people(prose: Reference) -> None:
    def score(texts: list[str]) -> float:
        pairs = zip(people(), texts, strict=True)
        return judged(
            [one.model_copy(update={"text": text}) for one, text in pairs], prose
        ).composite

    own = [one.text for one in people()]
    gibberish = fake_texts(uniform_characters, prose.train, own, 0)
    loops = [text[:30] * 7 for text in own]
    assert score(own) > 0.9
    assert score(gibberish) < 0.4
    assert score(loops) < 0.7


def test_a_random_table_falls_short_of_people(
    random_model: Model, codec: TextCodec, prose: Reference
) -> None:
    found = report(random_model, codec, prose)
    assert found.composite < 0.4
    assert not found.memorised


def test_a_report_survives_json(random_model: Model, codec: TextCodec, prose: Reference) -> None:
    found = report(random_model, codec, prose)
    assert BatteryReport.model_validate_json(found.model_dump_json()) == found
