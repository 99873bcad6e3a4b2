"""Muon, the split of parameters, and the schedule."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import Parameter

from state.genome import parse
from state.tasks import LearningRateSpan
from trainer.backbones.gpt import GPT
from trainer.config import ModelConfig, OptimizerConfig, Recipe
from trainer.muon import Muon, iterate, iterate_on_gram, orthogonalise
from trainer.optimizer import Optimizer
from trainer.schedule import morph_fraction, multiplier

CONFIG = OptimizerConfig(batch=2)


def small_model(recipe: Recipe = "modern", formula: str = "gelu") -> GPT:
    config = ModelConfig(dim=16, heads=2, layers=2, block=8, vocab_size=20, recipe=recipe)
    model = GPT(config, parse(formula))
    model.initialise(1)
    return model


def backward(model: GPT, seed: int) -> None:
    stream = torch.Generator().manual_seed(seed)
    tokens = torch.randint(0, 20, (2, 8), generator=stream)
    loss = torch.nn.functional.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten())
    torch.autograd.backward(loss)


def random_matrices(shapes: list[tuple[int, int]], seed: int) -> dict[str, Parameter]:
    stream = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(shape, generator=stream) for shape in shapes]
    return {str(index): Parameter(matrix) for index, matrix in enumerate(drawn)}


@pytest.mark.parametrize("shape", [(8, 8), (8, 32), (16, 24)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int]) -> None:
    batch = torch.randn(5, *shape, generator=torch.Generator().manual_seed(2))
    values = torch.linalg.svdvals(orthogonalise(batch))
    assert values.min() > 0.3
    assert values.max() < 1.3


@pytest.mark.parametrize("columns", [6, 12])
def test_a_zero_matrix_stays_zero(columns: int) -> None:
    zero = torch.zeros(1, 4, columns)
    assert torch.equal(orthogonalise(zero), zero)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([2, 4, 8]))
def test_the_shortcut_for_wide_matrices_changes_rounding_only(seed: int, ratio: int) -> None:
    stream = torch.Generator().manual_seed(seed)
    spectrum = torch.logspace(0, -3, 8 * ratio)
    batch = torch.randn(3, 8, 8 * ratio, generator=stream) * spectrum
    batch = batch / batch.norm(dim=(1, 2), keepdim=True)
    expected = iterate(batch.double())
    assert (iterate_on_gram(batch) - expected).norm() < 1e-2 * expected.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rank", [1, 4, 16])
def test_updates_of_low_rank_stay_bounded(dtype: torch.dtype, rank: int) -> None:
    stream = torch.Generator().manual_seed(rank)
    left, right = (torch.randn(2, n, rank, generator=stream) for n in (64, 256))
    direction = orthogonalise((left @ right.mT).to(dtype)).float()
    assert torch.linalg.svdvals(direction).max() < 1.4


@pytest.mark.filterwarnings("ignore")
def test_muon_follows_the_one_of_torch_within_its_bfloat16() -> None:
    shapes = [(16, 16), (32, 16), (16, 64), (16, 16)]
    ours, theirs = random_matrices(shapes, 1), random_matrices(shapes, 1)
    start = {name: parameter.detach().clone() for name, parameter in ours.items()}
    muon = Muon(ours, {}, weight_decay=0.1)
    reference = torch.optim.Muon(theirs.values(), lr=0.02, weight_decay=0.1)
    for step in range(3):
        gradients = random_matrices(shapes, 10 + step)
        for name, gradient in gradients.items():
            ours[name].grad, theirs[name].grad = gradient.detach(), gradient.detach().clone()
        muon.step(0.02)
        reference.step()  # type: ignore[no-untyped-call]
    for name, parameter in ours.items():
        moved, expected = parameter - start[name], theirs[name] - start[name]
        assert (moved - expected).norm() < 0.02 * expected.norm()


def test_fused_projections_are_orthogonalised_one_by_one() -> None:
    fused = random_matrices([(24, 8)], 4)
    parts = {str(i): Parameter(part.clone()) for i, part in enumerate(fused["0"].detach().chunk(3))}
    gradient = random_matrices([(24, 8)], 5)["0"].detach()
    fused["0"].grad = gradient
    for name, part in zip(parts, gradient.chunk(3), strict=True):
        parts[name].grad = part.clone()
    Muon(fused, {"0": 3}, 0.0).step(0.1)
    Muon(parts, {}, 0.0).step(0.1)
    assert torch.allclose(fused["0"], torch.cat(list(parts.values())), atol=1e-6)


def test_directions_in_bfloat16_are_those_of_float32_within_its_precision() -> None:
    exact, rounded = (
        Parameter(torch.randn(24, 40, generator=torch.Generator().manual_seed(2))) for _ in range(2)
    )
    start = exact.detach().clone()
    for parameter, dtype in ((exact, torch.float32), (rounded, torch.bfloat16)):
        parameter.grad = start.sin()
        Muon({"0": parameter}, {}, 0.0, dtype).step(1.0)
    one, other = (start - parameter.detach() for parameter in (exact, rounded))
    assert rounded.dtype == torch.float32
    assert not torch.equal(one, other)
    assert float((one - other).norm() / one.norm()) < 0.03


def test_modern_moves_hidden_matrices_by_muon_and_the_rest_by_adamw() -> None:
    model = small_model()
    optimizer = Optimizer(model, CONFIG)
    backward(model, 1)
    optimizer.step(1.0)
    moments = optimizer.moments()
    assert set(moments["exp_avg"]) == {"embedding.weight"}
    assert all(name.startswith("blocks.") for name in moments["momentum"])
    assert set(moments["exp_avg"]) | set(moments["momentum"]) == set(optimizer.parameters)


def test_classic_has_no_muon_and_decays_matrices_only() -> None:
    optimizer = Optimizer(small_model("classic"), CONFIG)
    decayed = {
        id(parameter)
        for group in optimizer.adamw.param_groups
        if group["weight_decay"] > 0
        for parameter in group["params"]
    }
    names = {name for name, parameter in optimizer.parameters.items() if id(parameter) in decayed}
    assert optimizer.muon is None
    assert len(names) == 2 * 4
    assert not any(
        "norm" in n or "bias" in n or "embedding" in n or "positions" in n for n in names
    )


@pytest.mark.parametrize("recipe", ["modern", "classic"])
def test_a_restored_optimizer_goes_on_with_the_same_bits(recipe: Recipe) -> None:
    model = small_model(recipe)
    optimizer = Optimizer(model, CONFIG)
    for seed in range(3):
        backward(model, seed)
        optimizer.step(0.5)
        optimizer.zero_grad()
    twin = small_model(recipe)
    twin.load_state_dict(model.state_dict())
    restored = Optimizer(twin, CONFIG)
    restored.load(optimizer.moments())
    for trained, stepping in ((model, optimizer), (twin, restored)):
        backward(trained, 7)
        stepping.step(0.5)
    weights = twin.state_dict()
    assert all(torch.equal(tensor, weights[n]) for n, tensor in model.state_dict().items())


@given(
    first=st.floats(0, 2), last=st.floats(0, 2), warmup=st.integers(0, 30), steps=st.integers(2, 40)
)
def test_a_span_cut_in_two_gives_the_same_rates(
    first: float, last: float, warmup: int, steps: int
) -> None:
    whole = LearningRateSpan(first=first, last=last, warmup_steps=warmup, age_steps=3)
    cut = steps // 2
    middle = first + (last - first) * cut / steps
    head = whole.model_copy(update={"last": middle})
    tail = whole.model_copy(update={"first": middle, "age_steps": 3 + cut})
    for index in range(steps):
        part, place, length = (
            (head, index, cut) if index < cut else (tail, index - cut, steps - cut)
        )
        assert multiplier(part, place, length) == pytest.approx(
            multiplier(whole, index, steps), abs=1e-9
        )


def test_warm_up_rises_with_age_and_never_gives_zero() -> None:
    span = LearningRateSpan(warmup_steps=4)
    assert [multiplier(span, i, 6) for i in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_a_morph_is_complete_on_its_last_step() -> None:
    assert [morph_fraction(i, 4) for i in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert morph_fraction(0, 0) == 1.0
