"""The final evaluations of the baselines, stretch by stretch, from the journal of results."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from orchestrator.run_state import RunState
from orchestrator.stages.finale import trained_controls
from state.records import Evaluation
from state.results import EvaluationResult


def control_evaluations(
    path: Path, state: RunState, num_bytes: int | None = None
) -> tuple[tuple[str, Evaluation | None], ...]:
    """Formula of each baseline and its evaluation on the split that the run is read for; none
    before the run has ended. `num_bytes` of the journal are read, None reads it whole.
    """
    names = [name for name, _ in trained_controls(state)]
    if not names or state.final is None:
        return ()
    found = dict(_final_results(path, num_bytes))
    return tuple((name, found.get(f"final-control-{i}")) for i, name in enumerate(names))


def _final_results(path: Path, num_bytes: int | None) -> Iterator[tuple[str, Evaluation]]:
    """By task, the newest last; what cannot be read costs an interval."""
    with suppress(OSError, ValidationError):
        for line in path.read_bytes()[:num_bytes].splitlines():
            if b'"final-control-' in line:
                result = EvaluationResult.model_validate_json(line)
                yield from ((result.task_id, one) for one in result.evaluations)
