"""Training recurrent backbones on the same trainer."""

import pytest
import torch

from state.genome import parse
from tests.trainer.backbones.builders import batch, setup, shape, trained
from trainer.backbones.fusion import Fusion
from trainer.backbones.names import MIXINGS, Backbone
from trainer.checkpoint import decode, encode
from trainer.instruments.gradient_norms import gradient_norms
from trainer.member import Member, StepSettings
from trainer.optimizer import is_hidden_matrix, rate_factors

GELU, SWIGLU = parse("gelu"), parse("swiglu")


@pytest.mark.parametrize("backbone", ["hy", "gf", "ws", "rf", "cp", "hgf"])
def test_every_fusion_learns_to_count(backbone: Backbone) -> None:
    member = Member.create(setup(shape(backbone)), GELU, seed=1)
    losses = trained(member, 40)
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("backbone", ["hy", "gf-mh", "cp", "mamba2"])
def test_a_stored_member_goes_on_bit_for_bit(backbone: Backbone) -> None:
    whole = Member.create(setup(shape(backbone)), GELU, seed=1)
    trained(whole, 6)
    half = Member.create(setup(shape(backbone)), GELU, seed=1)
    trained(half, 3)
    data = encode(half.checkpoint())
    restored = Member.from_checkpoint(half.setup, decode(data, GELU, half.setup.model))
    trained(restored, 3, first=3)
    assert encode(restored.checkpoint()) == encode(whole.checkpoint())


def test_a_checkpoint_of_another_backbone_is_refused() -> None:
    member = Member.create(setup(shape("gf")), GELU, seed=1)
    with pytest.raises(ValueError, match="checkpoint has backbone gf"):
        decode(encode(member.checkpoint()), GELU, shape("gf-mh"))


@pytest.mark.parametrize("backbone", ["hy", "hgf-rh", "rwkv6"])
def test_the_activation_morphs_inside_a_recurrent_block(backbone: Backbone) -> None:
    member = Member.create(setup(shape(backbone)), GELU, seed=1)
    trained(member, 3)
    member.change_activation(SWIGLU)
    member.model.set_morph(0.5)
    trained(member, 1, first=3)
    member.finish_morph()
    trained(member, 2, first=4)
    weights = member.model.state_dict()
    assert all(tensor.isfinite().all() for tensor in weights.values())
    assert decode(encode(member.checkpoint()), SWIGLU, member.setup.model).weights.keys() == set(
        weights
    )


def test_three_starts_of_a_gate_are_three_models_before_and_after_training() -> None:
    gates: dict[Backbone, list[float]] = {}
    logits = {}
    names: tuple[Backbone, ...] = ("hgf", "hgf-mh", "hgf-rh")
    for name in names:
        member = Member.create(setup(shape(name)), GELU, seed=1)
        gates[name] = [mean_gate(member)]
        trained(member, 25)
        gates[name].append(mean_gate(member))
        logits[name] = member.model.eval()(batch(0).inputs).detach()
    for when in (0, 1):
        means = [gates[name][when] for name in ("hgf-mh", "hgf", "hgf-rh")]
        assert means == sorted(means)
        assert min(means[1] - means[0], means[2] - means[1]) > 0.05
    assert not torch.allclose(logits["hgf"], logits["hgf-mh"], atol=1e-2)
    assert not torch.allclose(logits["hgf"], logits["hgf-rh"], atol=1e-2)


def mean_gate(member: Member) -> float:
    """Of all layers on one batch."""
    found: list[torch.Tensor] = []
    fusions = [one for one in member.model.modules() if isinstance(one, Fusion)]
    hooks = [
        one.register_forward_pre_hook(lambda made, given: found.append(made.weights(*given)))
        for one in fusions
    ]
    with torch.no_grad():
        member.model(batch(1).inputs)
    for hook in hooks:
        hook.remove()
    assert len(found) == len(fusions)
    return float(torch.stack(found).mean())


def test_only_matrices_decay_and_those_of_gates_and_decays_do_not() -> None:
    member = Member.create(setup(shape("hgf")), GELU, seed=1)
    hidden = {n for n, p in member.optimizer.parameters.items() if is_hidden_matrix(n, p)}
    parts = {name.removeprefix("blocks.0.") for name in hidden if name.startswith("blocks.0.")}
    assert parts == {
        *(f"mixer.rwkv6.{one}.weight" for one in ("receptance", "key", "value", "gate", "output")),
        *(f"mixer.mamba2.{one}.weight" for one in ("gate_and_value", "keys", "out")),
        *("ffn.w_in.weight", "ffn.w_out.weight"),
    }
    assert {group["weight_decay"] for group in member.optimizer.adamw.param_groups} == {0.0}


def slowed(backbone: Backbone, beside_muon: bool = True) -> set[str]:
    """Parameters of the first block that have another rate than their optimizer's."""
    member = Member.create(setup(shape(backbone)), GELU, seed=1)
    names = [one for one in member.optimizer.parameters if one.startswith("blocks.0.")]
    factors = rate_factors(names, member.setup.optimizer, beside_muon)
    assert set(factors.values()) <= {1 / 64}
    return {name.removeprefix("blocks.0.mixer.") for name in factors}


def test_maps_that_muon_does_not_move_are_slower_beside_it() -> None:
    of_rwkv6 = {f"rwkv6.{one}" for one in ("mix_down", "mix_up", "decay_down", "decay_up")}
    assert slowed("rwkv6") == of_rwkv6
    assert slowed("mamba2") == {"mamba2.step"}
    for gated in ("gf", "hgf-mh"):
        assert slowed(gated) == {*of_rwkv6, "mamba2.step", "fusion.gate"}
    assert slowed("cp") == {*of_rwkv6, "mamba2.step"}
    assert slowed("gpt") == set()
    assert slowed("gf", beside_muon=False) == set()


def test_a_gate_that_is_being_left_keeps_its_rate() -> None:
    settings = setup(shape("cp")).optimizer
    names = [f"blocks.0.mixer.{one}.gate" for one in ("fusion", "leaving")]
    assert rate_factors(names, settings, True) == dict.fromkeys(names, 1 / 64)


@pytest.mark.parametrize("rate", [1.0, 1 / 64])
def test_the_first_step_of_a_map_is_that_much_shorter(rate: float) -> None:
    member = Member.create(setup(shape("hy"), maps_rate=rate), GELU, seed=1)
    names = [f"blocks.0.mixer.mamba2.{one}" for one in ("step", "step_bias")]
    before = {name: member.model.state_dict()[name].clone() for name in names}
    trained(member, 1)
    step, bias = (
        float((member.model.state_dict()[name] - before[name]).abs().median()) for name in names
    )
    assert step == pytest.approx(rate * bias, rel=0.02)


@pytest.mark.parametrize("muon", [True, False])
def test_a_component_moves_at_its_own_rate(muon: bool) -> None:
    config = shape("gf", recipe="modern" if muon else "classic")
    before = Member.create(setup(config), GELU, seed=1)
    start = {name: one.clone() for name, one in before.model.state_dict().items()}
    trained(before, 1)
    slow = Member.create(setup(config, mamba2_rate=0.5, weight_decay=0.1), GELU, seed=1)
    trained(slow, 1)
    scales = {name: 0.5 for name in start if ".mamba2." in name}
    assert scales
    for name, one in slow.model.state_dict().items():
        moved = (before.model.state_dict()[name] - start[name]).double()
        expected = moved * scales.get(name, 1.0)
        torch.testing.assert_close((one - start[name]).double(), expected, rtol=1e-2, atol=1e-7)


@pytest.mark.parametrize("backbone", ["hy", "cp", "rf"])
def test_bfloat16_learns_too(backbone: Backbone) -> None:
    half = setup(shape(backbone)).model_copy(update={"dtype": "bfloat16"})
    losses = trained(Member.create(half, GELU, seed=1), 25)
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("backbone", ["gf", "rwkv6"])
def test_gradient_norms_are_told_by_component(backbone: Backbone) -> None:
    member = Member.create(setup(shape(backbone)), GELU, seed=1)
    trained(member, 2)
    torch.autograd.backward(member.losses(batch(2), StepSettings()).nats)
    norms = gradient_norms(member.optimizer.gradients())
    present = MIXINGS[backbone].components
    assert (norms.rwkv6 > 0, norms.mamba2 > 0) == ("rwkv6" in present, "mamba2" in present)
    assert norms.attention == 0
    parts = [value for name, value in norms._asdict().items() if name != "total"]
    assert sum(one**2 for one in parts) == pytest.approx(norms.total**2, rel=1e-5)
