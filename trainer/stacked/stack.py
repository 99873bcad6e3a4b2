"""Members that take their steps together.

Shapes: M members, B sequences, T positions.
"""

from collections.abc import Sequence

import torch

from trainer.guards import update_is_sound
from trainer.instruments.gradient_norms import GradientNorms, by_component
from trainer.member import Batch, Member, StepOutcome, StepSettings, precision
from trainer.stacked.decoder import StackedDecoder
from trainer.stacked.dropout import StackedDropout
from trainer.stacked.muon import StackedMuon
from trainer.stacked.storage import Storage


class Stack:
    """M members of one shape and setup. Between two steps each is whole, and its own."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Raises ValueError where their shapes differ."""
        self.members = list(members)
        self.setup = self.members[0].setup
        self.storage = Storage(self.members)
        self.decoder = StackedDecoder(self.storage)
        self.muon: StackedMuon | None = None
        muons = [one.optimizer.muon for one in self.members if one.optimizer.muon is not None]
        if muons:
            self.muon = StackedMuon(muons, self.storage.parameters)

    def step(self, batches: Sequence[Batch], settings: Sequence[StepSettings]) -> list[StepOutcome]:
        """One update of each member, as `Member.train_step` makes it."""
        for member, own in zip(self.members, settings, strict=True):
            member.model.set_morph(own.morph)
        self.decoder.activations.begin_step()
        nats_M = self.nats(batches, settings)
        torch.autograd.backward(nats_M.sum())
        self.storage.hand_out_gradients()
        measured = self.measured(nats_M)
        outcomes = [
            outcome_of(loss, norms, own, self.setup.optimizer.spike_threshold)
            for (loss, norms), own in zip(measured, settings, strict=True)
        ]
        self.update(outcomes, settings)
        self.storage.zero_grad()
        for member, batch, outcome in zip(self.members, batches, outcomes, strict=True):
            tokens = batch.inputs.numel()
            member.counters = member.counters.after(tokens, skipped=outcome.skipped)
        return outcomes

    def nats(self, batches: Sequence[Batch], settings: Sequence[StepSettings]) -> torch.Tensor:
        """Mean cross-entropy [M] of the members' batches, all of one size."""
        tokens_MBT = torch.stack([batch.inputs for batch in batches])
        targets_MBT = torch.stack([batch.targets for batch in batches])
        dropout = StackedDropout(
            [member.model.dropout.p for member in self.members],
            [own.dropout_seed for own in settings],
            tokens_MBT.device,
        )
        with precision(self.setup):
            return self.decoder.nats(tokens_MBT, targets_MBT, dropout)

    @torch.no_grad()
    def measured(self, nats_M: torch.Tensor) -> list[tuple[float, GradientNorms]]:
        """Loss and gradient norms of every member, in one transfer from the device."""
        gradients = [member.optimizer.gradients() for member in self.members]
        norms = torch.stack(torch._foreach_norm([one for own in gradients for one in own.values()]))
        parts = torch.split(norms, [len(own) for own in gradients])
        totals_M = torch.stack([torch.linalg.vector_norm(part) for part in parts])
        told = torch.cat([nats_M.detach().to(norms.dtype), totals_M, norms]).tolist()
        count = len(self.members)
        losses, totals, rest = told[:count], told[count : 2 * count], iter(told[2 * count :])
        return [
            (loss, by_component(own, total, [next(rest) for _ in own]))
            for loss, total, own in zip(losses, totals, gradients, strict=True)
        ]

    def update(self, outcomes: Sequence[StepOutcome], settings: Sequence[StepSettings]) -> None:
        """Clip and apply the gradients of the members whose update is sound."""
        sound = [index for index, outcome in enumerate(outcomes) if not outcome.skipped]
        for index in sound:
            if outcomes[index].clip_coef < 1:
                gradients = list(self.members[index].optimizer.gradients().values())
                torch._foreach_mul_(gradients, outcomes[index].clip_coef)
        rates = [own.learning_rate for own in settings]
        if self.muon is None or len(sound) < len(self.members):
            for index in sound:
                self.members[index].optimizer.step(rates[index])
            return
        self.muon.step([self.setup.optimizer.muon_lr * rate for rate in rates])
        for member, rate in zip(self.members, rates, strict=True):
            member.optimizer.step_others(rate)


def outcome_of(
    loss: float, norms: GradientNorms, settings: StepSettings, spike_threshold: float | None
) -> StepOutcome:
    """What a member's step measured, and whether its update is applied."""
    sound = update_is_sound(loss, norms.total, spike_threshold)
    clip_coef = min(1.0, settings.clip / (norms.total + 1e-6))
    return StepOutcome(loss, norms, clip_coef, skipped=not sound)
