"""The open work of a generation, and what the search remembers of earlier ones."""

from pydantic import Field

from state.base import Record
from state.results import TaskResult
from state.tasks import TrainingTask


class Proposal(Record):
    """Where a member of the open generation came from."""

    task_id: str
    operator: str
    parents: tuple[str, ...]


class OpenWork(Record):
    """Work that has been reserved; results of its tasks arrive in any order."""

    tasks: tuple[TrainingTask, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    reserved: int = 0
    draws: int = 0
    """Genomes that were drawn to choose the challengers from, known ones included."""
    known_redrawn: int = 0
    results: tuple[TaskResult, ...] = ()


class Counts(Record):
    """Tallies of the population."""

    evaluated: int = 0
    """Challengers."""
    known_redrawn: int = 0
    accepted: int = 0
    null_evaluated: int = 0
    null_accepted: int = 0
    """Null twins better than their champion by more than null pairs differ."""
    quarantined: int = 0


class OperatorTally(Record):
    """What became of the challengers that one operator made."""

    operator: str
    tried: float = Field(default=0.0, ge=0)
    """Challengers, older ones counting less."""
    gained: float = Field(default=0.0, ge=0)
    """Those of them that were better than their champion, beyond the noise's sigma."""


class TunedConstants(Record):
    """A set of constants that was tried in one skeleton."""

    skeleton: str
    constants: tuple[float, ...] = Field(min_length=1)
    gain: float
    """In sigmas of the noise, over the champion that had this skeleton first."""
    task_id: str
