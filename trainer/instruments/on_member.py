"""All instruments on one member: they look at each step and say how large the next batch is.

What they leave in the member's checkpoint follows from the bits of the run. The throughput chart
follows from the clock: whoever trains the member further in the same process passes it on.
"""

from torch import Tensor

from state.records import StepMetrics
from trainer.backbones.gpt import GPT
from trainer.config import WorkerSetup
from trainer.instruments.adaptive_batch import adapt_batch
from trainer.instruments.cusum import Chart
from trainer.instruments.cusum_panel import Observation, Panel, Signals
from trainer.instruments.effective_rank import mean_effective_rank
from trainer.instruments.free_energy import free_energy
from trainer.instruments.instrument_state import InstrumentState
from trainer.instruments.mutual_information import mean_information
from trainer.instruments.thermostat import Thermostat
from trainer.instruments.weight_entropy import weight_entropy


class Instruments:
    """The instruments of one member while it trains."""

    def __init__(
        self, setup: WorkerSetup, state: InstrumentState | None, throughput: Chart | None = None
    ) -> None:
        """`state` is what a checkpoint holds; None begins."""
        assert setup.symbio is not None
        self.config, self.setup = setup.symbio, setup
        self.panel = Panel.of(self.config)
        self.charts = self.panel.start(state.charts if state else None)
        if throughput is not None:
            self.charts = self.charts.model_copy(update={"throughput": throughput})
        self.batch = state.batch if state else setup.optimizer.batch
        self.calm_steps = state.calm_steps if state else 0
        self.thermostat = state.thermostat if state else None
        if self.thermostat is None and self.config.temperature_control:
            self.thermostat = Thermostat()
        self._rank: float | None = None

    @property
    def state(self) -> InstrumentState:
        """For the checkpoint."""
        return InstrumentState(
            charts=self.charts.charts,
            batch=self.batch,
            calm_steps=self.calm_steps,
            thermostat=self.thermostat,
        )

    @property
    def rate_scale(self) -> float:
        """Multiplier of the next step's learning rate."""
        return self.thermostat.scale if self.thermostat else 1.0

    def is_due(self, step: int) -> bool:
        """Whether the sparse measures are taken at this step of the member's own count."""
        return step % self.config.metrics_interval == 0

    def look_at_gradients(self, model: GPT) -> None:
        """Between backward and update, at the steps that are due."""
        if self.config.track_effective_rank:
            self._rank = mean_effective_rank(model)

    def switched(self) -> None:
        """The member has another activation."""
        self.charts = self.panel.after_switch(self.charts)

    def read(
        self, row: StepMetrics, search_loss: float | None, inputs_BT: Tensor, model: GPT | None
    ) -> StepMetrics:
        """The step's row with what every instrument reads; the next step's batch is settled.

        `model` is given where the sparse measures are due, with the step's tokens.
        """
        observation = self.panel.observe(self.charts, _signals(row, search_loss))
        self.charts = observation.state
        read = {**observation.readings._asdict(), "adaptive_batch_size": self.batch}
        if model is not None:
            read |= self._sparse(row, inputs_BT, model)
        self.thermostat = self._felt(row, model)
        return row.model_copy(update={**read, "batch_change_reason": self._answer(observation)})

    def _felt(self, row: StepMetrics, model: GPT | None) -> Thermostat | None:
        """The thermostat after the step. The end of a task is no interval of it."""
        if self.thermostat is None:
            return None
        felt = self.thermostat.after_step(row.loss)
        if model is None or not self.is_due(row.step):
            return felt
        return felt.after_interval(weight_entropy(model), row.learning_rate / felt.scale)

    def _answer(self, observation: Observation) -> str | None:
        """Settle the next batch; why it is another one, None where it is not."""
        decision = adapt_batch(
            observation.alerts,
            self.batch,
            self.setup.optimizer.batch,
            self.calm_steps,
            self.config,
            adapt_to_throughput=self.setup.adapt_to_throughput,
        )
        if decision.size != self.batch:
            self.charts = self.panel.after_batch_change(self.charts)
        self.batch, self.calm_steps = decision.size, decision.calm_steps
        return decision.reason

    def _sparse(self, row: StepMetrics, inputs_BT: Tensor, model: GPT) -> dict[str, float | None]:
        config, rank = self.config, self._rank
        self._rank = entropy = energy = information = None
        if config.track_weight_entropy or config.track_free_energy:
            entropy = weight_entropy(model)
        if config.track_free_energy:
            energy = free_energy(row.loss, entropy, row.learning_rate)
        if config.track_mi_profiles:
            information = mean_information(model, inputs_BT)
        return {
            "weight_entropy": entropy if config.track_weight_entropy else None,
            "effective_rank": rank,
            "free_energy": energy,
            "mi_input_output": information,
        }


def _signals(row: StepMetrics, search_loss: float | None) -> Signals:
    """What the charts see; a step that was refused brings no gradient."""
    return Signals(
        grad_norm=None if row.skipped else row.grad_norm,
        clip_pct=row.clip_pct,
        tokens_per_sec=row.tokens_per_sec,
        val_loss=search_loss,
    )
