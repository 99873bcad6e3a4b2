"""Where the wall time went. Nothing here enters a decision."""

from collections.abc import Sequence

from orchestrator.slowness.throughput import Throughput, close_generation, observe_members
from orchestrator.slowness.watchdog import Place, Watchdog, watch
from orchestrator.stages.conclusion import Event
from state.base import Record
from state.results import Outcome, TaskResult
from state.tasks import Task

Interval = tuple[float, float]


class Telemetry(Record):
    """Seconds of the whole run, interruptions left out."""

    wall_seconds: float = 0
    training_seconds: float = 0
    """At least one slot was training."""
    evaluation_seconds: float = 0
    """Evaluating, and nobody training."""
    battery_seconds: float = 0
    """The battery alone was running."""
    device_seconds: float = 0
    """Busy seconds summed over the slots."""
    first_step_seconds: float | None = None
    """From the start of the command to the first training task."""
    watchdog: Watchdog = Watchdog()
    throughput: Throughput = Throughput()


def add_outcomes(
    telemetry: Telemetry, tasks: Sequence[Task], outcomes: Sequence[Outcome]
) -> Telemetry:
    """Add the outcomes of some of `tasks`, which ran side by side."""
    throughput = observe_members(telemetry.throughput, tasks, outcomes)
    added = add_results(telemetry, [outcome.result for outcome in outcomes])
    return added.model_copy(update={"throughput": throughput})


def at_commit(
    telemetry: Telemetry, wall_seconds: float, place: Place | None, *, concluded: int | None
) -> tuple[Telemetry, tuple[Event, ...]]:
    """The telemetry `wall_seconds` into the run, and what has become slow.

    `concluded` is the generation that a stage has just ended; None where none has.
    """
    watchdog, late = watch(telemetry.watchdog, place, wall_seconds)
    timed = telemetry.model_copy(update={"wall_seconds": wall_seconds, "watchdog": watchdog})
    if concluded is None:
        return timed, late
    throughput, collapsed = close_generation(telemetry.throughput, concluded)
    return timed.model_copy(update={"throughput": throughput}), (*late, *collapsed)


def add_results(telemetry: Telemetry, results: Sequence[TaskResult]) -> Telemetry:
    """Add a batch of results that ran side by side."""
    training: list[Interval] = []
    evaluation: list[Interval] = []
    battery: list[Interval] = []
    for result in results:
        start = result.started_at
        for seconds, intervals in (
            (getattr(result, "train_seconds", 0.0), training),
            (getattr(result, "eval_seconds", 0.0), evaluation),
            (getattr(result, "battery_seconds", 0.0), battery),
        ):
            if seconds:
                intervals.append((start, start + seconds))
                start += seconds
    trained = covered(training)
    measured = covered([*training, *evaluation])
    everything = covered([*training, *evaluation, *battery])
    busy = sum(end - start for start, end in (*training, *evaluation, *battery))
    return telemetry.model_copy(
        update={
            "training_seconds": telemetry.training_seconds + trained,
            "evaluation_seconds": telemetry.evaluation_seconds + measured - trained,
            "battery_seconds": telemetry.battery_seconds + everything - measured,
            "device_seconds": telemetry.device_seconds + busy,
        }
    )


def covered(intervals: Sequence[Interval]) -> float:
    """Length of the union of the intervals."""
    total, reach = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reach))
        reach = max(reach, end)
    return total
