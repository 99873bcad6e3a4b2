"""A training task on one member: its steps, its metrics rows and its result, without storage."""

import time
from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_

import torch

from state.partial import Progress
from state.records import StepMetrics
from state.results import TrainingResult
from state.seeds import derive_seed
from state.tasks import TrainingTask
from trainer.backbones.gpt import GPT
from trainer.backbones.names import MIXINGS, Component
from trainer.data import Dataset, Tokens
from trainer.flops import forward_flops_per_token, training_flops_per_step
from trainer.guards import finite_or_none, must_be_quarantined
from trainer.instruments.cusum import Chart
from trainer.instruments.cusum_panel import THROUGHPUT_DOWN
from trainer.instruments.on_member import Instruments
from trainer.lengths import cut, length_at
from trainer.lesson import Lesson
from trainer.member import Batch, Member, StepOutcome, StepSettings, precision
from trainer.schedule import morph_fraction, multiplier
from trainer.switch import switch, switch_sequences
from trainer.tracks import track_starts, windows_at

SHORTEST_STEP_SECONDS = 1e-9
"""A clock that stands still is no reason to divide by zero."""


class Chunk:
    """The steps of one training task; with `progress` those that are left of it.

    The member is then the one of the snapshot, in the middle of its morph if it was in one.
    """

    def __init__(
        self,
        task: TrainingTask,
        member: Member,
        dataset: Dataset,
        lesson: Lesson | None = None,
        progress: Progress | None = None,
        throughput: Chart | None = None,
    ) -> None:
        """`throughput` is the chart of the member's last task in this process."""
        self.task, self.member, self.dataset, self.lesson = task, member, dataset, lesson
        self.setup = member.setup
        self.rows: list[StepMetrics] = list(progress.rows) if progress else []
        self.instruments: Instruments | None = None
        if self.setup.symbio is not None:
            self.instruments = Instruments(self.setup, member.instruments, throughput)
        self.reader = self.instruments if task.watched else None
        self.switch_jump = progress.switch_jump if progress else None
        self.measured_genomes = progress.measured_genomes if progress else ()

    def run(self, after_step: Callable[["Chunk"], None] | None = None) -> None:
        """Change the activation and take every step; the member ends without a morph.

        `after_step` may look at everything and change nothing.
        """
        if not self.rows:
            self.change_activation()
        self.set_dropout()
        for index in range(len(self.rows), self.task.steps):
            self.rows.append(self.step(index))
            if after_step is not None:
                after_step(self)
        self.member.finish_morph()
        self.member.past = None

    def change_activation(self) -> None:
        """Begin the morph, if there is one, and measure what that did to the loss."""
        if self.task.genome == self.member.genome:
            return
        self.measured_genomes = (self.member.genome, self.task.genome)
        self.switch_jump = switch(self.member, self.task, self.batch(0))
        if self.instruments is not None:
            self.instruments.switched()
            self.member.instruments = self.instruments.state

    def set_dropout(self) -> None:
        """As the task asks, else as configured."""
        dropout = self.task.dropout
        self.member.model.set_dropout(self.setup.model.dropout if dropout is None else dropout)

    def step(self, index: int) -> StepMetrics:
        """One step and its row."""
        started = time.perf_counter()
        settings = self.settings(index)
        if settings.morph == 1:
            self.member.finish_morph()
        batch, look = self.taught(self.batch(index), index), self.look_of(index)
        given = self.with_past(self.shortened(batch, index))
        outcome = self.member.train_step(given, settings, look)
        self.member.move_mean(self.task.mean_rate)
        row = self.row(index, batch, outcome, time.perf_counter() - started)
        return row if self.reader is None else self.read(index, batch, row, self.reader)

    def settings(self, index: int) -> StepSettings:
        """What the task asks of step `index`."""
        task, step = self.task, self.task.first_step + index
        key, scale = task.batches, task.lr_scale
        if self.instruments is not None:
            scale *= self.instruments.rate_scale
        names = ("dropout", key.purpose, key.lineage, key.generation, step)
        return StepSettings(
            learning_rate=scale * multiplier(task.learning_rate, index, task.steps),
            clip=task.clip_scale * self.setup.optimizer.grad_clip,
            morph=morph_fraction(index, task.morph_steps),
            dropout_seed=derive_seed(key.seed, *names),
            teacher_weight=task.teacher_weight,
        )

    def batch(self, index: int) -> Batch:
        """The batch of step `index`, on the model's device."""
        inputs, targets = windows_at(self.dataset, self.starts(index), self.setup.model.block)
        device = self.setup.device
        return Batch(torch.from_numpy(inputs).to(device), torch.from_numpy(targets).to(device))

    def starts(self, index: int) -> Tokens:
        """Where the windows of step `index` begin in the train split, [B]."""
        task, block = self.task, self.setup.model.block
        key, first, step = task.batches, task.first_step, task.first_step + index
        if self.setup.model.stateful:
            return track_starts(self.dataset, key, first, step, self.windows, block)
        return self.dataset.starts(key, step, self.windows, block)

    def with_past(self, batch: Batch) -> Batch:
        """With the states that the last step left; a batch of another size begins anew, as does one
        after a step that was skipped for what it computed.
        """
        if not self.setup.model.stateful:
            return batch
        member, size = self.member, len(batch.inputs)
        if member.past is not None:
            tensors = member.past.states().values()
            if any(len(one) != size or not bool(one.isfinite().all()) for one in tensors):
                member.past = None
        if member.past is None:
            member.past = member.model.empty_cache(size)
        return batch._replace(past=member.past)

    def taught(self, batch: Batch, index: int) -> Batch:
        """With what the teachers say of it, if there are any."""
        if self.lesson is None:
            return batch
        with precision(self.setup):
            return batch._replace(taught=self.lesson(batch.inputs, self.starts(index)))

    def shortened(self, batch: Batch, index: int) -> Batch:
        """Cut to the length of that step's age."""
        age, optimizer = self.task.learning_rate.age_steps + index, self.setup.optimizer
        return cut(batch, length_at(optimizer, batch.inputs.shape[1], age))

    @property
    def windows(self) -> int:
        """Sequences of the next batch."""
        return self.setup.optimizer.batch if self.reader is None else self.reader.batch

    def row(self, index: int, batch: Batch, outcome: StepOutcome, seconds: float) -> StepMetrics:
        """The metrics of one step; what is not finite is absent."""
        clip_coef = None if outcome.skipped else outcome.clip_coef
        norms = outcome.norms
        return StepMetrics(
            phase=self.task.phase,
            generation=self.task.generation,
            member_id=self.task.second_half_of or self.task.task_id,
            step=self.task.first_step + index,
            loss=finite_or_none(outcome.loss),
            learning_rate=self.setup.optimizer.lr * self.settings(index).learning_rate,
            grad_norm=finite_or_none(norms.total),
            grad_norm_embedding=finite_or_none(norms.embedding),
            grad_norm_attention=finite_or_none(norms.attention),
            grad_norm_feed_forward=finite_or_none(norms.feed_forward),
            grad_norm_rwkv6=self.component_norm("rwkv6", norms.rwkv6),
            grad_norm_mamba2=self.component_norm("mamba2", norms.mamba2),
            clip_coef=clip_coef,
            clip_pct=None if clip_coef is None else 100 * (1 - clip_coef),
            skipped=outcome.skipped,
            tokens_per_sec=batch.inputs.numel() / max(seconds, SHORTEST_STEP_SECONDS),
            ms_per_step=1000 * seconds,
        )

    def component_norm(self, name: Component, norm: float) -> float | None:
        """None where the backbone has no such component, or the norm is not finite."""
        has = name in MIXINGS[self.setup.model.backbone].components
        return finite_or_none(norm) if has else None

    def look_of(self, index: int) -> Callable[[GPT], None] | None:
        """What reads the gradients of step `index`."""
        reader = self.reader
        due = reader is not None and self.is_sparse(index, reader)
        return reader.look_at_gradients if reader and due else None

    def is_sparse(self, index: int, instruments: Instruments) -> bool:
        """The measures that cost time are taken: at their interval, and at the end."""
        last = index == self.task.steps - 1
        return last or instruments.is_due(self.task.first_step + index)

    def read(
        self, index: int, batch: Batch, row: StepMetrics, instruments: Instruments
    ) -> StepMetrics:
        """The row with what the instruments read; the member keeps their state."""
        sparse = self.member.model if self.is_sparse(index, instruments) else None
        search_loss = self.task.search_loss if index == 0 else None
        read = instruments.read(row, search_loss, batch.inputs, sparse)
        self.member.instruments = instruments.state
        return read

    @property
    def num_tokens(self) -> int:
        """Tokens of every step so far."""
        windows = (row.adaptive_batch_size or self.setup.optimizer.batch for row in self.rows)
        return sum(windows) * self.setup.model.block

    @property
    def throughput(self) -> Chart | None:
        """The chart that follows from the clock."""
        return self.instruments.charts.throughput if self.instruments else None

    @property
    def num_skipped(self) -> int:
        """Steps whose update was refused."""
        return sum(row.skipped for row in self.rows)

    @property
    def quarantined(self) -> bool:
        """Too many updates were refused for the result to mean anything."""
        return must_be_quarantined(self.num_skipped, len(self.rows))

    def result(self) -> TrainingResult:
        """What training alone can say; storage, evaluations and times are the executor's."""
        tokens, is_second_half = self.num_tokens, self.task.second_half_of is not None
        return TrainingResult(
            task_id=self.task.task_id,
            status="quarantined" if self.quarantined else "trained",
            steps=len(self.rows),
            skipped_steps=self.num_skipped,
            tokens=tokens,
            training_flops=self.training_flops(tokens),
            train_loss=mean_loss(self.rows, of_all=is_second_half),
            switch_jump=self.switch_jump,
            alarms=alarms_of(self.rows),
        )

    @property
    def num_table_tokens(self) -> int:
        """Tokens that teachers read for their table, where this task pays for it."""
        return self.dataset.manifest.splits["train"].tokens if self.task.reads_table else 0

    def training_flops(self, tokens: int) -> float:
        """Steps, what teachers read, and the two passes that measured the switch."""
        config, task = self.setup.model, self.task
        flops = training_flops_per_step(config, task.genome, tokens)
        taught = sum(forward_flops_per_token(config, one.genome) for one in task.teachers)
        flops += taught * (tokens if task.teaching == "live" else self.num_table_tokens)
        for genome in self.measured_genomes:
            tokens = switch_sequences(self.setup) * config.block
            flops += forward_flops_per_token(config, genome) * tokens
        return flops


def mean_loss(rows: Sequence[StepMetrics], *, of_all: bool = False) -> float | None:
    """Mean loss over the last half of the steps that were not skipped, or over all of them; None
    without any.
    """
    taken = [row.loss for row in rows if not row.skipped and row.loss is not None]
    last = taken if of_all else taken[len(taken) // 2 :]
    return sum(last) / len(last) if last else None


def alarms_of(rows: Sequence[StepMetrics]) -> int:
    """Bits of the charts that alarmed; not of the throughput, which follows from the clock."""
    return reduce(or_, (row.cusum_alerts or 0 for row in rows), 0) & ~THROUGHPUT_DOWN
