"""One member: a model, its optimizer, and the step that trains them.

Everything random in a step comes from a seed that the caller derives from the step, so a member
at rest is its checkpoint and nothing else.

Shapes: B sequences, T positions, V vocabulary.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor

from state.objects import ObjectStore
from state.records import Genome
from trainer.across import ALONE, Across
from trainer.backbones.gpt import GPT, Cache
from trainer.checkpoint import (
    Checkpoint,
    Counters,
    Description,
    Unfinished,
    decode,
    encode,
    require_tensors,
)
from trainer.config import WorkerSetup
from trainer.guards import update_is_sound
from trainer.instruments.free_energy import TEMPERATURE_PER_RATE
from trainer.instruments.gradient_norms import GradientNorms, gradient_norms
from trainer.instruments.instrument_state import InstrumentState
from trainer.instruments.soft_entropy import soft_weight_entropy
from trainer.losses import Losses, losses, plain_loss
from trainer.neurons import (
    Kept,
    NamedTensors,
    carry_over,
    kept_neurons,
    leaving_fusion,
    silence_new_neurons,
)
from trainer.optimizer import Moments, Optimizer
from trainer.weight_mean import moved_mean


class Batch(NamedTuple):
    """Tokens [B, T] and the tokens that follow them."""

    inputs: Tensor
    targets: Tensor
    taught: Tensor | None = None
    """What teachers say of the tokens that follow, [B, T, V]."""
    past: Cache | None = None
    """What was read before; it moves on with the batch."""


class StepSettings(NamedTuple):
    """What distinguishes one step from the next."""

    learning_rate: float = 1.0
    """Multiplier of the peak rates."""
    clip: float = 1.0
    """Gradient norm above which the gradient is scaled down."""
    morph: float = 1.0
    """How far the morph under way has come."""
    dropout_seed: int = 0
    teacher_weight: float = 0.0


class StepOutcome(NamedTuple):
    """What one step measured; `loss` and `norms` may be NaN or infinite."""

    loss: float
    """Mean cross-entropy of the batch in nats per token, before the update."""
    norms: GradientNorms
    """Before clipping."""
    clip_coef: float
    skipped: bool


class Member:
    """A model in training."""

    def __init__(
        self, setup: WorkerSetup, genome: Genome, seed: int, *, drawn: bool = True
    ) -> None:
        """Untrained: drawn from `seed` unless its weights are read, without moments."""
        self.setup, self.genome, self.seed = setup, genome, seed
        self.counters = Counters()
        self.instruments: InstrumentState | None = None
        self.mean: NamedTensors | None = None
        """Running mean of the weights, where the task asks for one."""
        self.past: Cache | None = None
        """States between two steps of a task that hands them on."""
        self.across: Across = ALONE
        self.build(drawn=drawn)

    @classmethod
    def create(cls, setup: WorkerSetup, genome: Genome, seed: int) -> "Member":
        """A new member; equal seeds give equal bits wherever activations allow it."""
        return cls(setup, genome, seed)

    @classmethod
    def restore(
        cls, setup: WorkerSetup, objects: ObjectStore, sha: str, genome: Genome
    ) -> "Member":
        """The member that `save` stored.

        Raises:
            ValueError: the object is missing, damaged, or of another activation or shape.
        """
        return cls.from_checkpoint(setup, decode(objects.read(sha), genome, setup.model))

    @classmethod
    def from_checkpoint(cls, setup: WorkerSetup, checkpoint: Checkpoint) -> "Member":
        """The member as it was, in the middle of a morph or not; the tensors are copied.

        Raises:
            ValueError: its weights are not those that its description promises.
        """
        description = checkpoint.description
        member = cls(setup, description.genome, description.seed, drawn=False)
        member.counters, member.instruments = description.counters, description.instruments
        if description.unfinished is not None and description.unfinished.previous is not None:
            member.build(description.unfinished.previous, drawn=False)
        require_tensors(checkpoint.weights, member.model.state_dict())
        member.model.load_state_dict(checkpoint.weights)
        member.optimizer.load(checkpoint.moments)
        if checkpoint.mean:
            require_tensors(checkpoint.mean, member.model.state_dict())
            member.mean = {n: t.clone().to(setup.device) for n, t in checkpoint.mean.items()}
        if checkpoint.states:
            member.past = member.past_of(checkpoint.states)
        return member

    def build(self, previous: Genome | None = None, *, drawn: bool = True) -> None:
        """Make model and optimizer anew, in the middle of a morph if there is a `previous`."""
        self.previous = previous
        model = GPT(self.setup.model, self.genome)
        if previous is not None:
            model.begin_morph(previous)
        if drawn:
            model.initialise(self.seed)
        self.model = model.to(self.setup.device)
        dtype = torch.bfloat16 if self.setup.dtype == "bfloat16" else torch.float32
        self.optimizer = Optimizer(self.model, self.setup.optimizer, dtype)
        self.model.train()

    def checkpoint(self, unfinished_task: str | None = None) -> Checkpoint:
        """The member between two steps, tensors not copied.

        During a morph only inside a task, which is named by its key.
        """
        assert unfinished_task is not None or not self.morphing
        unfinished = None
        if unfinished_task is not None:
            unfinished = Unfinished(task=unfinished_task, previous=self.previous)
        description = Description(
            genome=self.genome,
            model=self.setup.model,
            seed=self.seed,
            counters=self.counters,
            unfinished=unfinished,
            instruments=self.instruments,
        )
        mean, states = self.mean or {}, self.past.states() if self.past else {}
        weights, moments = self.model.state_dict(), self.optimizer.moments()
        return Checkpoint(description, weights, moments, mean, states)

    def past_of(self, states: NamedTensors) -> Cache:
        """Copies of stored states.

        Raises:
            ValueError: they are not those of the model.
        """
        past = self.model.empty_cache(len(next(iter(states.values()))))
        require_tensors(states, past.states())
        past.load_states({n: one.clone().to(self.setup.device) for n, one in states.items()})
        return past

    def save(self, objects: ObjectStore, unfinished_task: str | None = None) -> str:
        """Store the member and return its sha256."""
        return objects.publish(encode(self.checkpoint(unfinished_task)))

    def change_activation(self, genome: Genome) -> None:
        """Begin the morph to another activation; weights and moments follow their neurons.

        A fusion that is not of the same kind begins with its first values, and the one that is
        left trains on as long as the morph lasts. The same genome changes nothing at all. End
        with `finish_morph`.
        """
        if genome == self.genome:
            return
        weights, moments = self.model.state_dict(), self.optimizer.moments()
        previous, self.genome, self.mean = self.genome, genome, None
        self.build(previous)
        if any(mixer.leaving is not None for mixer in self.model.mixers()):
            weights = leaving_fusion(weights)
            moments = {kind: leaving_fusion(named) for kind, named in moments.items()}
        kept = kept_neurons(weights, self.model.inner_width)
        fresh = silence_new_neurons(self.model.state_dict())
        self.model.load_state_dict(carry_over(weights, fresh, kept))
        self.optimizer.load(self.carried(moments, kept))

    def carried(self, moments: Moments, kept: Kept) -> Moments:
        """Moments of the previous structure in the shapes of this one, zero for new neurons."""
        weights = self.model.state_dict()
        return {
            kind: named
            if kind == "step"
            else carry_over(named, {name: torch.zeros_like(weights[name]) for name in named}, kept)
            for kind, named in moments.items()
        }

    def finish_morph(self) -> None:
        """Become exactly the new structure; parameters of the old one go with their moments."""
        if self.morphing:
            self.optimizer.drop(self.model.finish_morph())
            self.previous = None

    def move_mean(self, rate: float | None) -> None:
        """Take the weights into their running mean; None keeps no mean. A morph has none either."""
        keeps = rate is not None and not self.morphing
        self.mean = moved_mean(self.mean, self.model, rate or 0.0) if keeps else None

    def averaged(self) -> Checkpoint | None:
        """The running mean as a member without moments; None where none is kept."""
        if self.mean is None:
            return None
        description = self.checkpoint().description.model_copy(update={"instruments": None})
        return Checkpoint(description, self.mean)

    @property
    def morphing(self) -> bool:
        """A change of activation is under way."""
        return any(layer.morph is not None for layer in self.model.feed_forwards())

    def losses(self, batch: Batch, settings: StepSettings) -> Losses:
        """Objective and cross-entropy of the batch."""
        smoothing = self.setup.optimizer.label_smoothing
        with precision(self.setup):
            if batch.taught is None and not smoothing:
                return plain_loss(self.model, batch.inputs, batch.targets, batch.past)
            logits_BTV = self.model.logits(self.model.read(batch.inputs, batch.past))
        return losses(logits_BTV, batch.targets, smoothing, batch.taught, settings.teacher_weight)

    def with_free_energy(self, objective: Tensor, settings: StepSettings) -> Tensor:
        """The objective and `weight * T * H`, where that is asked for."""
        symbio = self.setup.symbio
        if symbio is None or not symbio.free_energy_weight:
            return objective
        temperature = TEMPERATURE_PER_RATE * self.setup.optimizer.lr * settings.learning_rate
        entropy = soft_weight_entropy(list(self.model.parameters()))
        return objective + symbio.free_energy_weight * temperature * entropy

    def train_step(
        self,
        batch: Batch,
        settings: StepSettings,
        look: Callable[[GPT], None] | None = None,
    ) -> StepOutcome:
        """One update; one that is not sound leaves no trace in weights or moments.

        `look` may read the gradients, and changes nothing.
        """
        cpu = self.setup.device == "cpu"  # torch.manual_seed formats a traceback per absent device
        (torch.default_generator.manual_seed if cpu else torch.manual_seed)(settings.dropout_seed)
        self.model.set_morph(settings.morph)
        objective, nats = self.losses(batch, settings)
        torch.autograd.backward(self.with_free_energy(objective, settings))
        gradients = self.optimizer.gradients()
        objective, nats = self.across.joined((objective, nats), gradients)
        if look is not None:
            look(self.model)
        norms = gradient_norms(gradients)
        clip_coef = min(1.0, settings.clip / (norms.total + 1e-6))
        sound = update_is_sound(float(objective), norms.total, self.setup.optimizer.spike_threshold)
        if sound:
            if clip_coef < 1:
                torch._foreach_mul_(list(gradients.values()), clip_coef)
            self.optimizer.step(settings.learning_rate)
        self.optimizer.zero_grad()
        if batch.past is not None:
            batch.past.detach()
        self.counters = self.counters.after(self.across.tokens(batch.inputs), skipped=not sound)
        return StepOutcome(float(nats), norms, clip_coef, skipped=not sound)


def precision(setup: WorkerSetup) -> AbstractContextManager[None]:
    """The context of every forward pass: bfloat16 where the setup asks for it."""
    return torch.autocast(setup.device, torch.bfloat16, enabled=setup.dtype == "bfloat16")
