"""Sampling with a cache, by a model whose answers are known."""

from typing import Protocol, TypedDict, Unpack

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from inference_battery.generation import Generated, Request, Sampling, answer, draw, generate
from inference_battery.language_model import LanguageModel
from state.seeds import generator
from tests.inference_battery.conftest import TableModel

END = 0


class Model(LanguageModel[Tensor], Protocol):
    context_length: int
    num_starts: int
    num_advances: int


class Settings(TypedDict, total=False):
    max_new_tokens: int
    temperature: float
    top_k: int
    seed: int
    banned_ids: list[int]


class TailModel(TableModel):
    """Logits that depend on every token that was read, and on nothing before them."""

    def __init__(self, context_length: int) -> None:
        super().__init__(torch.zeros(0), context_length)
        drawn = generator(2, "tail").normal(size=(64, 31))
        self.weights_PV = torch.tensor(drawn, dtype=torch.float64)

    def __call__(self, tokens_BT: Tensor) -> Tensor:
        assert 1 <= tokens_BT.shape[1] <= self.context_length
        places_T = torch.arange(tokens_BT.shape[1]) + 1
        sums_BT = (tokens_BT * places_T).cumsum(dim=1)
        return 2 * self.weights_PV[sums_BT % 64]


def write(model: Model, prompts: list[list[int]], **changes: Unpack[Settings]) -> list[Generated]:
    asked: Settings = {"max_new_tokens": 12, "temperature": 0.9, "seed": 5}
    asked.update(changes)
    return generate(model, prompts, end_of_text_id=END, **asked)


def without_cache(model: Model, prompt: list[int], index: int, length: int) -> list[int]:
    """The same sampling by reading the whole sequence again for every token."""
    uniforms = generator(5, "sampling", index).random(length)
    sequence, heat = list(prompt), torch.tensor([0.9], dtype=torch.float64)
    for uniform in uniforms:
        logits, _ = model.start(torch.tensor([sequence]))
        token = int(draw(logits, torch.tensor([uniform]), heat, 40)[0])
        if token == END:
            break
        sequence.append(token)
    return sequence[len(prompt) :]


def test_generation_with_a_cache_equals_generation_without(random_model: Model) -> None:
    prompts = [[4, 5, 6], [7], [8, 9, 10, 11, 12, 13]]
    cached = write(random_model, prompts)
    assert [list(g.tokens) for g in cached] == [
        without_cache(random_model, prompt, i, 12) for i, prompt in enumerate(prompts)
    ]
    assert any(g.tokens for g in cached)


def test_prompts_of_different_lengths_share_one_batch(random_model: Model) -> None:
    write(random_model, [[1] * n for n in range(1, 9)], banned_ids=[END])
    assert random_model.num_starts == 1
    assert random_model.num_advances == 7 + 12 - 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=9), min_size=2, max_size=6))
def test_a_sample_does_not_depend_on_later_prompts(
    random_model: Model, prompts: list[list[int]]
) -> None:
    assert write(random_model, prompts)[0] == write(random_model, prompts[:1])[0]


def test_the_same_seed_writes_the_same_text_and_another_seed_another(random_model: Model) -> None:
    prompts = [[3, 4], [5]]
    assert write(random_model, prompts) == write(random_model, prompts)
    assert write(random_model, prompts) != write(random_model, prompts, seed=6)


def test_equal_prompts_get_independent_samples(random_model: Model) -> None:
    first, second = write(random_model, [[3, 4], [3, 4]], banned_ids=[END])
    assert first != second


def test_a_sample_ends_at_end_of_text_and_leaves_it_out(silent_model: Model) -> None:
    assert write(silent_model, [[1], [2]]) == [Generated((), True)] * 2


def test_a_stop_token_ends_a_sample_and_is_left_out(random_model: Model) -> None:
    def written(stop_ids: tuple[int, ...]) -> Generated:
        sampling = Sampling(30, 40, 5, END, banned_ids=(END,), stop_ids=stop_ids)
        return answer(random_model, [Request((3, 4), 0.9, 0)], sampling)[0]

    free = written(()).tokens
    stop = free[12]
    first = free.index(stop)
    assert written((stop,)) == Generated(free[:first], True)


def test_requests_of_different_temperatures_are_answered_in_their_order(
    random_model: Model,
) -> None:
    sampling = Sampling(12, 40, 5, END)
    requests = [Request((3, 4, 5), 0.9, 7), Request((6,), 0.0, 8), Request((3, 4), 1.5, 9)]
    alone = [answer(random_model, [request], sampling)[0] for request in requests]
    assert answer(random_model, requests, sampling) == alone
    assert alone[1] == write(random_model, [[6]], temperature=0)[0]


def test_banned_ids_are_never_drawn(silent_model: Model) -> None:
    (text,) = write(silent_model, [[1]], banned_ids=[END, 7])
    assert len(text.tokens) == 12
    assert not {END, 7} & set(text.tokens)
    assert not text.ended


def test_a_full_context_goes_on_to_the_number_of_tokens_asked_for(random_model: Model) -> None:
    random_model.context_length = 10
    (text,) = write(random_model, [[2] * 4], max_new_tokens=50, banned_ids=[END])
    assert len(text.tokens) == 50
    assert not text.ended


def test_up_to_the_full_context_a_text_is_that_of_a_larger_context(random_model: Model) -> None:
    def written(context_length: int) -> tuple[int, ...]:
        model = TailModel(context_length)
        return write(model, [[2, 3, 4, 5]], max_new_tokens=40, banned_ids=[END])[0].tokens

    # The context is full with ten tokens: four of the prompt and six written; one more is drawn.
    assert written(10)[:7] == written(64)[:7]
    assert written(10)[7:] != written(64)[7:]


@pytest.mark.parametrize("context_length", [2, 3, 10, 11])
def test_beyond_it_a_text_goes_on_from_the_later_half_of_what_was_read(context_length: int) -> None:
    model = TailModel(context_length)
    (text,) = write(model, [[2]], max_new_tokens=40, banned_ids=[END])
    sequence, read = [2], [2]
    for token, uniform in zip(text.tokens, generator(5, "sampling", 0).random(40), strict=True):
        logits = model(torch.tensor([read]))[:, -1]
        logits[:, END] = -torch.inf
        heat = torch.tensor([0.9], dtype=torch.float64)
        assert int(draw(logits, torch.tensor([uniform]), heat, 40)[0]) == token
        sequence.append(token)
        read.append(token)
        if len(read) > context_length:
            read = sequence[-(context_length // 2) :]


@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=9), min_size=2, max_size=5))
@settings(max_examples=20)
def test_beyond_it_neighbours_do_not_matter_either(prompts: list[list[int]]) -> None:
    together = write(TailModel(12), prompts, max_new_tokens=30)
    assert together[0] == write(TailModel(12), prompts[:1], max_new_tokens=30)[0]


def test_a_sample_may_end_beyond_the_full_context() -> None:
    texts = write(TailModel(6), [[token] for token in range(1, 30)], max_new_tokens=60)
    assert any(text.ended and len(text.tokens) > 6 for text in texts)
    assert all(text.ended or len(text.tokens) == 60 for text in texts)


def test_a_long_prompt_keeps_its_tail(random_model: Model) -> None:
    random_model.context_length = 24
    tail = [9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3, 4]
    assert write(random_model, [[1] * 100 + tail]) == write(random_model, [tail])


def test_an_empty_prompt_starts_from_end_of_text(random_model: Model) -> None:
    assert write(random_model, [[]]) == write(random_model, [[END]])


def test_more_prompts_than_a_batch_come_back_in_order(random_model: Model) -> None:
    prompts = [[1 + i % 30] * (1 + i % 3) for i in range(150)]
    together = write(random_model, prompts, temperature=0)
    assert together == [write(random_model, [p], temperature=0)[0] for p in prompts]


def test_temperature_zero_takes_the_most_likely_token() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0]])
    for uniform in (0.0, 0.5, 0.999):
        heat = torch.zeros(1)
        assert draw(logits, torch.tensor([uniform]), heat, 40).tolist() == [1]


def test_draws_follow_the_tempered_distribution() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, -torch.inf]).repeat(20_000, 1)
    uniform = torch.tensor(generator(1, "draws").random(20_000))
    drawn = draw(logits, uniform, torch.full((20_000,), 0.5), 40)
    share = torch.bincount(drawn, minlength=4) / 20_000
    expected = torch.softmax(logits[0] / 0.5, dim=0)
    assert torch.allclose(share, expected, atol=0.01)


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 5))
def test_only_the_k_most_likely_tokens_are_drawn(uniform: float, top_k: int) -> None:
    logits = torch.tensor([[0.1, 0.5, 0.2, 0.4, 0.3]])
    one = torch.ones(1, dtype=torch.float64)
    token = int(draw(logits, one * uniform, one, top_k)[0])
    assert token in logits[0].topk(top_k).indices.tolist()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_logits_that_are_not_finite_are_refused(bad: float) -> None:
    logits: Tensor = torch.tensor([[0.0, bad]])
    with pytest.raises(ValueError, match="logits are not finite"):
        draw(logits, torch.zeros(1), torch.ones(1), 40)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens 0 writes nothing"),
        ({"temperature": -1.0}, "temperature -1.0 is not a finite number >= 0"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"top_k": 0}, "top_k 0 leaves no token"),
    ],
)
def test_a_setting_out_of_range_is_named(
    random_model: Model, changes: Settings, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write(random_model, [[1]], **changes)
