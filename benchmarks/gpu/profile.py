"""Where does a step spend its time: kernels by name, and how long the device waits for the host.

    python -m benchmarks.gpu.profile --out FOLDER

A table of the costliest operations is kept as text beside the rows.
"""

from functools import partial

from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.single import WARM_STEPS
from benchmarks.gpu.trainees import Trainees, composed, setup_of, shape_of
from trainer.execution import reproducible

STEPS, LINES = 5, 60


def main() -> None:
    """One model of both sizes, and a population."""
    place = Place.of("profile", flags(__doc__).parse_args())
    rows = Rows(place)
    for name, members in (("original-17M", 1), ("char-10M", 1), ("original-17M", 12)):
        rows.add(
            f"{name} members {members}",
            partial(profiled, place, name, members),
        )
    rows.end()


def profiled(place: Place, name: str, members: int) -> Row:
    """Device and host time of steps; the table goes to a file."""
    shape = shape_of(place, name, dropout=0.0, **({"batch": 20} if members > 1 else {}))
    on_device = place.device == "cuda"
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_device else [])]
    with reproducible(1, place.device, deterministic=False):
        trainees = Trainees(place, setup_of(place, shape), composed(members))
        for _ in range(WARM_STEPS):
            trainees.step()
        wall = place.seconds(trainees.step, STEPS, blocks=1)
        with profile(activities=kinds) as profiler:
            for _ in range(STEPS):
                trainees.step()
            place.wait()
    averages = profiler.key_averages()
    order = "self_device_time_total" if on_device else "self_cpu_time_total"
    table = averages.table(sort_by=order, row_limit=LINES, max_name_column_width=100)
    path = place.out / f"profile-{name}-{members}.txt"
    path.write_text(table, encoding="utf-8")
    busy = sum(one.self_device_time_total for one in averages) / 1e6 / STEPS
    return {
        "ms_per_step": 1000 * wall,
        "device_busy_ms": 1000 * busy if on_device else None,
        "device_busy_share": busy / wall if on_device else None,
        "launches_per_step": sum(one.count for one in averages if "LaunchKernel" in one.key)
        / STEPS,
        "table": str(path.name),
    }


if __name__ == "__main__":
    main()
