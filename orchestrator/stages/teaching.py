"""When teachers are heard, and what they cost: their passes are charged in member-steps by their
share of FLOPs. Limits and choice: docs/design/teaching.md.
"""

from math import ceil

from orchestrator.config import RunConfig
from orchestrator.run_state import HostState, RunState
from orchestrator.stages.current import current_phase
from state.tasks import Teacher, Teaching

BYTES_EACH = 2
"""Of a probability in a table, which holds float16."""


def teachers_of(state: RunState, config: RunConfig) -> tuple[Teacher, ...]:
    """The symbionts that teach the host: in Endosymbiosis, and in Homeostasis where their table was
    read before, since there it costs nothing to go on listening.
    """
    host = state.host
    if host is None:
        return ()
    phase = current_phase(state, config)
    reads_on = phase == "homeostasis" and host.teaching == "table" and host.table_read
    return _models(state, host) if reads_on or phase == "endosymbiosis" else ()


def lesson_weight(state: RunState, config: RunConfig) -> float:
    """Of the lessons in the host's loss, 0 where none are heard. They weigh more in Homeostasis,
    where the rate falls to zero and the host would learn its text by heart.
    """
    if state.host is None or not teachers_of(state, config):
        return 0.0
    last = current_phase(state, config) == "homeostasis"
    return config.host.last_distil_weight if last else state.host.teacher_weight


def _models(state: RunState, host: HostState) -> tuple[Teacher, ...]:
    lineages = [state.lineages[index] for index in host.teachers]
    return tuple(
        Teacher(checkpoint=one.checkpoint, genome=one.genome)
        for one in lineages
        if one.checkpoint is not None
    )


def cheapest(state: RunState, config: RunConfig, host: HostState, steps: int) -> Teaching:
    """How `steps` member-steps teach the host longest; a table must fit the memory."""
    tokens = config.data.train_tokens
    if tokens is None:
        return "live"
    fits = tokens * config.model.vocab_size * BYTES_EACH <= 1e9 * config.host.table_gb
    cost = table_cost(state, config, host)
    return (
        "table"
        if fits and steps - cost > steps / (1 + _live_share(state, config, host))
        else "live"
    )


def table_cost(state: RunState, config: RunConfig, host: HostState) -> int:
    """Member-steps of reading the train split once."""
    tokens = config.data.train_tokens or 0
    return ceil(_live_share(state, config, host) * tokens / config.step_tokens)


def chunk_cost(state: RunState, config: RunConfig, host: HostState, steps: int) -> int:
    """Member-steps of a chunk: its own and what its teachers read, rounded up."""
    if not steps:
        return 0
    return steps + table_due(state, config, host) + ceil(steps * _share(state, config, host))


def whole_steps(state: RunState, config: RunConfig, host: HostState, budget: int) -> int:
    """Most host steps whose cost stays within `budget` member-steps."""
    share = _share(state, config, host)
    budget -= table_due(state, config, host)
    steps = max(0, int(budget / (1 + share)))
    while steps > 0 and steps + ceil(steps * share) > budget:
        steps -= 1
    return steps


def table_due(state: RunState, config: RunConfig, host: HostState) -> int:
    """What the table costs, as long as it was not read."""
    unread = host.teaching == "table" and not host.table_read and bool(host.teachers)
    due = unread and current_phase(state, config) == "endosymbiosis"
    return table_cost(state, config, host) if due else 0


def _share(state: RunState, config: RunConfig, host: HostState) -> float:
    """What every step of the host costs besides."""
    heard = host.teaching == "live" and teachers_of(state, config)
    return _live_share(state, config, host) if heard else 0.0


def _live_share(state: RunState, config: RunConfig, host: HostState) -> float:
    """FLOPs of the teachers' passes over a step's tokens as a share of the step's own."""
    teachers = _models(state, host)
    if not teachers:
        return 0.0
    from trainer.flops import forward_flops_per_token, training_flops_per_step

    tokens = config.step_tokens
    passes = sum(forward_flops_per_token(config.model, one.genome) for one in teachers) * tokens
    return passes / training_flops_per_step(config.model, host.genome, tokens)
