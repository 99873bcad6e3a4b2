"""A member whose genome names another fusion than its checkpoint's."""

from pathlib import Path

import pytest
import torch

from state.fusions import FUSION_KINDS, FusionKind
from state.genome import parse
from state.records import Genome
from tests.task_builders import make_training_task
from tests.trainer.backbones.builders import batch, shape, tokens, trained
from tests.trainer.backbones.builders import setup as setup_of
from tests.trainer.counted_flops import counted_in_pytorch
from tests.trainer_runs import read, with_its_own_run
from tests.trainer_runs import trained as trained_by
from trainer.backbones.genes import with_fusion
from trainer.backbones.gpt import GPT
from trainer.backbones.names import MIXINGS, Backbone
from trainer.checkpoint import decode, encode
from trainer.config import WorkerSetup
from trainer.export.torch_folder import configuration
from trainer.flops import forward_flops_per_token
from trainer.member import Member, StepSettings
from trainer.widths import num_parameters

GELU = parse("gelu")


def member_of(genome: Genome, backbone: Backbone = "gf-mh") -> Member:
    return Member.create(setup_of(shape(backbone)), genome, seed=1)


def grown(genome: Genome, backbone: Backbone = "gf-mh") -> Member:
    member = member_of(genome, backbone)
    trained(member, 5)
    return member


@pytest.mark.parametrize("kind", FUSION_KINDS)
def test_the_genome_decides_what_is_built(kind: FusionKind) -> None:
    config, genome = shape("gf-mh", block=64), GELU.fused(kind)
    model = GPT(config, genome)
    model.initialise(1)
    assert {one.fusion.kind for one in model.mixers() if one.fusion is not None} == {kind}
    assert sum(one.numel() for one in model.parameters()) == num_parameters(config, genome)
    with counted_in_pytorch() as counter, torch.no_grad():
        model(tokens(3, 64))
    assert counter.get_total_flops() == forward_flops_per_token(config, genome) * 3 * 64


def test_the_kind_of_the_backbone_begins_where_the_backbone_says() -> None:
    config = shape("gf-mh")
    assert with_fusion(config, GELU) is with_fusion(config, parse("gelu @ gf")) is config
    assert with_fusion(config, parse("gelu @ hgf")) == shape("hgf")
    first = [GPT(config, parse(formula)) for formula in ("gelu", "gelu @ gf")]
    for model in first:
        model.initialise(1)
    one, other = (model.state_dict() for model in first)
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.parametrize("backbone", ["gpt", "rwkv6"])
def test_one_component_alone_has_nothing_to_fuse(backbone: Backbone) -> None:
    with pytest.raises(ValueError, match=f"backbone {backbone} has nothing to fuse; take one with"):
        GPT(shape(backbone), parse("gelu @ cp"))


@pytest.mark.parametrize("kind", [one for one in FUSION_KINDS if one != "gf"])
def test_a_switch_begins_as_the_old_model_and_ends_as_the_new(kind: FusionKind) -> None:
    member, x = grown(parse("gelu @ gf")), tokens(2, 16)
    before, weights = member.model.eval()(x), dict(member.model.state_dict())
    member.change_activation(parse(f"gelu @ {kind}"))
    member.model.eval().set_morph(0.0)
    assert torch.equal(member.model(x), before)
    member.model.set_morph(1.0)
    blended = member.model(x)
    member.finish_morph()
    assert torch.equal(member.model(x), blended)
    after, first = member.model.state_dict(), member_of(parse(f"gelu @ {kind}")).model.state_dict()
    assert after.keys() == first.keys()
    for name, tensor in after.items():
        kept = first if ".mixer.fusion." in name else weights
        assert torch.equal(tensor, kept[name]), name
    assert set(member.optimizer.parameters) == set(dict(member.model.named_parameters()))


def test_moments_of_the_components_go_on_and_those_of_the_fusion_begin() -> None:
    member = grown(parse("gelu @ gf"))
    before = {kind: dict(named) for kind, named in member.optimizer.moments().items()}
    member.change_activation(parse("gelu @ hgf"))
    after = member.optimizer.moments()
    for kind, named in before.items():
        for name, tensor in named.items():
            left = name.replace(".fusion.", ".leaving.")
            assert torch.equal(after[kind][left], tensor)
    assert not [name for name in after["exp_avg"] if ".mixer.fusion." in name]


@pytest.mark.parametrize("formulas", [("gelu @ gf", "swiglu @ hgf"), ("swiglu @ cp", "gelu @ rf")])
def test_a_switch_that_was_cut_off_goes_on_bit_for_bit(formulas: tuple[str, str]) -> None:
    old, new = map(parse, formulas)
    whole = grown(old)
    whole.change_activation(new)
    data = b""
    for index in range(6):
        if index == 2:
            data = encode(whole.checkpoint(unfinished_task="task"))
        step(whole, index)
    whole.finish_morph()
    restored = Member.from_checkpoint(
        whole.setup, decode(data, new, whole.setup.model, unfinished_task="task")
    )
    assert restored.morphing
    for index in range(2, 6):
        step(restored, index)
    restored.finish_morph()
    assert encode(restored.checkpoint()) == encode(whole.checkpoint())


def step(member: Member, index: int) -> None:
    """One of four that blend, then two of the new model alone."""
    t = min(1.0, (index + 1) / 4)
    if t == 1:
        member.finish_morph()
    member.train_step(batch(10 + index), StepSettings(morph=t))


def test_a_task_takes_the_fusion_of_its_genome_from_a_parent_of_another(
    setup: WorkerSetup, tmp_path: Path
) -> None:
    model = shape("gf-mh", vocab_size=setup.model.vocab_size)
    own = with_its_own_run(setup, tmp_path / "run").model_copy(update={"model": model})
    before = trained_by(own, make_training_task("gelu @ gf", steps=3))
    challenger = make_training_task(
        "swiglu @ hgf",
        parent=before.checkpoint,
        parent_genome=parse("gelu @ gf"),
        steps=4,
        morph_steps=2,
        task_id="other",
    )
    after = trained_by(own, challenger)
    assert after.switch_jump == pytest.approx(0, abs=0.5)
    stored = read(own, after.checkpoint)
    assert stored.description.genome == parse("swiglu @ hgf")
    assert not [name for name in stored.weights if ".leaving." in name]
    assert stored.weights["blocks.0.mixer.fusion.gate"].shape == (16, 32)
    back = challenger.model_copy(
        update={"task_id": "back", "parent": after.checkpoint, "genome": parse("silu @ cp")}
    )
    again = back.model_copy(update={"parent_genome": parse("swiglu @ hgf"), "save": False})
    assert trained_by(own, again).status == "trained"


def test_a_checkpoint_and_an_export_say_which_fusion_they_have() -> None:
    member = grown(parse("gelu @ hgf"))
    data = encode(member.checkpoint())
    with pytest.raises(ValueError, match="activation gelu"):
        decode(data, parse("gelu @ gf"), member.setup.model)
    told = configuration(decode(data, parse("gelu @ hgf"), member.setup.model).description)
    assert (told["activation"], told["backbone"], told["fusion"]) == ("gelu(x)", "hgf", "hgf")
    own = configuration(grown(parse("gelu @ gf")).checkpoint().description)
    assert (own["backbone"], own["fusion"]) == ("gf-mh", MIXINGS["gf-mh"].fusion)
