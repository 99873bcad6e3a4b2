"""What the detectors look at."""

from state.base import Record
from state.records import Role

History = tuple[tuple[int, float, float | None], ...]
"""(number, search bits per byte, training loss in nats) of one model, oldest first."""


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
    num_distinct: int = 0
    population: int = 0
    best_history: tuple[float, ...] = ()
    """Best search bits per byte of the run after each generation of the phase."""
    steps_history: tuple[int, ...] = ()
    """Member-steps of the phase that were spent after each of those generations."""
    allotted: int = 0
    host_history: History = ()
    """Chunks of a single host, numbered by its age."""
    lineage_histories: tuple[tuple[int, History], ...] = ()
    """(lineage, its generations of this phase) of each living lineage."""
    noise_sigma: float | None = None
    """Standard deviation of a null difference in bits per byte."""
    locked: bool = False
    """The lineages' oscillators are locked."""
    distance_history: tuple[float, ...] = ()
    accepted_history: tuple[int, ...] = ()
    """Genomes accepted in each generation of the phase."""
    draw_history: tuple[tuple[int, int], ...] = ()
    """(draws of something new, draws of what is known) of each generation that drew challengers."""
    complex_history: tuple[tuple[float, float], ...] = ()
    """(gain in training loss, in search loss) in nats of each challenger with a large graph."""
    transfer_history: tuple[tuple[int, int], ...] = ()
    """(challengers whose loss jumped at the switch, those of them that did not win it back)."""
    entropy_history: tuple[float, ...] = ()
    """Mean weight entropy of the lineages' running means after each generation, in nats."""
