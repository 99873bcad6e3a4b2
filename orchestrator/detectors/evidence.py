"""What the detectors look at."""

from state.base import Record
from state.records import Role


class MemberEvidence(Record):
    """One member of the generation that just ended."""

    member_id: str
    lineage: int
    role: Role
    train_loss: float | None
    """Nats per token over the last half of its steps."""
    search_loss: float | None
    """Nats per token over the search split."""
    steps: int
    skipped_steps: int


class Evidence(Record):
    """The generation that just ended, and the phase so far."""

    members: tuple[MemberEvidence, ...] = ()
    distance: float | None = None
    """Mean functional distance of the generation's genomes; None without challengers."""
    start_distance: float | None = None
    num_distinct: int = 0
    population: int = 0
    best_history: tuple[float, ...] = ()
    """Best search bits per byte of the run after each generation of the phase."""
    steps_history: tuple[int, ...] = ()
    """Member-steps of the phase that were spent after each of those generations."""
    allotted: int = 0
    host_history: tuple[tuple[int, float, float | None], ...] = ()
    """(age, search bits per byte, train loss) after each chunk of a single host."""
