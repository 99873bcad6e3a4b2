"""How fast does one model train: tokens a second, beside nanoGPT compiled in bfloat16.

    python -m benchmarks.gpu.single --out FOLDER --nanogpt CHECKOUT

Bars: twice nanoGPT at 10.65 M parameters, 1.3 times at 124 M; 1.5 M tokens a second at the size
`original` with 64 K tokens a step on an H100, also told at its batch of 20.
"""

import time
from functools import partial

from benchmarks.gpu.nanogpt import peer_row
from benchmarks.gpu.place import BLOCKS, Place, Row, Rows, flags
from benchmarks.gpu.trainees import Shape, Trainees, setup_of, shape_of
from trainer.execution import reproducible

WARM_STEPS = 5


def main() -> None:
    """Measure every shape."""
    place = Place.of("single", flags(__doc__).parse_args())
    rows = Rows(place)
    for name, recipe, batch in (
        ("original-17M", "modern", 128),
        ("char-10M", "modern", 64),
        ("char-10M", "classic", 64),
        ("original-17M", "modern", 20),
        ("gpt2-124M", "modern", 32),
        ("gpt2-124M", "classic", 12),
        ("original-17M", "classic", 128),
    ):
        shape = shape_of(place, name, recipe=recipe, batch=batch)
        rows.add(f"{name} {recipe} batch {batch}", partial(trained, place, shape))
    if place.nanogpt is not None:
        for name in ("char-10M", "gpt2-124M"):
            shape = shape_of(place, name)
            rows.add(f"nanoGPT {name}", partial(peer_row, place, shape))
    rows.end()


def trained(
    place: Place,
    shape: Shape,
    formulas: tuple[str, ...] = ("gelu",),
    *,
    repeats: bool = False,
    graphs: bool = False,
) -> Row:
    """A stack of one, or of several, on the clock."""
    setup = setup_of(place, shape, deterministic=repeats)
    setup = setup.model_copy(update={"cuda_graphs": graphs})
    with reproducible(1, place.device, deterministic=repeats):
        begun = time.perf_counter()
        trainees = Trainees(place, setup, formulas)
        trainees.step()
        place.wait()
        first = time.perf_counter() - begun
        for _ in range(WARM_STEPS):
            trainees.step()
        count = 2 if place.toy else 8
        host = time.process_time()
        seconds = place.seconds(trainees.step, count)
        host = (time.process_time() - host) / (BLOCKS * count)
    tokens = len(formulas) * setup.optimizer.batch * setup.model.block
    return {
        "tokens_per_second": tokens / seconds,
        "ms_per_step": 1000 * seconds,
        "host_ms_per_step": 1000 * host,
        "teraflops": trainees.flops / seconds / 1e12,
        "parameters": trainees.parameters,
        "members": len(formulas),
        "peak_gigabytes": place.peak_gigabytes(),
        "first_step_seconds": first,
        "loss": trainees.loss,
    }


if __name__ == "__main__":
    main()
