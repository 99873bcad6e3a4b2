"""Do recorded steps pay, and are they the same: `--cuda-graphs` beside launches one by one.

    python -m benchmarks.gpu.graphs --out FOLDER

Small batches are where a GPU waits for its launches; losses of both ways must agree within
rounding.
On a CPU nothing is recorded, and the row says so.
"""

from functools import partial

from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.single import trained
from benchmarks.gpu.trainees import Shape, Trainees, composed, setup_of, shape_of
from trainer.execution import reproducible

STEPS = 12
LOSS_BOUND = 0.02
"""In bfloat16, after twelve steps."""


def main() -> None:
    """Whether they are the same, then both ways on the clock."""
    place = Place.of("graphs", flags(__doc__).parse_args())
    rows = Rows(place)
    for dropout in (0.0, 0.2):
        shape = shape_of(place, "char-10M", batch=16, dropout=dropout)
        rows.add(f"the same losses, dropout {dropout}", partial(same, place, shape))
    for name, batch, members in (
        ("original-17M", 20, 1),
        ("char-10M", 64, 1),
        ("original-17M", 20, 12),
        ("original-17M", 128, 1),
    ):
        shape = shape_of(place, name, batch=batch)
        formulas = composed(2 if place.toy and members > 1 else members)
        for graphs in (False, True):
            how = "recorded" if graphs else "one by one"
            rows.add(
                f"{name} batch {batch} members {members}, {how}",
                partial(trained, place, shape, formulas, graphs=graphs),
            )
    rows.end()


def same(place: Place, shape: Shape) -> Row:
    """The losses of two members, recorded and not."""
    found, recorded = [], False
    for graphs in (False, True):
        setup = setup_of(place, shape).model_copy(update={"cuda_graphs": graphs})
        with reproducible(1, place.device, deterministic=False):
            trainees = Trainees(place, setup, composed(2))
            losses = []
            for _ in range(STEPS):
                trainees.step()
                losses.append(trainees.loss or 0.0)
            found.append(losses)
            recorded = trainees.stack.launches.records
    pairs = zip(*found, strict=True)
    difference = max(abs(one - other) for one, other in pairs)
    on_gpu = place.device == "cuda"
    return {
        "ok": difference <= LOSS_BOUND and recorded == on_gpu,
        "difference": difference,
        "same_bits": difference == 0,
        "recorded": recorded,
    }


if __name__ == "__main__":
    main()
