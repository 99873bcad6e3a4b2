"""A stack gives its members what they would have alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.stacked.stacks import (
    batches_of,
    members_of,
    require_close,
    require_same_morph,
    require_same_outcomes,
    settings_of,
    setup_of,
    taken_alone,
    taken_together,
)
from trainer.checkpoint import decode, encode
from trainer.config import OptimizerConfig, WorkerSetup
from trainer.member import Member
from trainer.stacked import decoder
from trainer.stacked.regions import Regions, after_activation, before_activation
from trainer.stacked.stack import Stack

UNGATED = ("gelu", "relu2", "0.7*silu(x) + 0.3*x", "sin(x)*tanh(x)", "abs(x)")
GATED = ("glu(silu(x))", "glu(gelu(x))", "glu(relu(x))", "glu(0.5*tanh(x) + x)")
STEPS = 3


def require_equal(setup: WorkerSetup, formulas: tuple[str, ...]) -> None:
    alone, together = members_of(setup, formulas), members_of(setup, formulas)
    expected = taken_alone(alone, STEPS)
    require_same_outcomes(taken_together(together, STEPS), expected)
    for one, other in zip(together, alone, strict=True):
        require_close(one, other)
        assert one.counters == other.counters


@settings(max_examples=5, deadline=None)
@given(
    dim=st.sampled_from([16, 24, 32]),
    layers=st.integers(1, 2),
    block=st.sampled_from([8, 16]),
    recipe=st.sampled_from(["modern", "classic"]),
    tied=st.booleans(),
    batch=st.integers(1, 3),
    formulas=st.one_of(
        st.lists(st.sampled_from(UNGATED), min_size=1, max_size=4),
        st.lists(st.sampled_from(GATED), min_size=1, max_size=3),
    ),
)
def test_members_of_any_shape_learn_what_they_learn_alone(
    dim: int,
    layers: int,
    block: int,
    recipe: str,
    tied: bool,
    batch: int,
    formulas: list[str],
) -> None:
    optimizer = OptimizerConfig(batch=batch)
    setup = setup_of(dim, layers, block, optimizer, recipe=recipe, tied_head=tied)
    require_equal(setup, tuple(formulas))


def test_each_member_draws_its_own_dropout() -> None:
    require_equal(setup_of(dropout=0.3), ("gelu", "relu2"))


def test_what_is_compiled_is_the_same_out_of_plain_operations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = Regions(before_activation, after_activation, composed=True)
    monkeypatch.setattr(decoder, "regions", lambda _: plain)
    require_equal(setup_of(), ("gelu", "relu2"))


def test_adamw_alone_is_stacked_too() -> None:
    require_equal(setup_of(optimizer=OptimizerConfig(batch=2, muon=False)), ("gelu", "silu"))


def test_trained_activations_are_stacked() -> None:
    require_equal(setup_of(), ("universal", "gelu", "spline"))


def test_bfloat16_is_stacked() -> None:
    setup = setup_of().model_copy(update={"dtype": "bfloat16"})
    alone, together = members_of(setup, UNGATED[:2]), members_of(setup, UNGATED[:2])
    for step, other in zip(taken_together(together, 2), taken_alone(alone, 2), strict=True):
        for one, two in zip(step, other, strict=True):
            assert abs(one.loss - two.loss) < 0.02


def test_a_morph_goes_on_in_a_stack() -> None:
    require_same_morph(setup_of(), ("gelu", "silu"), "0.4*sin(x) + relu(x)", (0.25, 0.75, 1.0))


def test_a_member_that_is_skipped_leaves_no_trace_and_holds_nobody_up() -> None:
    members, alone = (members_of(setup_of(), ("gelu", "relu2", "silu")) for _ in range(2))
    taken_together(members, 1)
    taken_alone(alone, 1)
    with torch.no_grad():
        members[1].model.blocks[0].get_parameter("ffn.w_out.weight").fill_(float("nan"))
    before = encode(members[1].checkpoint())
    outcomes = taken_together(members, 1)[0]
    others = [alone[0], alone[2]]
    batches, own = batches_of(setup_of(), 3, 0), settings_of(3, 0)
    for index, member in ((0, others[0]), (2, others[1])):
        member.train_step(batches[index], own[index])
    assert [one.skipped for one in outcomes] == [False, True, False]
    assert members[1].counters.skipped_steps == 1
    after = decode(encode(members[1].checkpoint()), members[1].genome, setup_of().model)
    found = decode(before, members[1].genome, setup_of().model)
    for name, tensor in found.weights.items():
        assert torch.equal(tensor.nan_to_num(), after.weights[name].nan_to_num())
    for kind, named in found.moments.items():
        assert all(torch.equal(one, after.moments[kind][name]) for name, one in named.items())
    for one, other in ((members[0], others[0]), (members[2], others[1])):
        require_close(one, other)


def test_a_member_is_whole_at_every_step_and_goes_on_alone() -> None:
    setup = setup_of()
    members, alone = members_of(setup, UNGATED[:2]), members_of(setup, UNGATED[:2])
    taken_together(members, 2)
    taken_alone(alone, 2)
    stored = decode(encode(members[1].checkpoint()), members[1].genome, setup.model)
    restored = Member.from_checkpoint(setup, stored)
    for one in (restored, members[1], alone[1]):
        one.train_step(batches_of(setup, 1, 9)[0], settings_of(1, 9)[0])
    require_close(restored, members[1], tolerance=0)
    require_close(restored, alone[1])


def test_members_of_different_shapes_are_refused() -> None:
    members = members_of(setup_of(), ("gelu", "glu(silu(x))"))
    with pytest.raises(ValueError, match="train each alone"):
        Stack(members)
