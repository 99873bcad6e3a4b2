"""What every probe promises."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_battery.prompts import Domain, exchanges
from inference_battery.reference import Reference
from inference_battery.score import PROBES
from state.records import Sample, SampleKind
from tests.inference_battery.corpora import corpus, corpus_reference, sample

SHORT_COUNTS = {
    "fluency": 64,
    "lexical_validity": 64,
    "distinctness": 6,
    "repetition": 6,
    "novelty": 6,
    "diversity": 6,
}
"""What a text of six characters counts where long ones count more."""
DOMAINS: tuple[Domain, ...] = ("chat", "text")
KINDS: tuple[SampleKind, ...] = ("plain", "typos", "other topic")
SAMPLES = st.lists(
    st.builds(
        sample,
        st.text(max_size=150) | st.text(alphabet="ab .!A\n", max_size=400),
        st.sampled_from(["one", "two", "three"]),
        kind=st.sampled_from(KINDS),
        ended=st.booleans(),
    ),
    max_size=5,
)

every_probe = pytest.mark.parametrize("name", PROBES)
both_domains = pytest.mark.parametrize("domain", DOMAINS)


def people(domain: Domain, kind: SampleKind = "plain") -> Iterator[Sample]:
    for one in exchanges(corpus(domain)[2], domain, 30, 0):
        yield sample(one.answer[:500], one.prompt, kind=kind, ended=len(one.answer) <= 500)


def asked_kind(name: str) -> SampleKind:
    return "typos" if name == "robustness" else "plain"


def value(name: str, samples: Sequence[Sample], reference: Reference) -> float:
    rated = PROBES[name](samples, reference)
    return sum(one.score * one.weight for one in rated) / sum(one.weight for one in rated)


@every_probe
@settings(max_examples=30, deadline=None)
@given(samples=SAMPLES, domain=st.sampled_from(DOMAINS))
def test_scores_stay_in_their_range_for_any_text(
    name: str, samples: list[Sample], domain: Domain
) -> None:
    rated = PROBES[name](samples, corpus_reference(domain))
    assert len(rated) == len(samples)
    assert all(0 <= one.score <= 1 and one.weight >= 0 for one in rated)


@every_probe
@settings(max_examples=20, deadline=None)
@given(
    samples=SAMPLES,
    train=st.text(max_size=200) | st.text(alphabet="ab .!A\n", max_size=200),
    answers=st.lists(st.text(max_size=100), max_size=3),
    domain=st.sampled_from(DOMAINS),
)
def test_scores_stay_in_their_range_for_any_reference(
    name: str, samples: list[Sample], train: str, answers: list[str], domain: Domain
) -> None:
    documents = [f"<|user|> {i}? <|assistant|> {one}" for i, one in enumerate(answers)]
    rated = PROBES[name](samples, Reference(train, documents, domain))
    assert len(rated) == len(samples)
    assert all(0 <= one.score <= 1 for one in rated)


@every_probe
@both_domains
def test_people_score_near_one(name: str, domain: Domain) -> None:
    samples = list(people(domain, asked_kind(name)))
    assert value(name, samples, corpus_reference(domain)) > 0.9


@every_probe
@both_domains
@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_sample_counts_and_scores_zero(name: str, domain: Domain, text: str) -> None:
    samples = [*people(domain, asked_kind(name))][:3]
    empty = sample(text, "another", kind=asked_kind(name), ended=True)
    found = PROBES[name]([*samples, empty], corpus_reference(domain))[-1]
    assert found.score == 0
    assert found.weight > 0


@every_probe
@both_domains
def test_long_texts_count_more_where_the_probe_looks_along_the_text(
    name: str, domain: Domain
) -> None:
    texts = ["Hello.", "The captain slept. " * 10, "The captain slept. " * 20]
    samples = [
        sample(text, str(i), kind=asked_kind(name), ended=True) for i, text in enumerate(texts)
    ]
    weights = [one.weight for one in PROBES[name](samples, corpus_reference(domain))]
    expected = [SHORT_COUNTS[name], 190, 380] if name in SHORT_COUNTS else [1, 1, 1]
    assert weights == expected


@every_probe
@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_counts_the_samples_that_concern_it(
    name: str, kind: SampleKind, prose: Reference
) -> None:
    weights = {one.weight > 0 for one in PROBES[name](list(people("text", kind)), prose)}
    assert weights == {(kind == "plain") != (name == "robustness")}


@every_probe
def test_samples_of_no_concern_leave_the_others_as_they_are(name: str, prose: Reference) -> None:
    samples = list(people("text", asked_kind(name)))
    noise = sample("zzz qqq " * 9, "odd", kind="plain" if name == "robustness" else "typos")
    with_noise = PROBES[name]([samples[0], noise, *samples[1:]], prose)
    assert [*with_noise[:1], *with_noise[2:]] == PROBES[name](samples, prose)


@every_probe
def test_the_order_of_the_samples_does_not_matter(name: str, prose: Reference) -> None:
    samples = list(people("text", asked_kind(name)))
    there, back = PROBES[name](samples, prose), PROBES[name](samples[::-1], prose)[::-1]
    assert [one.score for one in back] == pytest.approx([one.score for one in there], abs=1e-9)


@every_probe
def test_nothing_to_rate_gives_nothing(name: str, prose: Reference) -> None:
    assert PROBES[name]([], prose) == []
