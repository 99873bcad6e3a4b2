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
from trainer.stacked.launches import Launches, graphs_of
from trainer.stacked.muon import StackedMuon
from trainer.stacked.storage import Storage


class Stack:
    """M members of one shape and setup. Between two steps each is whole, and its own."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Raises ValueError where their shapes differ."""
        self.members = list(members)
        self.setup, self.across = self.members[0].setup, self.members[0].across
        self.storage = Storage(self.members)
        self.decoder = StackedDecoder(self.storage)
        self.dropout = StackedDropout(len(self.members), self.storage.device)
        parameters = [
            *self.storage.parameters.values(),
            *(one for member in self.members for one in member.optimizer.parameters.values()),
        ]
        generators = self.dropout.generators
        self.launches = Launches(parameters, generators, graphs_of(self.setup))
        self.muon: StackedMuon | None = None
        muons = [one.optimizer.muon for one in self.members if one.optimizer.muon is not None]
        if muons:
            self.muon = StackedMuon(muons, self.storage.parameters)

    def step(self, batches: Sequence[Batch], settings: Sequence[StepSettings]) -> list[StepOutcome]:
        """One update of each member, as `Member.train_step` makes it."""
        for member, own in zip(self.members, settings, strict=True):
            member.model.set_morph(own.morph)
        self.decoder.activations.begin_step()
        self.dropout.begin_step(
            [member.model.dropout.p for member in self.members],
            [own.dropout_seed for own in settings],
        )
        tokens_MBT = torch.stack([batch.inputs for batch in batches])
        targets_MBT = torch.stack([batch.targets for batch in batches])
        told = self.launches(self.work, tokens_MBT, targets_MBT, self.key)
        outcomes = [
            outcome_of(loss, norms, own, self.setup.optimizer.spike_threshold)
            for (loss, norms), own in zip(self.measured(told), settings, strict=True)
        ]
        self.update(outcomes, settings)
        self.storage.zero_grad()
        for member, batch, outcome in zip(self.members, batches, outcomes, strict=True):
            tokens = self.across.tokens(batch.inputs)
            member.counters = member.counters.after(tokens, skipped=outcome.skipped)
        return outcomes

    @property
    def key(self) -> object:
        """What a recorded step depends on besides its shapes; None where none may be recorded."""
        wanted = self.decoder.activations.wanted
        if wanted is None or self.across.size > 1 or any(one.morphing for one in self.members):
            return None
        return (*wanted, *self.dropout.probabilities)

    def work(self, tokens_MBT: torch.Tensor, targets_MBT: torch.Tensor) -> torch.Tensor:
        """Forward and backward of all members, and in one tensor what a step tells: their nats,
        the norms of their gradients, and those of all parameters, in this order.
        """
        with precision(self.setup):
            nats_M = self.decoder.nats(tokens_MBT, targets_MBT, self.dropout)
        torch.autograd.backward(nats_M.sum())
        self.storage.hand_out_gradients()
        gradients = [member.optimizer.gradients() for member in self.members]
        (nats_M,) = self.across.joined((nats_M,), gradients[0])
        with torch.no_grad():
            every = [one for own in gradients for one in own.values()]
            norms = torch.stack(torch._foreach_norm(every))
            parts = torch.split(norms, [len(own) for own in gradients])
            totals_M = torch.stack([torch.linalg.vector_norm(part) for part in parts])
            return torch.cat([nats_M.to(norms.dtype), totals_M, norms])

    def measured(self, told: torch.Tensor) -> list[tuple[float, GradientNorms]]:
        """Loss and gradient norms of every member, in one transfer from the device."""
        numbers, count = told.tolist(), len(self.members)
        losses, totals = numbers[:count], numbers[count : 2 * count]
        rest = iter(numbers[2 * count :])
        found = []
        for member, loss, total in zip(self.members, losses, totals, strict=True):
            own = member.optimizer.gradients()
            found.append((loss, by_component(own, total, [next(rest) for _ in own])))
        return found

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
