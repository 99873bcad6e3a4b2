"""The steps of a task with this process's part of every batch."""

from state.partial import Progress
from state.records import StepMetrics
from state.seeds import derive_seed
from state.tasks import TrainingTask
from trainer.across import Across
from trainer.data import Dataset, Tokens
from trainer.instruments.cusum import Chart
from trainer.lesson import Lesson
from trainer.member import Batch, Member, StepOutcome, StepSettings
from trainer.training import Chunk


class RankChunk(Chunk):
    """Every process draws the whole batch's windows and reads those of its rank."""

    def __init__(
        self,
        across: Across,
        task: TrainingTask,
        member: Member,
        dataset: Dataset,
        lesson: Lesson | None = None,
        progress: Progress | None = None,
        throughput: Chart | None = None,
    ) -> None:
        super().__init__(task, member, dataset, lesson, progress, throughput)
        self.across = member.across = across

    def starts(self, index: int) -> Tokens:
        """Where the windows of this rank begin."""
        each = self.windows // self.across.size
        return super().starts(index)[each * self.across.rank :][:each]

    def settings(self, index: int) -> StepSettings:
        """Masks of dropout are each rank's own: equal ones would drop the same units everywhere."""
        settings = super().settings(index)
        if not self.across.rank:
            return settings
        seed = derive_seed(settings.dropout_seed, "rank", self.across.rank)
        return settings._replace(dropout_seed=seed)

    def row(self, index: int, batch: Batch, outcome: StepOutcome, seconds: float) -> StepMetrics:
        """The metrics of the step of all ranks."""
        own = super().row(index, batch, outcome, seconds)
        return own.model_copy(update={"tokens_per_sec": self.across.size * own.tokens_per_sec})
