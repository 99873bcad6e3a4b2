"""The configuration of `symbio-auto train`: one model without evolution. Imports no torch."""

from pydantic import Field, field_validator, model_validator

from state.base import Record
from trainer.instruments.config import SymbioConfig


class ChallengeConfig(Record):
    """Windows in which the model meets other activations; none unless they are asked for."""

    interval: int | None = Field(default=None, ge=1)
    """Steps of the model's age between two windows; None opens none for its age."""
    on_alarm: bool = False
    """Open one after a chunk in which a chart alarmed."""
    steps: int = Field(default=500, ge=2)
    """Of a whole window, spread evenly over the model and its challengers."""
    challengers: int = Field(default=4, ge=1, le=64)
    threshold: float = Field(default=0.02, ge=0, lt=1)
    """How much lower, relatively, a challenger's bits per byte must be to take the place."""

    @property
    def steps_each(self) -> int:
        """Steps of each of those who take part."""
        return self.steps // (1 + self.challengers)

    def require_room(self, budget: int) -> None:
        """Refuse an interval at which no window would ever open.

        Raises:
            ValueError: the first window comes too late.
        """
        if self.interval is None:
            return
        needed = self.interval + 2 * self.steps
        if needed > budget:
            raise ValueError(
                f"--challenge-interval {self.interval} opens no window in {budget} steps: "
                f"it takes {self.steps} and must leave as many; "
                f"give --iters {needed} or more, or a smaller --challenge-steps"
            )

    @model_validator(mode="after")
    def _everyone_trains(self) -> "ChallengeConfig":
        if self.steps_each < 1:
            raise ValueError(
                f"challenge.steps {self.steps} leave none to some of the model and its "
                f"{self.challengers} challengers; give {1 + self.challengers} or more"
            )
        return self


class TrainConfig(Record):
    """`symbio-auto train`: one model without evolution. Its steps are the run's budget."""

    activation: str = "gelu"
    """A name such as swiglu, or a formula."""
    ffn_dim: int | None = Field(default=None, ge=2, le=65536)
    """Inner width of the feed-forward as it is built, gated or not; None: as the size says."""
    eval_interval: int | None = Field(default=None, ge=1)
    """Steps between evaluations; None takes 200, less on small budgets."""
    sample_interval: int | None = Field(default=None, ge=0)
    """Steps between samples; None takes 300, less on small budgets; 0 writes none."""
    init_from: str | None = None
    """Run, checkpoint or exported model that the weights and the tokenizer are taken from."""
    init_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """The checkpoint that was made of it, in the run's own folder."""
    symbio: SymbioConfig | None = None
    """What is measured while it trains; None measures nothing."""
    challenge: ChallengeConfig = ChallengeConfig()
    adapt_to_throughput: bool = False
    """Let a fall in tokens per second change the batch. Two runs then differ in their bits."""

    @property
    def reads_the_clock(self) -> bool:
        """The speed of the machine may change the batch: asked for, or as the original did it."""
        symbio = self.symbio
        if symbio is None or not symbio.adaptive_batch:
            return False
        return self.adapt_to_throughput or symbio.chart == "original"

    @field_validator("activation")
    @classmethod
    def _activation_is_one(cls, text: str) -> str:
        from state.genome import parse

        parse(text)
        return text

    @field_validator("symbio", mode="before")
    @classmethod
    def _switched(cls, value: object) -> object:
        if isinstance(value, bool):
            return SymbioConfig() if value else None
        return value

    @model_validator(mode="after")
    def _alarms_can_be_heard(self) -> "TrainConfig":
        if self.challenge.on_alarm and self.symbio is None:
            raise ValueError("challenge.on_alarm listens to the charts of --symbio; add --symbio")
        return self
