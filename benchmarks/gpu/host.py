"""What do several GPUs give one model: `--host-devices` beside one device.

    python -m benchmarks.gpu.host --out FOLDER

Tokens a second with 1, 2, 4, ... devices at the same whole batch; weights against those of one
device; the same bits twice under `--deterministic`. With one GPU there is one row.
"""

from functools import partial
from statistics import median

import torch

from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.trainees import run_folder, setup_of, shape_of, task_of
from state.objects import ObjectStore
from state.results import Outcome, TrainingResult
from state.run_folder import RunFolder
from trainer.checkpoint import decode_any
from trainer.config import WorkerSetup
from trainer.ranks.crew import Ranks

STEPS, TOY_STEPS = 60, 4
BOUND = 1e-3
"""Of weights in float32 after as many steps; products of other sizes round otherwise."""


def main() -> None:
    """Agreement first, then the clock."""
    place = Place.of("host", flags(__doc__).parse_args())
    rows = Rows(place)
    counts = [count for count in (1, 2, 4, 8) if count <= visible(place)]
    if len(counts) > 1:
        rows.add("the weights of one device, and the same bits twice", partial(agreement, place))
    for name, batch in (("original-17M", 128), ("gpt2-124M", 32)):
        for count in counts:
            key = f"{name} batch {batch} devices {count}"
            rows.add(key, partial(speed, place, name, batch, count))
    rows.end()


def visible(place: Place) -> int:
    """Devices; on a CPU two processes stand for two."""
    return torch.cuda.device_count() if place.device == "cuda" else 2


def taken(place: Place, setup: WorkerSetup, names: tuple[str, ...]) -> list[Outcome]:
    """The outcomes of equal tasks, one after the other, by the same processes."""
    steps = TOY_STEPS if place.toy else STEPS
    ranks = Ranks(setup)
    try:
        return [ranks.train(task_of(0, "gelu", steps, task_id=name, evaluate=())) for name in names]
    finally:
        ranks.close()


def speed(place: Place, name: str, batch: int, count: int) -> Row:
    """Tokens a second of the later half of the steps."""
    setup = setup_of(place, shape_of(place, name, batch=batch))
    setup = setup.model_copy(update={"host_devices": count})
    (outcome,) = taken(place, setup, (f"{name}-{count}",))
    rates = [row.tokens_per_sec for row in outcome.rows[len(outcome.rows) // 2 :]]
    return {"tokens_per_second": median(rates), "devices": count, "loss": outcome.rows[-1].loss}


def agreement(place: Place) -> Row:
    """Two devices beside one, and beside themselves."""
    shape = shape_of(place, "char-10M", layers=2, batch=16, dropout=0.0)
    alone = setup_of(place, shape, "float32", deterministic=True)
    spread = alone.model_copy(update={"host_devices": 2})
    whole, one, other = (
        checkpoint(outcome)
        for outcome in (
            *taken(place, alone, ("alone",)),
            *taken(place, spread, ("spread", "again")),
        )
    )
    difference = max(
        float((weights(place, whole)[name] - tensor).abs().max())
        for name, tensor in weights(place, one).items()
    )
    return {"ok": difference <= BOUND and one == other, "difference": difference, "bound": BOUND}


def checkpoint(outcome: Outcome) -> str:
    """Its sha256."""
    assert isinstance(outcome.result, TrainingResult)
    assert outcome.result.checkpoint is not None
    return outcome.result.checkpoint


def weights(place: Place, sha: str) -> dict[str, torch.Tensor]:
    """Of a stored member."""
    objects = ObjectStore(RunFolder(run_folder(place)).objects)
    return dict(decode_any(objects.read(sha)).weights)


if __name__ == "__main__":
    main()
