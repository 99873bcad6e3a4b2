"""A change of the activation, and what it does to the loss at once."""

from state.tasks import TrainingTask
from trainer.config import WorkerSetup
from trainer.evaluation import evaluation_mode
from trainer.guards import finite_or_none
from trainer.losses import losses
from trainer.member import Batch, Member, precision
from trainer.schedule import morph_fraction

SWITCH_TOKENS = 256
"""On which a switch is measured: two forward passes of a whole batch would take half as long as a
step.
"""


def switch_sequences(setup: WorkerSetup) -> int:
    """How many of a batch a switch is measured on, before and after."""
    return min(setup.optimizer.batch, max(1, SWITCH_TOKENS // setup.model.block))


def switch(member: Member, task: TrainingTask, batch: Batch) -> float | None:
    """Begin the morph to the task's genome; nats per token by which the loss on the first sequences
    of the batch rose, None where that is not finite.
    """
    before = _loss(member, batch)
    member.change_activation(task.genome)
    member.model.set_morph(morph_fraction(0, task.morph_steps))
    return finite_or_none(_loss(member, batch) - before)


def _loss(member: Member, batch: Batch) -> float:
    """Nats per token as the member stands, without dropout."""
    rows = switch_sequences(member.setup)
    with evaluation_mode([member.model]), precision(member.setup):
        logits = member.model(batch.inputs[:rows])
        return float(losses(logits, batch.targets[:rows]).nats)
