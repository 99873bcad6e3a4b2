"""Asking a cluster what it has, before a run is made ready for it."""

from orchestrator.cluster_fit import fitted, is_away
from orchestrator.config import EngineConfig, RunConfig


def placed(engine: EngineConfig) -> EngineConfig:
    """The engine as it fits the cluster that it names; as it is, where it names none.

    Raises:
        ValueError: the cluster has not what is asked for.
        RuntimeError: no Ray answers there.
    """
    if not is_away(engine):
        return engine
    from orchestrator.workers import brief_ray, nodes

    with brief_ray(engine.ray_address):
        return fitted(engine, nodes())


def placed_run(config: RunConfig) -> RunConfig:
    """The configuration with the engine of `placed`."""
    return config.model_copy(update={"engine": placed(config.engine)})
