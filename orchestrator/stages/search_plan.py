"""Planning one generation of a search phase: who trains, from what, and at what cost."""

from orchestrator import ledger as books
from orchestrator.config import RunConfig
from orchestrator.evolution.draw import Draw, draw_challengers, migration_weights
from orchestrator.phases import generation_cost
from orchestrator.run_state import LineageState, OpenWork, Proposal, RunState
from orchestrator.schedule import warmup_steps
from orchestrator.stages.conclusion import phase_of
from orchestrator.stages.current import current_phase
from orchestrator.stages.halving import first_steps, is_halved, saved_steps
from orchestrator.stages.training import Stint, lineage_task
from state.base import Record
from state.records import Genome
from state.seeds import generator
from state.tasks import TrainingTask

PAIRS_AT_ONCE = 2
"""Most replicate pairs of a lineage in one generation."""


class Places(Record):
    """How many challengers and replicate pairs each lineage gets, by lineage index."""

    challengers: dict[int, int]
    pairs: dict[int, int]

    @property
    def rivals(self) -> dict[int, int]:
        """Challengers without a replicate, which may meet at a rung."""
        return {one: count - self.pairs.get(one, 0) for one, count in self.challengers.items()}

    @property
    def num_challengers(self) -> int:
        """Challengers of the whole generation."""
        return sum(self.challengers.values())

    @property
    def confirmations(self) -> int:
        """Lineages that may need a second run."""
        return sum(1 for count in self.challengers.values() if count)


def alive(state: RunState) -> tuple[LineageState, ...]:
    """The lineages that were not pruned."""
    return tuple(lineage for lineage in state.lineages if lineage.alive)


def places(state: RunState, config: RunConfig) -> Places:
    """Spread the challengers evenly over the lineages that are past half their warm-up.

    A younger model ranks activations by how fast they start, not by how well they end. What does
    not divide evenly rotates with the generation number. Replicate pairs go where challengers
    are, until the phase has as many as it was fitted with.
    """
    ongoing = phase_of(state)
    mature = [
        lineage.index
        for lineage in alive(state)
        if lineage.checkpoint and lineage.age_steps >= warmup_steps(config) // 2
    ]
    fit = ongoing.fit
    if fit is None or fit.null_pairs == 0 or not mature:
        return Places(challengers={}, pairs={})
    wanted = max(0, ongoing.settings.population - len(alive(state)))
    challengers = _spread(wanted, mature, state.generation)
    owed = max(0, fit.null_pairs - len(ongoing.replicate_differences))
    spread = _spread(
        min(owed, PAIRS_AT_ONCE * len(challengers)), list(challengers), state.generation
    )
    pairs = {index: min(count, challengers[index]) for index, count in spread.items()}
    return Places(challengers=challengers, pairs=pairs)


def next_cost(state: RunState, config: RunConfig) -> int:
    """Most steps that the next generation can take."""
    seats, settings = places(state, config), phase_of(state).settings
    return generation_cost(
        population=len(alive(state)) + seats.num_challengers,
        steps=settings.steps_per_candidate,
        pairs=sum(seats.pairs.values()),
        confirmations=seats.confirmations,
    )


def plan_generation(state: RunState, config: RunConfig) -> RunState:
    """Reserve and list the tasks of the next generation."""
    left = books.remaining(state.ledger, current_phase(state, config))
    cost = next_cost(state, config)
    if phase_of(state).closing or cost > left:
        work = _remainder(state, config, left)
    else:
        work = _contest(state, config, cost)
    ledger = books.reserve(state.ledger, current_phase(state, config), work.reserved)
    return state.model_copy(update={"work": work, "ledger": ledger})


def _spread(count: int, lineages: list[int], generation: int) -> dict[int, int]:
    if not lineages:
        return {}
    shares = dict.fromkeys(lineages, count // len(lineages))
    for offset in range(count % len(lineages)):
        shares[lineages[(generation + offset) % len(lineages)]] += 1
    return {lineage: share for lineage, share in shares.items() if share}


def _remainder(state: RunState, config: RunConfig, left: int) -> OpenWork:
    """What is too little for a generation trains the champions, evenly and in turn."""
    lineages = alive(state)
    most = phase_of(state).settings.steps_per_candidate
    total = min(left, most * len(lineages))
    tasks = []
    shares = _spread(total, [lineage.index for lineage in lineages], state.generation)
    for lineage in lineages:
        if lineage.index in shares:
            tasks.append(_champion(state, config, lineage, shares[lineage.index], total))
    return OpenWork(tasks=tuple(tasks), reserved=total)


def _contest(state: RunState, config: RunConfig, cost: int) -> OpenWork:
    seats, steps = places(state, config), phase_of(state).settings.steps_per_candidate
    expected = cost - 2 * steps * seats.confirmations
    expected -= saved_steps(config.evolution, steps, seats.rivals.values())
    tasks: list[TrainingTask] = []
    proposals: list[Proposal] = []
    draws = redrawn = 0
    known = list(state.known)
    for lineage in alive(state):
        tasks.append(_champion(state, config, lineage, steps, expected))
        draw = _draw(state, config, lineage, seats.challengers.get(lineage.index, 0), known)
        draws, redrawn = draws + draw.draws, redrawn + draw.known_redrawn
        genomes = [one.genome for one in draw.challengers]
        rivals = len(genomes) - seats.pairs.get(lineage.index, 0)
        stints = _challengers(genomes, steps, halved=is_halved(config.evolution, steps, rivals))
        for one, stint in zip(draw.challengers, stints, strict=True):
            task = lineage_task(state, config, lineage, stint, expected)
            tasks.append(task)
            proposals.append(
                Proposal(task_id=task.task_id, operator=one.operator, parents=one.parents)
            )
            known.append(one.genome)
        again = _replicates(stints[: seats.pairs.get(lineage.index, 0)])
        tasks += [lineage_task(state, config, lineage, stint, expected) for stint in again]
    return OpenWork(
        tasks=tuple(tasks),
        proposals=tuple(proposals),
        reserved=cost,
        draws=draws,
        known_redrawn=redrawn,
    )


def _challengers(genomes: list[Genome], steps: int, *, halved: bool) -> list[Stint]:
    """Those that meet at a rung must have their activation by then."""
    within = first_steps(steps) if halved else None
    return [
        Stint(f"c{number:02d}", "challenger", steps, "train", genome=genome, morph_within=within)
        for number, genome in enumerate(genomes, start=1)
    ]


def _champion(
    state: RunState, config: RunConfig, lineage: LineageState, steps: int, cost: int
) -> TrainingTask:
    stint = Stint("champion", "champion", steps, "train")
    return lineage_task(state, config, lineage, stint, cost)


def _replicates(challengers: list[Stint]) -> list[Stint]:
    """Each of these and its champion once more, a pair on a batch order of its own."""
    stints = []
    for number, one in enumerate(challengers, start=1):
        order = f"null {number}"
        stints.append(Stint(f"null{number}", "null", one.steps, order, save=False))
        name = f"again{number}"
        stints.append(one._replace(name=name, role="replicate", purpose=order, save=False))
    return stints


def _draw(
    state: RunState,
    config: RunConfig,
    lineage: LineageState,
    count: int,
    known: list[Genome],
) -> Draw:
    lineages = alive(state)
    position = [one.index for one in lineages].index(lineage.index)
    angles = state.oscillators.phases if state.oscillators else (0.0,) * len(lineages)
    migration = migration_weights(angles, position)
    senders = [index for index in range(len(lineages)) if index != position]
    senders = senders if config.evolution.parts.migration else []
    return draw_challengers(
        lineage,
        [lineages[index] for index in senders],
        [migration[index] for index in senders],
        count,
        known=known,
        settings=phase_of(state).settings,
        config=config.evolution,
        rng=generator(config.seed, "draw", lineage.index, state.generation),
        seed=config.seed,
        tallies=state.operators,
        tuned=state.tuned,
    )
