"""Training steps, guards, morphs and distillation of one member."""

from pathlib import Path

import pytest
import torch

from state.genome import parse
from state.objects import ObjectStore
from state.tasks import BatchKey
from trainer.checkpoint import encode
from trainer.config import WorkerSetup
from trainer.data import Dataset
from trainer.losses import losses, mean_distribution
from trainer.member import Batch, Member, StepOutcome, StepSettings

KEY = BatchKey(seed=3, lineage=0, generation=1, purpose="train")


def batch(dataset: Dataset, step: int) -> Batch:
    inputs, targets = dataset.batch(KEY, step, 4, 16)
    return Batch(torch.from_numpy(inputs), torch.from_numpy(targets))


def train(
    member: Member, dataset: Dataset, steps: range, settings: StepSettings | None = None
) -> list[StepOutcome]:
    asked = settings or StepSettings()
    with torch.random.fork_rng():
        return [
            member.train_step(batch(dataset, step), asked._replace(dropout_seed=step))
            for step in steps
        ]


def bits(member: Member) -> bytes:
    return encode(member.checkpoint())


@pytest.mark.parametrize("recipe", ["modern", "classic"])
@pytest.mark.parametrize("formula", ["gelu", "swiglu", "0.7*silu(x)*relu(x) + 0.3*x"])
def test_training_lowers_the_loss(
    setup: WorkerSetup, dataset: Dataset, recipe: str, formula: str
) -> None:
    model = setup.model.model_copy(update={"recipe": recipe})
    member = Member.create(setup.model_copy(update={"model": model}), parse(formula), 1)
    outcomes = train(member, dataset, range(1, 61))
    assert outcomes[0].loss == pytest.approx(torch.log(torch.tensor(263.0)).item(), abs=0.2)
    assert outcomes[-1].loss < outcomes[0].loss - 1
    assert not any(outcome.skipped for outcome in outcomes)


def test_a_restored_member_goes_on_as_if_nothing_had_happened(
    setup: WorkerSetup, dataset: Dataset, tmp_path: Path
) -> None:
    objects, genome = ObjectStore(tmp_path), parse("swiglu")
    whole = Member.create(setup, genome, 1)
    whole.model.set_dropout(0.2)
    train(whole, dataset, range(1, 5))
    restored = Member.restore(setup, objects, whole.save(objects), genome)
    restored.model.set_dropout(0.2)
    for member in (whole, restored):
        train(member, dataset, range(5, 9))
    assert bits(whole) == bits(restored)


def test_dropout_depends_on_the_seed_of_the_step_alone(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    first, second = (Member.create(setup, parse("gelu"), 1) for _ in range(2))
    for member in (first, second):
        member.model.set_dropout(0.3)
    train(first, dataset, range(1, 3))
    with torch.random.fork_rng():
        torch.rand(100)
        train(second, dataset, range(1, 3))
    assert bits(first) == bits(second)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_leaves_no_trace(
    setup: WorkerSetup, dataset: Dataset, poison: float
) -> None:
    member = Member.create(setup, parse("gelu"), 1)
    train(member, dataset, range(1, 3))
    before = member.checkpoint()
    weights = {name: tensor.clone() for name, tensor in before.weights.items()}
    moments = {k: {n: t.clone() for n, t in named.items()} for k, named in before.moments.items()}
    hook = member.model.norm.register_forward_hook(lambda _module, _inputs, out: out * poison)
    (outcome,) = train(member, dataset, range(3, 4))
    hook.remove()
    assert outcome.skipped
    after = member.checkpoint()
    assert all(torch.equal(tensor, after.weights[n]) for n, tensor in weights.items())
    for kind, named in moments.items():
        assert all(torch.equal(tensor, after.moments[kind][n]) for n, tensor in named.items())
    assert member.counters.skipped_steps == 1
    assert not train(member, dataset, range(4, 5))[0].skipped


def test_a_gradient_spike_is_skipped(setup: WorkerSetup, dataset: Dataset) -> None:
    optimizer = setup.optimizer.model_copy(update={"spike_threshold": 1e-6})
    member = Member.create(setup.model_copy(update={"optimizer": optimizer}), parse("gelu"), 1)
    before = {name: tensor.clone() for name, tensor in member.model.state_dict().items()}
    (outcome,) = train(member, dataset, range(1, 2))
    assert outcome.skipped
    assert outcome.norms.total > 0
    assert all(torch.equal(t, member.model.state_dict()[n]) for n, t in before.items())


def test_clipping_reports_the_factor_it_applied(setup: WorkerSetup, dataset: Dataset) -> None:
    member = Member.create(setup, parse("gelu"), 1)
    clipped, free = train(member, dataset, range(1, 2), StepSettings(clip=0.01)) + train(
        member, dataset, range(2, 3), StepSettings(clip=1e6)
    )
    assert clipped.clip_coef == pytest.approx(0.01 / clipped.norms.total, rel=1e-3)
    assert free.clip_coef == 1


def test_the_same_activation_is_no_morph(setup: WorkerSetup, dataset: Dataset) -> None:
    plain, morphed = (Member.create(setup, parse("silu"), 1) for _ in range(2))
    morphed.change_activation(parse("silu"))
    assert not morphed.morphing
    for member in (plain, morphed):
        train(member, dataset, range(1, 4))
    assert bits(plain) == bits(morphed)


def test_a_morph_at_zero_computes_what_the_old_activation_did(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    member = Member.create(setup, parse("gelu"), 1)
    train(member, dataset, range(1, 6))
    tokens = batch(dataset, 9).inputs
    before = member.model(tokens)
    moments = {n: t.clone() for n, t in member.optimizer.moments()["momentum"].items()}
    member.change_activation(parse("sin(x) + x"))
    member.model.set_morph(0.0)
    assert torch.equal(member.model(tokens), before)
    carried = member.optimizer.moments()["momentum"]
    assert all(torch.equal(tensor, carried[n]) for n, tensor in moments.items())


def test_narrowing_keeps_the_strongest_neurons_with_their_moments(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    member = Member.create(setup, parse("silu"), 1)
    train(member, dataset, range(1, 6))
    old, old_moments = member.model.state_dict(), member.optimizer.moments()["momentum"]
    name_in, name_out = "blocks.1.ffn.w_in.weight", "blocks.1.ffn.w_out.weight"
    strength = old[name_in].norm(dim=1) * old[name_out].norm(dim=0)
    member.change_activation(parse("glu(silu(x))"))
    width = member.model.inner_width
    kept = strength.topk(width).indices.sort().values
    new, new_moments = member.model.state_dict(), member.optimizer.moments()["momentum"]
    assert torch.equal(new[name_in], old[name_in][kept])
    assert torch.equal(new[name_out], old[name_out][:, kept])
    assert torch.equal(new_moments[name_out], old_moments[name_out][:, kept])
    assert not new_moments["blocks.1.ffn.w_up.weight"].any()


@pytest.mark.parametrize("recipe", ["modern", "classic"])
def test_widening_adds_silent_neurons_and_drops_the_gate_at_the_end(
    setup: WorkerSetup, dataset: Dataset, recipe: str
) -> None:
    model = setup.model.model_copy(update={"recipe": recipe})
    member = Member.create(setup.model_copy(update={"model": model}), parse("swiglu"), 1)
    train(member, dataset, range(1, 6))
    tokens = batch(dataset, 9).inputs
    before = member.model(tokens)
    member.change_activation(parse("silu"))
    member.model.set_morph(0.0)
    assert torch.allclose(member.model(tokens), before, atol=1e-5)
    train(member, dataset, range(6, 9), StepSettings(morph=0.5))
    member.finish_morph()
    assert not any("w_up" in name for name in member.checkpoint().weights)
    assert not any("w_up" in n for named in member.checkpoint().moments.values() for n in named)
    assert not train(member, dataset, range(9, 11))[0].skipped


@pytest.mark.parametrize("recipe", ["modern", "classic"])
def test_there_and_back_again_is_still_a_whole_member(
    setup: WorkerSetup, dataset: Dataset, tmp_path: Path, recipe: str
) -> None:
    model = setup.model.model_copy(update={"recipe": recipe})
    setup = setup.model_copy(update={"model": model})
    objects = ObjectStore(tmp_path)
    member = Member.create(setup, parse("gelu"), 1)
    for formula in ("swiglu", "relu2", "glu(relu(x))"):
        train(member, dataset, range(1, 3))
        member.change_activation(parse(formula))
        train(member, dataset, range(3, 6), StepSettings(morph=0.5))
        member.finish_morph()
        restored = Member.restore(setup, objects, member.save(objects), parse(formula))
        assert bits(restored) == bits(member)


def test_a_student_is_drawn_to_the_mean_of_its_teachers(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    teachers = [Member.create(setup, parse("gelu"), seed).model for seed in (2, 3)]
    for teacher in teachers:
        teacher.eval()
        with torch.no_grad():
            teacher.embedding.weight.mul_(20)
    inputs = batch(dataset, 1).inputs
    student = Member.create(setup, parse("gelu"), 1)
    settings = StepSettings(teacher_weight=1.0)

    def divergence() -> float:
        taught = mean_distribution(teachers, inputs)
        logits = student.model(inputs).detach()
        return losses(logits, inputs, 0.0, taught, 1.0).objective.item()

    before = divergence()
    same = batch(dataset, 1)._replace(taught=mean_distribution(teachers, inputs))
    with torch.random.fork_rng():
        for _ in range(30):
            student.train_step(same, settings)
    assert divergence() < 0.5 * before
    assert all(parameter.grad is None for t in teachers for parameter in t.parameters())


def test_a_student_equal_to_its_teacher_has_no_divergence(
    setup: WorkerSetup, dataset: Dataset
) -> None:
    model = Member.create(setup, parse("gelu"), 1).model.eval()
    x, y, *_ = batch(dataset, 1)
    objective, nats = losses(model(x), y, 0.0, mean_distribution([model], x), 1.0)
    assert objective.item() == pytest.approx(0, abs=1e-6)
    assert nats.item() > 1


def test_smoothing_changes_the_objective_and_not_the_reported_loss() -> None:
    logits = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([[0, 1, 2], [3, 4, 5]])
    flat = (logits.flatten(0, 1), targets.flatten())
    objective, nats = losses(logits, targets, 0.1)
    expected = torch.nn.functional.cross_entropy(*flat, label_smoothing=0.1)
    assert objective.item() == pytest.approx(expected.item(), rel=1e-6)
    assert nats.item() == pytest.approx(torch.nn.functional.cross_entropy(*flat).item(), rel=1e-6)


def test_bfloat16_trains_with_float32_weights(setup: WorkerSetup, dataset: Dataset) -> None:
    member = Member.create(setup.model_copy(update={"dtype": "bfloat16"}), parse("swiglu"), 1)
    outcomes = train(member, dataset, range(1, 31))
    assert outcomes[-1].loss < outcomes[0].loss - 0.5
    assert all(t.dtype == torch.float32 for t in member.checkpoint().weights.values())
