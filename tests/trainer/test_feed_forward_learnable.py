"""Learnable activations in the feed-forward layer: their place, and their morphs."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from state.genome import parse
from tests.drawn_layers import drawn
from trainer.activations import activation
from trainer.config import ModelConfig
from trainer.feed_forward import FeedForward, curve_name
from trainer.neurons import carry_over, kept_neurons, silence_new_neurons

SMALL = ModelConfig(dim=32, heads=2, layers=1, block=16)
LEARNED = "learned(0.8*silu(x) + 0.2*x)"
GELU = activation(parse("gelu"))
KINDS = ["universal", "blend", "spline", "rational", LEARNED]


def layer(formula: str) -> FeedForward:
    torch.manual_seed(3)
    return drawn(FeedForward(SMALL, parse(formula)))


def trained(formula: str) -> FeedForward:
    made = layer(formula)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "curves" in name:
                parameter.copy_(torch.randn(parameter.shape) * 0.2)
    return made


def points() -> torch.Tensor:
    return torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(8))


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_stands_where_the_activation_stood(kind: str) -> None:
    made, x = trained(kind), points()
    (curve,) = made.curves.values()
    assert torch.equal(made(x), made.w_out(curve(made.w_in(x))))


@pytest.mark.parametrize("kind", KINDS)
def test_a_gate_multiplies_the_curve_by_the_up_path(kind: str) -> None:
    made, x = trained(f"glu({kind})"), points()
    (curve,) = made.curves.values()
    assert made.w_up is not None
    assert torch.equal(made(x), made.w_out(curve(made.w_in(x)) * made.w_up(x)))


def test_a_layer_has_one_name_for_every_parameter() -> None:
    names = [name for name, _ in layer("universal").named_parameters()]
    assert names == ["curves.universal.bias", "w_in.weight", "w_out.weight"]
    assert list(layer("universal").state_dict()) == names
    assert [name for name, _ in layer("gelu").named_parameters()] == names[1:]


def test_learned_graphs_are_stored_under_names_of_their_own() -> None:
    one, other = curve_name(parse(LEARNED)), curve_name(parse("learned(0.7*silu(x) + 0.2*x)"))
    assert one != other
    assert one == curve_name(parse(f"glu({LEARNED})"))
    assert curve_name(parse("glu(spline)")) == "spline"
    assert curve_name(parse("0.5*silu(x)")) is None


def test_a_plain_layer_morphs_into_a_curve() -> None:
    made, x = layer("universal"), points()
    made.begin_morph(parse("relu"), parse("universal"))
    assert torch.equal(made(x), made.w_out(F.relu(made.w_in(x))))
    assert made.morph is not None
    made.morph.t = 1.0
    assert torch.equal(made(x), made.w_out(F.silu(made.w_in(x))))
    made.finish_morph()
    assert list(made.curves) == ["universal"]


def test_a_curve_that_is_left_stays_until_the_morph_is_over() -> None:
    made, x = layer("gelu"), points()
    made.begin_morph(parse("rational"), parse("gelu"))
    with torch.no_grad():
        made.get_parameter("curves.rational.bias").fill_(0.1)
    old = made.w_out(made.curves["rational"](made.w_in(x)))
    assert torch.equal(made(x), old)
    assert made.morph is not None
    made.morph.t = 0.25
    assert torch.allclose(made(x), 0.75 * old + 0.25 * made.w_out(GELU(made.w_in(x))), atol=1e-6)
    made(x).sum().backward()
    assert made.get_parameter("curves.rational.bias").grad is not None
    made.finish_morph()
    assert not made.curves
    assert torch.equal(made(x), made.w_out(GELU(made.w_in(x))))


def test_a_curve_may_give_way_to_another_of_the_same_kind() -> None:
    made, other = layer(LEARNED), "learned(0.5*tanh(x) - 0.1*x)"
    made.begin_morph(parse(other), parse(LEARNED))
    assert len(made.curves) == 2
    made.finish_morph()
    assert list(made.curves) == [curve_name(parse(LEARNED))]


def test_a_trained_curve_is_not_the_formula_it_started_as() -> None:
    made = layer("0.8*silu(x) + 0.2*x")
    made.begin_morph(parse(LEARNED), parse("0.8*silu(x) + 0.2*x"))
    assert made.morph is not None
    assert made.morph.previous is not None


def test_a_gate_that_appears_keeps_the_curve() -> None:
    made = trained("glu(blend)")
    made.begin_morph(parse("blend"), parse("glu(blend)"))
    assert made.morph is not None
    assert made.morph.previous is None
    before = made.get_parameter("curves.blend.bias").clone()
    made.finish_morph()
    assert torch.equal(made.get_parameter("curves.blend.bias"), before)


@pytest.mark.parametrize("kind", ["universal", "blend"])
def test_coefficients_follow_their_neurons_into_a_narrower_layer(kind: str) -> None:
    wide, narrow = trained(kind), layer(f"glu({kind})")
    name, width = f"curves.{kind}.bias", narrow.w_in.out_features
    kept = kept_neurons(wide.state_dict(), width)
    carried = carry_over(wide.state_dict(), narrow.state_dict(), kept)
    strength = wide.w_in.weight.norm(dim=1) * wide.w_out.weight.norm(dim=0)
    strongest = strength.topk(width).indices.sort().values
    assert torch.equal(carried[name], wide.state_dict()[name][:, strongest])
    assert torch.equal(carried["w_in.weight"], wide.w_in.weight[strongest])


@pytest.mark.parametrize("kind", KINDS)
def test_neurons_that_are_appended_start_with_the_untrained_curve(kind: str) -> None:
    narrow, wide, x = trained(f"glu({kind})"), layer(kind), points()
    fresh = silence_new_neurons(wide.state_dict())
    width = narrow.w_in.out_features
    kept = kept_neurons(narrow.state_dict(), wide.w_in.out_features)
    wide.load_state_dict(carry_over(narrow.state_dict(), fresh, kept))
    (old,), (new,) = narrow.curves.values(), wide.curves.values()
    trained_bias, bias = old.get_parameter("bias"), new.get_parameter("bias")
    assert torch.equal(bias[..., :width], trained_bias[..., :width])
    assert not bias[..., width:].any()
    assert torch.allclose(wide(x), narrow.w_out(old(narrow.w_in(x))), atol=1e-6)
