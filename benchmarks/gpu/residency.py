"""What does a generation save when the members of the last one are still on the device?

    python -m benchmarks.gpu.residency --out FOLDER

Seconds until a checkpoint of 17.4 M parameters with its moments lies on the device, and until a
member is made of it: from the run's folder, whose pages the system still has, and from what is at
hand. Medians of five.
"""

from collections.abc import Callable

from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.trainees import setup_of, shape_of, task_of
from state.results import TrainingResult
from trainer.execution import TaskExecutor
from trainer.member import Member
from trainer.recent import num_bytes


def main() -> None:
    """One row for each way."""
    place = Place.of("residency", flags(__doc__).parse_args())
    rows = Rows(place)
    executor = TaskExecutor(setup_of(place, shape_of(place, "original-17M", batch=20)))
    sha = stored(executor)
    rows.add("from the folder", lambda: timed(place, executor, sha, executor.recent.release))
    rows.add("at hand", lambda: timed(place, executor, sha, lambda: None))
    rows.end()


def stored(executor: TaskExecutor) -> str:
    """A member that took a step, so that it has moments."""
    task = task_of(0, "gelu", 1, task_id="stored", role="champion", evaluate=())
    result = executor.execute(task).result
    assert isinstance(result, TrainingResult)
    assert result.checkpoint is not None
    return result.checkpoint


def timed(place: Place, executor: TaskExecutor, sha: str, before: Callable[[], object]) -> Row:
    """Of the checkpoint, and of the member with it; `before` each."""
    checkpoint = executor.recent.get(sha)

    def read() -> None:
        before()
        executor.recent.get(sha)

    def begun() -> None:
        before()
        Member.from_checkpoint(executor.setup, executor.recent.get(sha))

    begun()
    return {
        "megabytes": num_bytes(checkpoint) / 1e6,
        "checkpoint_seconds": place.seconds(read, 1),
        "member_seconds": place.seconds(begun, 1),
    }


if __name__ == "__main__":
    main()
