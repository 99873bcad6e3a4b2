"""Answers to odd prompts."""

from statistics import fmean

import pytest

from benchmarks.battery.fakes import FAKES, Fake, fake_texts
from inference_battery.probes.fluency import reads_well
from inference_battery.probes.lexical_validity import spelt_well
from inference_battery.probes.repetition import does_not_loop
from inference_battery.probes.robustness import robustness
from inference_battery.probes.scored import NOT_ASKED
from inference_battery.reference import Reference
from tests.inference_battery.corpora import sample


def test_only_answers_to_odd_prompts_count_and_all_count_alike(prose: Reference) -> None:
    samples = [
        sample("The captain slept.", kind="plain"),
        sample("The captain slept.", kind="typos"),
        sample("The captain slept. " * 20, kind="other topic"),
    ]
    found = robustness(samples, prose)
    assert found[0] == NOT_ASKED
    assert [one.weight for one in found[1:]] == [1, 1]


def test_the_score_is_the_mean_of_three(prose: Reference) -> None:
    text = "Soon afterwards the captain lowered the zzzz sail, and the sail the captain zzzz."
    one = sample(text, kind="typos", ended=True)
    parts = reads_well(text, prose), spelt_well(one, prose), does_not_loop(text, prose)
    assert 0 < min(parts) < max(parts)
    assert robustness([one], prose)[0].score == pytest.approx(fmean(parts))


def test_the_answers_to_ordinary_prompts_change_nothing(prose: Reference) -> None:
    odd = sample("The captain slept near the reef.", kind="typos")
    for text in ("", "zzz " * 50, "The captain slept near the reef."):
        assert robustness([sample(text), odd], prose)[1] == robustness([odd], prose)[0]


@pytest.mark.parametrize("fake", FAKES, ids=lambda fake: fake.__name__)
def test_fakes_keep_writing_worse_than_people(prose: Reference, fake: Fake) -> None:
    people = prose.passages(300)

    def mean(texts: list[str]) -> float:
        found = robustness([sample(text, kind="typos") for text in texts], prose)
        return fmean(one.score for one in found)

    assert mean(people) > 0.95
    assert mean(fake_texts(fake, prose.train, people, 0)) < mean(people) - 0.1
