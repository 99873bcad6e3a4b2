"""How often a model that trains alone is measured and writes a sample."""

from orchestrator.config import RunConfig

DEFAULT_EVAL_STEPS, DEFAULT_SAMPLE_STEPS = 200, 300


def eval_steps(config: RunConfig) -> int:
    """Steps between two evaluations: ten in a run that is short."""
    given = config.train.eval_interval
    return given or min(DEFAULT_EVAL_STEPS, -(-config.budget // 10))


def sample_steps(config: RunConfig) -> int:
    """Steps between two samples: four in a run that is short; 0 without samples."""
    given = config.train.sample_interval
    return min(DEFAULT_SAMPLE_STEPS, -(-config.budget // 4)) if given is None else given
