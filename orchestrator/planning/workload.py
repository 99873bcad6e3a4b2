"""What a phase asks of the machine: steps, looks at held-out text, batteries, one after another.

Tasks of one thread run side by side, as many as there are slots; what counts of them is the
longest row of tasks that wait for one another.
"""

from collections.abc import Sequence
from math import ceil

from orchestrator.config import RunConfig
from orchestrator.intervals import eval_steps, sample_steps
from orchestrator.phases import RUNS_A_PAIR, phases_of
from orchestrator.planning.outline import PlannedPhase
from orchestrator.stages.host_task import MEASURE_MEAN_FROM
from orchestrator.stages.reference import MAX_TWINS, TWIN_SHARE
from orchestrator.stages.search_plan import PAIRS_AT_ONCE
from state.base import Record

MEANS_BESIDE = 1.2
"""Bytes of a host's checkpoints and of the running means beside some of them, in checkpoints."""


class Workload(Record):
    """Of one phase, or of what follows the last one."""

    name: str
    single_steps: int = 0
    """Of one model with all threads of a host."""
    single_tasks: int = 0
    single_looks: float = 0
    """Evaluations of the search split with those threads."""
    test_looks: int = 0
    """Evaluations of the test split, likewise."""
    member_steps: int = 0
    """Of members with one thread, along the longest row."""
    member_tasks: int = 0
    """Of that row; each ends with a look at the search split."""
    batteries: int = 0
    """Rows of short ones: each prompt at one temperature."""
    whole_batteries: int = 0
    commits: int = 0
    checkpoints: int = 0
    """That stay on disk while there is room."""
    at_once: int = 1
    """Checkpoints of an open generation."""


def workloads(config: RunConfig, phases: Sequence[PlannedPhase], slots: int) -> list[Workload]:
    """Of every phase, in order."""
    found = []
    for line, phase in zip(phases, phases_of(config), strict=True):
        match phase.kind:
            case "reference":
                found.append(_reference(config, line, phases[1], slots))
            case "search":
                found.append(_search(config, line, slots))
            case "host":
                found.append(_host(config, line.phase, line.likely_steps))
            case "single":
                found.append(_single(config))
    return found


def control_workload(config: RunConfig, name: str) -> Workload:
    """Of one baseline: the whole budget in one model."""
    steps = config.budget
    chunk = max(1, min(config.host.eval_interval, ceil(steps / 16)))
    chunks = ceil(steps / chunk)
    return Workload(
        name=f"control {name}",
        single_steps=steps,
        single_tasks=chunks,
        single_looks=_looks(config, chunks),
        test_looks=1,
        commits=chunks,
        checkpoints=chunks,
    )


def closing_workload(config: RunConfig) -> Workload:
    """The winner and an untrained model on the test split, and the whole battery."""
    phases = config.mode == "phases"
    return Workload(
        name="closing",
        single_looks=1,
        test_looks=2 if config.data.has_test else 0,
        whole_batteries=1 if phases else 0,
        commits=1,
    )


def _reference(
    config: RunConfig, line: PlannedPhase, following: PlannedPhase, slots: int
) -> Workload:
    """A stretch with all threads, then the last steps beside their twins."""
    steps, each = line.likely_steps, following.steps_per_candidate or 1
    twins = min(MAX_TWINS, max(1, int(TWIN_SHARE * steps / each)))
    if (1 + twins) * each >= steps or not following.null_pairs:
        twins = each = 0
    lead = steps - (1 + twins) * each
    stretches = ceil(lead / config.host.eval_interval)
    rows = ceil((1 + twins) / slots) if each else 0
    return Workload(
        name=line.phase,
        single_steps=lead,
        single_tasks=stretches,
        single_looks=stretches,
        member_steps=rows * each,
        member_tasks=rows,
        batteries=1,
        commits=stretches + bool(rows) + 2,
        checkpoints=stretches + bool(rows),
    )


def _search(config: RunConfig, line: PlannedPhase, slots: int) -> Workload:
    """Generations of equal members, the first ones with replicate pairs; then what is left over."""
    steps, each = line.likely_steps, line.steps_per_candidate or 1
    members, pairs = line.population or 1, line.null_pairs or 0
    lineages = config.evolution.lineages
    generations = max(0, steps // each - RUNS_A_PAIR * pairs) // members
    paired = _spread(pairs, min(generations, ceil(pairs / (PAIRS_AT_ONCE * lineages))))
    rows = sum(ceil((members + RUNS_A_PAIR * few) / slots) for few in paired)
    rows += (generations - len(paired)) * ceil(members / slots)
    left = steps - each * (generations * members + RUNS_A_PAIR * sum(paired))
    more, rest = divmod(left, each * lineages)
    rest_rows = more * ceil(lineages / slots) + (ceil(lineages / slots) if rest else 0)
    rest_steps = more * ceil(lineages / slots) * each + ceil(rest / slots)
    ended = generations + more + bool(rest)
    return Workload(
        name=line.phase,
        member_steps=rows * each + rest_steps,
        member_tasks=rows + rest_rows,
        batteries=ceil(lineages / slots),
        commits=ended + 2,
        checkpoints=ended * lineages,
        at_once=members,
    )


def _spread(count: int, places: int) -> list[int]:
    """`count` over so many places as evenly as it goes."""
    return [(count + place) // places for place in range(places)]


def _host(config: RunConfig, name: str, steps: int) -> Workload:
    """Chunks with a look after each; Endosymbiosis begins with one at each lineage."""
    chunk = max(1, min(config.host.eval_interval, ceil(steps / config.host.chunks_per_phase)))
    chunks = ceil(steps / chunk)
    first = name == "endosymbiosis"
    return Workload(
        name=name,
        single_steps=steps,
        single_tasks=chunks,
        single_looks=_looks(config, chunks) + (config.evolution.lineages if first else 0),
        batteries=1,
        commits=chunks + 2 + first,
        checkpoints=ceil(chunks * MEANS_BESIDE),
    )


def _single(config: RunConfig) -> Workload:
    """Chunks end at looks and at samples."""
    looks = ceil(config.budget / eval_steps(config))
    every = sample_steps(config)
    samples = ceil(config.budget / every) if every else 0
    return Workload(
        name="training",
        single_steps=config.budget,
        single_tasks=looks + samples,
        single_looks=_looks(config, looks),
        commits=looks + samples + 1,
        checkpoints=looks + samples,
    )


def _looks(config: RunConfig, chunks: int) -> float:
    """The running mean of the weights is measured too, once it may be the better one."""
    keeps_mean = config.host.mean_horizon > 0 and config.model.recipe == "modern"
    return chunks * (1 + (1 - MEASURE_MEAN_FROM) * keeps_mean)
