"""Members whose activation is learnable: training, checkpoints, morphs, and what moves them."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

from state.genome import parse
from state.objects import ObjectStore
from state.tasks import BatchKey
from trainer.checkpoint import decode, encode
from trainer.config import Recipe, WorkerSetup
from trainer.data import Dataset
from trainer.member import Batch, Member, StepOutcome, StepSettings

KEY = BatchKey(seed=3, lineage=0, generation=1, purpose="train")
LEARNED = "learned(0.8*silu(x)*relu(x) + 0.2*x)"
KINDS = ["universal", "blend", "spline", "rational", LEARNED]
TASK = "0" * 64


def batch(dataset: Dataset, step: int) -> Batch:
    inputs, targets = dataset.batch(KEY, step, 4, 16)
    return Batch(torch.from_numpy(inputs), torch.from_numpy(targets))


def train(
    member: Member, dataset: Dataset, steps: Iterable[int], settings: StepSettings | None = None
) -> list[StepOutcome]:
    with torch.random.fork_rng():
        return [
            member.train_step(batch(dataset, step), settings or StepSettings()) for step in steps
        ]


def with_recipe(setup: WorkerSetup, recipe: Recipe) -> WorkerSetup:
    model = setup.model.model_copy(update={"recipe": recipe})
    return setup.model_copy(update={"model": model})


def of_curves(named: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in named.items() if ".curves." in name}


@pytest.mark.parametrize("recipe", ["modern", "classic"])
@pytest.mark.parametrize("kind", [*KINDS, "glu(universal)", "glu(spline)"])
def test_training_lowers_the_loss_and_moves_the_coefficients_of_every_layer(
    setup: WorkerSetup, dataset: Dataset, recipe: Recipe, kind: str
) -> None:
    member = Member.create(with_recipe(setup, recipe), parse(kind), 1)
    assert not any(tensor.any() for tensor in of_curves(member.model.state_dict()).values())
    outcomes = train(member, dataset, range(1, 41))
    assert outcomes[-1].loss < outcomes[0].loss - 0.7
    assert not any(outcome.skipped for outcome in outcomes)
    biases = of_curves(member.model.state_dict())
    assert len(biases) == 2
    assert all(tensor.any() for tensor in biases.values())


@pytest.mark.parametrize("recipe", ["modern", "classic"])
@pytest.mark.parametrize("kind", KINDS)
def test_coefficients_are_moved_by_adamw_without_decay(
    setup: WorkerSetup, dataset: Dataset, recipe: Recipe, kind: str
) -> None:
    member = Member.create(with_recipe(setup, recipe), parse(kind), 1)
    train(member, dataset, range(1, 3))
    optimizer = member.optimizer
    names = {name for name in optimizer.parameters if ".curves." in name}
    assert names <= set(optimizer.moments()["exp_avg"])
    assert not names & set(optimizer.moments()["momentum"])
    decayed = {
        id(parameter)
        for group in optimizer.adamw.param_groups
        if group["weight_decay"] > 0
        for parameter in group["params"]
    }
    assert not any(id(optimizer.parameters[name]) in decayed for name in names)


@pytest.mark.parametrize("kind", [*KINDS, "glu(blend)", f"glu({LEARNED})"])
def test_a_restored_member_goes_on_as_if_nothing_had_happened(
    setup: WorkerSetup, dataset: Dataset, tmp_path: Path, kind: str
) -> None:
    objects, genome = ObjectStore(tmp_path), parse(kind)
    whole = Member.create(setup, genome, 1)
    train(whole, dataset, range(1, 4))
    restored = Member.restore(setup, objects, whole.save(objects), genome)
    for member in (whole, restored):
        train(member, dataset, range(4, 7))
    assert encode(whole.checkpoint()) == encode(restored.checkpoint())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gelu", "universal"),
        ("universal", "gelu"),
        ("universal", "blend"),
        ("spline", "glu(rational)"),
        ("glu(blend)", "blend"),
        (LEARNED, "learned(0.5*tanh(x) + 0.1*x)"),
        (f"glu({LEARNED})", LEARNED),
        (LEARNED, "0.8*silu(x)*relu(x) + 0.2*x"),
    ],
)
def test_a_morph_starts_where_the_old_member_was_and_survives_a_cut(
    setup: WorkerSetup, dataset: Dataset, old: str, new: str
) -> None:
    whole = Member.create(setup, parse(old), 1)
    train(whole, dataset, range(1, 8))
    tokens = batch(dataset, 9).inputs
    before = whole.model(tokens)
    whole.change_activation(parse(new))
    whole.model.set_morph(0.0)
    if whole.model.inner_width >= Member.create(setup, parse(old), 1).model.inner_width:
        assert torch.allclose(whole.model(tokens), before, atol=1e-5)
    train(whole, dataset, range(8, 10), StepSettings(morph=0.5))
    data = encode(whole.checkpoint(unfinished_task=TASK))
    cut = Member.from_checkpoint(setup, decode(data, parse(new), setup.model, TASK))
    for member in (whole, cut):
        train(member, dataset, range(10, 12), StepSettings(morph=0.75))
        member.finish_morph()
        assert not train(member, dataset, range(12, 14))[0].skipped
    assert encode(whole.checkpoint()) == encode(cut.checkpoint())
    fresh = Member.create(setup, parse(new), 1)
    assert whole.model.state_dict().keys() == fresh.model.state_dict().keys()
    moved = {name for named in whole.checkpoint().moments.values() for name in named}
    assert moved == set(fresh.optimizer.parameters)


def test_moments_of_coefficients_follow_their_neurons(setup: WorkerSetup, dataset: Dataset) -> None:
    member, name = Member.create(setup, parse("universal"), 1), "blocks.1.ffn.curves.universal.bias"
    train(member, dataset, range(1, 6))
    weights, moments = member.model.state_dict(), member.optimizer.moments()
    strength = weights["blocks.1.ffn.w_in.weight"].norm(dim=1)
    strength = strength * weights["blocks.1.ffn.w_out.weight"].norm(dim=0)
    member.change_activation(parse("glu(universal)"))
    kept = strength.topk(member.model.inner_width).indices.sort().values
    assert torch.equal(member.model.state_dict()[name], weights[name][:, kept])
    for kind in ("exp_avg", "exp_avg_sq"):
        carried = member.optimizer.moments()[kind][name]
        assert torch.equal(carried, moments[kind][name][:, kept])
        assert carried.any()


def test_a_learnable_member_starts_with_the_weights_of_a_plain_one(setup: WorkerSetup) -> None:
    plain = Member.create(setup, parse("silu"), 5).model.state_dict()
    learnable = Member.create(setup, parse("universal"), 5).model.state_dict()
    assert all(torch.equal(tensor, learnable[name]) for name, tensor in plain.items())
    assert learnable.keys() - plain.keys() == of_curves(learnable).keys()


def test_bfloat16_trains_float32_coefficients(setup: WorkerSetup, dataset: Dataset) -> None:
    member = Member.create(setup.model_copy(update={"dtype": "bfloat16"}), parse("blend"), 1)
    outcomes = train(member, dataset, range(1, 9))
    assert outcomes[-1].loss < outcomes[0].loss
    assert all(t.dtype == torch.float32 for t in of_curves(member.model.state_dict()).values())
