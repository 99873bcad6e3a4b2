"""What teachers cost: their passes are charged in member-steps by their share of FLOPs."""

from math import ceil

from orchestrator.config import RunConfig
from orchestrator.phases import phases_of
from orchestrator.run_state import HostState, RunState
from state.tasks import Teacher


def teachers_of(state: RunState, config: RunConfig) -> tuple[Teacher, ...]:
    """The symbionts that teach the host; in Endosymbiosis only."""
    host, phases = state.host, phases_of(config)
    if host is None or state.phase_index >= len(phases):
        return ()
    if phases[state.phase_index].name != "endosymbiosis":
        return ()
    lineages = [state.lineages[index] for index in host.teachers]
    return tuple(
        Teacher(checkpoint=one.checkpoint, genome=one.genome)
        for one in lineages
        if one.checkpoint is not None
    )


def teaching_share(state: RunState, config: RunConfig, host: HostState) -> float:
    """FLOPs of the teachers' passes as a share of a training step's own."""
    teachers = teachers_of(state, config)
    if not teachers:
        return 0.0
    from trainer.flops import forward_flops_per_token, training_flops_per_step

    tokens = config.optimizer.batch * config.model.block
    passes = sum(forward_flops_per_token(config.model, one.genome) for one in teachers) * tokens
    return passes / training_flops_per_step(config.model, host.genome, tokens)


def chunk_cost(state: RunState, config: RunConfig, host: HostState, steps: int) -> int:
    """Member-steps of a chunk: its own and the teachers' share, rounded up."""
    return steps + ceil(steps * teaching_share(state, config, host))


def whole_steps(state: RunState, config: RunConfig, host: HostState, budget: int) -> int:
    """Most host steps whose cost stays within `budget` member-steps."""
    share = teaching_share(state, config, host)
    steps = int(budget / (1 + share))
    while steps > 0 and steps + ceil(steps * share) > budget:
        steps -= 1
    return steps
