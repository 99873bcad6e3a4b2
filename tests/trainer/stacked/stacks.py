"""Members that take steps alone, and their twins that take them in a stack."""

from collections.abc import Sequence

import torch
from torch import Tensor

from state.genome import parse
from trainer.config import ModelConfig, OptimizerConfig, WorkerSetup
from trainer.member import Batch, Member, StepOutcome, StepSettings
from trainer.stacked.stack import Stack

VOCABULARY = 23


def setup_of(
    dim: int = 16,
    layers: int = 2,
    block: int = 8,
    optimizer: OptimizerConfig | None = None,
    **model: object,
) -> WorkerSetup:
    shape = {"dim": dim, "heads": 2, "layers": layers, "block": block, "vocab_size": VOCABULARY}
    return WorkerSetup(
        run_folder="nowhere",
        model=ModelConfig.model_validate({**shape, **model}),
        optimizer=optimizer or OptimizerConfig(batch=3),
    )


def members_of(setup: WorkerSetup, formulas: Sequence[str]) -> list[Member]:
    return [
        Member.create(setup, parse(formula), seed=index) for index, formula in enumerate(formulas)
    ]


def batches_of(setup: WorkerSetup, count: int, seed: int) -> list[Batch]:
    stream = torch.Generator().manual_seed(seed)
    shape = (count, setup.optimizer.batch, setup.model.block + 1)
    windows = torch.randint(VOCABULARY, shape, generator=stream)
    return [Batch(one[:, :-1], one[:, 1:]) for one in windows]


def settings_of(count: int, step: int, morph: float = 1.0) -> list[StepSettings]:
    """Rates and clips that differ from member to member."""
    return [
        StepSettings(
            learning_rate=0.5 + 0.2 * index,
            clip=0.3 + index,
            dropout_seed=100 * index + step,
            morph=morph,
        )
        for index in range(count)
    ]


def taken_alone(members: Sequence[Member], steps: int) -> list[list[StepOutcome]]:
    found = []
    for step in range(steps):
        batches = batches_of(members[0].setup, len(members), step)
        settings = settings_of(len(members), step)
        triples = zip(members, batches, settings, strict=True)
        found.append([one.train_step(batch, own) for one, batch, own in triples])
    return found


def taken_together(members: Sequence[Member], steps: int) -> list[list[StepOutcome]]:
    stack = Stack(members)
    return [
        stack.step(
            batches_of(members[0].setup, len(members), step), settings_of(len(members), step)
        )
        for step in range(steps)
    ]


def require_close(together: Member, alone: Member, tolerance: float = 2e-4) -> None:
    """Weights and moments agree."""
    assert_named(together.model.state_dict(), alone.model.state_dict(), tolerance)
    moments, others = together.optimizer.moments(), alone.optimizer.moments()
    assert moments.keys() == others.keys()
    for kind in moments:
        assert_named(moments[kind], others[kind], tolerance)


def assert_named(one: dict[str, Tensor], other: dict[str, Tensor], tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.allclose(one[name], other[name], rtol=tolerance, atol=tolerance), name


def require_same_outcomes(
    together: Sequence[Sequence[StepOutcome]], alone: Sequence[Sequence[StepOutcome]]
) -> None:
    """Losses, norms, clips and skips agree, step by step and member by member."""
    for step, other in zip(together, alone, strict=True):
        for one, two in zip(step, other, strict=True):
            assert one.skipped == two.skipped
            figures = [(one.loss, two.loss), (one.clip_coef, two.clip_coef)]
            figures += zip(one.norms, two.norms, strict=True)
            for found, expected in figures:
                torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5, equal_nan=True)


def require_same_morph(
    setup: WorkerSetup, formulas: tuple[str, str], new: str, fractions: Sequence[float]
) -> None:
    """Two members learn in a stack what they learn alone while the first becomes `new`."""
    alone, together = members_of(setup, formulas), members_of(setup, formulas)
    for members in (alone, together):
        members[0].change_activation(parse(new))
    stack = Stack(together)
    for step, t in enumerate(fractions):
        batches, own = batches_of(setup, 2, step), settings_of(2, step, morph=t)
        if t == 1:
            for member in (alone[0], together[0]):
                member.finish_morph()
        expected = [
            one.train_step(batch, told)
            for one, batch, told in zip(alone, batches, own, strict=True)
        ]
        require_same_outcomes([stack.step(batches, own)], [expected])
    for one, other in zip(together, alone, strict=True):
        require_close(one, other)
