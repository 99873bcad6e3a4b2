"""The battery on a small table model."""

import pytest
from torch import Tensor

from inference_battery.battery import Reference, composite, probe_samples, run_battery
from inference_battery.language_model import LanguageModel, TextCodec
from state.records import BatteryReport, Sample
from state.seeds import generator

REFERENCE = (
    "The garden lay behind the house, and nobody had cut the grass since spring. A path led down "
    "to the river, where two boats were tied to a post. In the afternoon the children came with "
    "bread and apples. They sat on the wall and told each other stories about a lost horse. "
    "When evening came, their mother called them from the window. She had a clear voice. "
)


Model = LanguageModel[Tensor]


def report(
    model: Model,
    codec: TextCodec,
    *,
    prompts: tuple[str, ...] = ("the ", "a boat "),
    temperatures: tuple[float, ...] = (0.6, 1.0),
    seed: int = 7,
) -> BatteryReport:
    return run_battery(
        model,
        codec,
        prompts=prompts,
        reference_text=REFERENCE,
        domain="text",
        temperatures=temperatures,
        max_new_tokens=20,
        seed=seed,
        phase="cambrian",
        generation=4,
    )


def score(texts: list[str]) -> float:
    samples = [Sample(prompt="", temperature=1, text=text, ended=False) for text in texts]
    return composite(probe_samples(samples, Reference(REFERENCE, "text")))


def test_every_prompt_is_sampled_at_every_temperature(
    random_model: Model, codec: TextCodec
) -> None:
    found = report(random_model, codec)
    assert [(s.prompt, s.temperature) for s in found.samples] == [
        ("the ", 0.6),
        ("a boat ", 0.6),
        ("the ", 1.0),
        ("a boat ", 1.0),
    ]
    assert (found.phase, found.generation) == ("cambrian", 4)
    assert found.tokens_per_sec > 0


def test_the_composite_is_the_plain_mean_of_three_probes(
    random_model: Model, codec: TextCodec
) -> None:
    found = report(random_model, codec)
    assert [p.name for p in found.probes] == ["repetition", "lexical_validity", "ending"]
    assert found.composite == pytest.approx(sum(p.score for p in found.probes) / 3)
    for probe in found.probes:
        assert set(probe.detail) == {"temperature_0.6", "temperature_1"}
        assert sum(probe.detail.values()) / 2 == pytest.approx(probe.score)


def test_the_same_seed_gives_the_same_report(random_model: Model, codec: TextCodec) -> None:
    def without_speed(found: BatteryReport) -> BatteryReport:
        return found.model_copy(update={"tokens_per_sec": 0.0})

    first, second = report(random_model, codec), report(random_model, codec)
    assert without_speed(first) == without_speed(second)
    assert without_speed(first) != without_speed(report(random_model, codec, seed=8))


def test_a_sample_does_not_depend_on_how_many_prompts_follow(
    random_model: Model, codec: TextCodec
) -> None:
    alone = report(random_model, codec, prompts=("the ",), temperatures=(0.6,))
    beside = report(random_model, codec, prompts=("the ", "and a longer one "))
    assert alone.samples[0] == beside.samples[0]


def test_a_model_that_says_nothing_scores_zero(silent_model: Model, codec: TextCodec) -> None:
    assert report(silent_model, codec).composite == 0


def test_gibberish_and_loops_score_below_people() -> None:
    pool = "abcdefghijklmnopqrstuvwxyz     .,;!?"
    drawn = generator(1, "gibberish").integers(len(pool), size=(20, 200))
    gibberish = ["".join(pool[i] for i in row) for row in drawn]
    human = [REFERENCE[i : i + 200] for i in (0, 76, 160, 248)]
    loops = [text[:30] * 7 for text in human]
    assert score(human) > 0.9
    assert score(gibberish) < 0.6
    assert score(loops) < 0.6


def test_a_report_survives_json(random_model: Model, codec: TextCodec) -> None:
    found = report(random_model, codec)
    assert BatteryReport.model_validate_json(found.model_dump_json()) == found


def test_nothing_to_sample_is_refused(random_model: Model, codec: TextCodec) -> None:
    with pytest.raises(ValueError, match="0 prompts at 2 temperatures give no sample"):
        report(random_model, codec, prompts=())
    with pytest.raises(ValueError, match="2 prompts at 0 temperatures give no sample"):
        report(random_model, codec, temperatures=())
