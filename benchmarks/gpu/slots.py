"""What do several GPUs give a population: a worker of Ray a GPU, each with its share as a stack.

    python -m benchmarks.gpu.slots --out FOLDER

Tokens a second of 12 members over one worker and over all GPUs; every member must have trained.
On a CPU two workers stand for two GPUs.
"""

import time
from functools import partial

from benchmarks.gpu.host import visible
from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.trainees import composed, run_folder, setup_of, shape_of, task_of
from orchestrator.engine import Engine, InlineEngine
from orchestrator.ray_engine import RayEngine
from state import partial as partial_work
from state.run_folder import RunFolder
from state.tasks import Task

MEMBERS, STEPS = 12, 100
TOY_MEMBERS, TOY_STEPS = 4, 3


def main() -> None:
    """One process, one worker, and a worker a GPU."""
    place = Place.of("slots", flags(__doc__).parse_args())
    rows = Rows(place)
    rows.add("inline", partial(population, place, 0))
    for workers in sorted({1, visible(place)}):
        rows.add(f"workers {workers}", partial(population, place, workers))
    rows.end()


def population(place: Place, workers: int) -> Row:
    """A warm-up, then all members on the clock; 0 workers are this process."""
    setup = setup_of(place, shape_of(place, "original-17M", batch=20))
    count, steps = (TOY_MEMBERS, TOY_STEPS) if place.toy else (MEMBERS, STEPS)
    formulas = composed(count)

    def tasks(name: str, steps: int) -> list[Task]:
        names = [f"{name}{index}" for index in range(count)]
        return [
            task_of(index, formula, steps, task_id=own, role="challenger", evaluate=(), save=False)
            for index, (own, formula) in enumerate(zip(names, formulas, strict=True))
        ]

    engine: Engine = RayEngine(setup, workers) if workers else InlineEngine(setup)
    partial_work.clear(RunFolder(run_folder(place)))
    try:
        engine.run(tasks("warm", 2), lambda: False)
        begun = time.perf_counter()
        outcomes = engine.run(tasks("timed", steps), lambda: False)
        seconds = time.perf_counter() - begun
    finally:
        engine.close()
    tokens = count * steps * setup.optimizer.batch * setup.model.block
    return {
        "ok": all(one.result.status == "trained" for one in outcomes) and len(outcomes) == count,
        "tokens_per_second": tokens / seconds,
        "workers": workers,
        "members": count,
    }


if __name__ == "__main__":
    main()
