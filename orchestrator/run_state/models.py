"""What is remembered of each model: lineages, the host, copies kept for later."""

from state.base import Record
from state.records import BatteryReport, Evaluation, Genome, PhaseName
from state.tasks import Teaching


class LineageState(Record):
    """One island: its champion, the champion's weights and how far they have come."""

    index: int
    genome: Genome
    checkpoint: str | None = None
    """None until it has trained; then built anew from `init_seed`."""
    init_seed: int
    age_steps: int = 0
    alive: bool = True
    evaluation: Evaluation | None = None
    train_loss: float | None = None
    consensus: str | None = None
    """sha256 of the running mean of its weights, where fusion is on."""
    bits_history: tuple[float, ...] = ()
    """Search bits per byte after each generation of the current phase."""
    train_history: tuple[float | None, ...] = ()
    """Training loss of the same generations, in nats per token."""
    parents: tuple[str, ...] = ()
    accepted: int = 0


class Dormant(Record):
    """A champion kept for later."""

    genome: Genome
    checkpoint: str
    evaluation: Evaluation
    lineage: int
    phase: PhaseName
    generation: int
    age_steps: int
    parents: tuple[str, ...] = ()
    trained: str | None = None
    """Checkpoint to train on from, where `checkpoint` is a mean of weights; None: that itself."""
    battery: BatteryReport | None = None
    """What it could do when it was kept, without the samples."""


class HostState(Record):
    """The single model of the last phases, or a control arm."""

    name: str
    genome: Genome
    checkpoint: str | None
    init_seed: int
    age_steps: int
    done_steps: int = 0
    """Steps of this stretch, from which the schedule is read."""
    decay_from: float
    lineage: int
    teachers: tuple[int, ...] = ()
    """Lineages whose mean distribution is distilled."""
    teacher_weight: float = 0.0
    teaching: Teaching = "live"
    table_read: bool = False
    """The table is paid for; false where they teach live."""
    best: Dormant | None = None
    before_decay: str | None = None
    """Checkpoint from which an extended run goes on."""
    before_decay_age: int = 0
    failures: int = 0
    """Chunks that diverged."""
    lost: int = 0
    """Chunks in a row that were lost with their worker or for want of memory."""
    history: tuple[tuple[int, float, float | None], ...] = ()
    """(age, search bits per byte, train loss) after each chunk."""
    last: Evaluation | None = None
    """The newest evaluation of a model that trains alone, the best one or not."""
    challenged_age: int = 0
    """Its age when it last met challengers."""
    alarms: int = 0
    """Bits of the charts that alarmed since then."""
