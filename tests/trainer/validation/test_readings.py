"""What is read of real models, healthy ones and such as were made sick."""

from math import log

import pytest
import torch
from torch import Tensor

from orchestrator.validation.judge import judge_build, judge_states
from orchestrator.validation.limits import Limits
from orchestrator.validation.subject import Subject
from state.genome import parse
from state.results import EvaluationResult
from state.tasks import EvaluationTask
from trainer.backbones.gpt import GPT
from trainer.backbones.names import Backbone
from trainer.config import WorkerSetup
from trainer.data import Dataset
from trainer.execution import TaskExecutor
from trainer.member import Member
from trainer.tokenizer import CharTokenizer, TokenIds
from trainer.validation.build import kernels_of, mean_entropy, random_ids, read_build
from trainer.validation.states import (
    cosine,
    read_states,
    reading_of,
    successive_states,
    top_share,
)

GELU = parse("gelu")
RECURRENT: tuple[Backbone, ...] = ("hy", "gf-mh", "rwkv6", "mamba2")


def model_of(setup: WorkerSetup, backbone: Backbone, seed: int = 3, **changes: object) -> GPT:
    """A model on the corpus of the tests, untrained."""
    update = {"backbone": backbone, "dim": 64, "heads": 4, **changes}
    shape = type(setup.model).model_validate({**setup.model.model_dump(), **update})
    return Member.create(setup.model_copy(update={"model": shape}), GELU, seed).model


def build_verdicts(model: GPT, tokenizer: CharTokenizer) -> list[str]:
    reading = read_build(model, tokenizer, seed=1)
    return [one.verdict for one in judge_build(reading, Limits(), Subject("build", 1))]


@pytest.mark.parametrize("backbone", ["gpt", *RECURRENT])
def test_a_healthy_model_passes_before_its_first_step(
    setup: WorkerSetup, backbone: Backbone
) -> None:
    assert build_verdicts(model_of(setup, backbone), CharTokenizer("byte")) == ["pass"] * 3


def test_the_ids_follow_from_the_seed_and_no_global_generator(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    model, before = model_of(setup, "gpt"), torch.random.get_rng_state()
    one, other = (random_ids(model, dataset.tokenizer, seed=4) for _ in range(2))
    assert torch.equal(one, other)
    assert not torch.equal(one, random_ids(model, dataset.tokenizer, seed=5))
    read_build(model, dataset.tokenizer, seed=4)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_not_finite_is_found_by_the_forward_pass(
    setup: WorkerSetup, value: float
) -> None:
    model = model_of(setup, "gf-mh")
    with torch.no_grad():
        model.embedding.weight[5, 3] = value
    tokenizer = CharTokenizer("byte")
    reading = read_build(model, tokenizer, seed=1)
    assert reading.not_finite > 0
    assert (reading.entropy is None) == (value != value)
    assert build_verdicts(model, tokenizer)[1] == "fail"


def test_a_vocabulary_of_another_size_is_found_by_its_shape(setup: WorkerSetup) -> None:
    model = model_of(setup, "gpt", vocab_size=400)
    assert build_verdicts(model, CharTokenizer("byte")) == ["pass", "fail", "pass"]


class Splitting(CharTokenizer):
    """Knows no marker and spells it out."""

    def encode(self, text: str) -> TokenIds:
        return self._encode_part(text if text != "<|user|>" else "<user>")


def test_a_control_token_that_is_spelled_out_is_named(setup: WorkerSetup) -> None:
    tokenizer = Splitting("byte")
    reading = read_build(model_of(setup, "gpt"), tokenizer, seed=1)
    assert reading.split_controls == ("<|user|>",)
    assert build_verdicts(model_of(setup, "gpt"), tokenizer)[0] == "fail"


def test_a_control_token_beyond_the_vocabulary_is_none(setup: WorkerSetup) -> None:
    reading = read_build(model_of(setup, "gpt", vocab_size=3), CharTokenizer("byte"), seed=1)
    assert reading.split_controls == ("<|system|>", "<|user|>", "<|assistant|>", "<|end_of_text|>")


def test_a_window_that_the_kernel_does_not_fit_names_its_fallback(setup: WorkerSetup) -> None:
    fits = kernels_of(model_of(setup, "gf"))
    falls_back = kernels_of(model_of(setup, "gf", block=20))
    assert [(one.part, one.fallback) for one in fits] == [("rwkv6", False), ("mamba2", False)]
    assert [(one.code, one.fallback) for one in falls_back] == [("PyTorch", True)] * 2


def test_the_entropy_is_that_of_the_distribution() -> None:
    assert mean_entropy(torch.zeros(1, 3, 7)) == pytest.approx(log(7))
    certain = torch.full((1, 1, 4), -1000.0)
    certain[..., 2] = 0.0
    assert mean_entropy(certain) == pytest.approx(0.0)
    assert mean_entropy(torch.full((1, 1, 2), float("nan"))) is None


@pytest.mark.parametrize("backbone", RECURRENT)
def test_states_read_one_by_one_are_those_of_the_whole_window(
    setup: WorkerSetup, dataset: Dataset, backbone: Backbone
) -> None:
    model = model_of(setup, backbone).eval()
    inputs, *_ = next(dataset.windows("search", 16, 4))
    tokens = torch.from_numpy(inputs)
    with torch.no_grad():
        *_, last = successive_states(model, tokens)
        cache = model.empty_cache(len(tokens))
        model.read(tokens, cache)
    whole = {name: one for name, one in cache.states().items() if name.endswith("matrix")}
    assert len(last) == len(whole)
    for (component, layer), state in last.items():
        expected = whole[f"{layer}.{component}.matrix"].double()
        torch.testing.assert_close(state, expected, rtol=1e-3, atol=1e-5)


def test_a_reading_is_there_for_each_component_and_layer(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    readings = read_states(model_of(setup, "gf-mh"), dataset)
    places = [(one.component, one.layer) for one in readings]
    assert places == [("mamba2", 0), ("mamba2", 1), ("rwkv6", 0), ("rwkv6", 1)]
    assert all(one.num_states == 4 * 2 for one in readings)
    assert read_states(model_of(setup, "gpt"), dataset) == ()


def test_a_frozen_state_is_found(setup: WorkerSetup, dataset: Dataset) -> None:
    model = model_of(setup, "rwkv6")
    freeze(model)
    verdict = judge_states(read_states(model, dataset), Limits(), Subject("merger", 1))
    assert verdict.verdict == "fail"
    assert verdict.measures[0].value == pytest.approx(1.0)


def test_a_state_that_grows_without_end_is_found() -> None:
    half = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    grown = reading_of(("rwkv6", 0), half, [9 * half, 10 * half])
    steady = reading_of(("rwkv6", 0), half, [half, 1.1 * half])
    assert judge_states((grown,), Limits(), Subject("merger", 1)).measures[2].verdict == "fail"
    assert judge_states((steady,), Limits(), Subject("merger", 1)).measures[2].verdict == "pass"


def freeze(model: GPT) -> None:
    """Nothing enters the states any more."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("mixer.rwkv6.key.weight"):
                weight.zero_()


def test_cosine_and_shares_of_known_states() -> None:
    one = torch.eye(8).expand(2, 3, 8, 8)
    torch.testing.assert_close(cosine(one, 2 * one), torch.ones(2, 3))
    torch.testing.assert_close(cosine(one, -one), -torch.ones(2, 3))
    assert torch.equal(cosine(one, torch.zeros_like(one)), torch.ones(2, 3))
    torch.testing.assert_close(top_share(one), torch.full((2, 3), 5 / 8))
    flat: Tensor = torch.ones(1, 1, 8, 8)
    torch.testing.assert_close(top_share(flat), torch.ones(1, 1))
    assert bool(top_share(torch.full((1, 1, 2, 2), float("nan"))).isnan().all())


def test_a_worker_adds_what_was_asked_and_measures_nothing_else(setup: WorkerSetup) -> None:
    task = EvaluationTask(
        task_id="gates", genome=GELU, checkpoint=None, init_seed=3, splits=(), probe="build"
    )
    read = TaskExecutor(setup).execute(task).result
    assert isinstance(read, EvaluationResult)
    assert read.build is not None
    assert (read.evaluations, read.states, read.evaluation_flops) == ((), (), 0)
