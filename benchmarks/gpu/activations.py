"""What do activations cost beside memory, and what does a structure cost that was not seen?

    python -m benchmarks.gpu.activations --out FOLDER

Bars: a composed activation of ten nodes within 1.05 of gelu's step; the first step after a switch
within 1.5 of a step for a structure seen before; 1.5 s for one that was not. Told besides: bytes a
second over those of a copy, and one launch for twelve structures beside one launch each.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from benchmarks.gpu import ceilings
from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.single import WARM_STEPS
from benchmarks.gpu.trainees import Trainees, composed, setup_of, shape_of
from benchmarks.speed.composed import TEN_NODES
from state.genome import expression, parse
from trainer.activations.dispatch import Formula
from trainer.activations.gpu import Programs, program, usable_on
from trainer.execution import reproducible

MEMBERS = 12
STEPS = 6


def main() -> None:
    """Kernels, then whole steps."""
    place = Place.of("activations", flags(__doc__).parse_args())
    rows = Rows(place)
    ceilings.measure(rows)
    for formula in ("gelu", "silu", "relu2", TEN_NODES):
        rows.add(f"kernel {formula}", partial(alone, place, formula))
    rows.add("twelve structures, one launch", lambda: launched(place, together=True))
    rows.add("twelve structures, a launch each", lambda: launched(place, together=False))
    rows.add("unseen structures", lambda: unseen(place))
    rows.add("step with gelu, then composed", lambda: stepped(place))
    rows.end()


def inner(place: Place, members: int = 1) -> Tensor:
    """What enters the activation of the size `original` at 64 K tokens."""
    tokens, width = (64, 64) if place.toy else (2**16, 1536)
    x = torch.randn(members, tokens // members, width, device=place.device)
    return x.to(torch.bfloat16 if place.device == "cuda" else torch.float32).requires_grad_()


def both_ways(function: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """Forward and backward."""
    y = function(x)
    torch.autograd.backward(y, x.detach())
    x.grad = None


def alone(place: Place, formula: str) -> Row:
    """One formula on one tensor: five passes over it, as x is kept."""
    x, function = inner(place), Formula(parse(formula))
    for _ in range(3):
        both_ways(function, x)
    seconds = place.seconds(lambda: both_ways(function, x), 2 if place.toy else 20)
    moved = 5 * x.numel() * x.element_size()
    return {"ms": 1000 * seconds, "terabytes_per_second": moved / seconds / 1e12}


def launched(place: Place, *, together: bool) -> Row:
    """Twelve members' formulas on a twelfth of the tensor each; the first call compiles."""
    count = 3 if place.toy else MEMBERS
    x, formulas = inner(place, count), composed(count)
    begun = time.perf_counter()
    work = of_members(place, formulas, x, count if together else 1)
    work()
    place.wait()
    compiled = time.perf_counter() - begun
    seconds = place.seconds(work, 2 if place.toy else 20)
    return {"ms": 1000 * seconds, "first_seconds": compiled, "structures": count}


def of_members(
    place: Place, formulas: Sequence[str], x: Tensor, together: int
) -> Callable[[], None]:
    """Both ways through so many structures a kernel; member by member where there is none."""
    if usable_on(x):
        programs = [program(expression(parse(one))) for one in formulas]
        return partial(both_ways, Programs(programs, place.device, together), x)
    own = [Formula(parse(one)) for one in formulas]

    def stacked(a: Tensor) -> Tensor:
        return torch.stack([one(part) for one, part in zip(own, a, strict=True)])

    return partial(both_ways, stacked, x)


def unseen(place: Place) -> Row:
    """From formula to the end of the first forward and backward pass, each structure new."""
    x, taken = inner(place), []
    for formula in composed(MEMBERS + 8)[MEMBERS:]:
        place.wait()
        begun = time.perf_counter()
        both_ways(Formula(parse(formula)), x)
        place.wait()
        taken.append(time.perf_counter() - begun)
    return {"median_seconds": sorted(taken)[len(taken) // 2], "most_seconds": max(taken)}


def stepped(place: Place) -> Row:
    """Whole steps of one member with gelu and with ten nodes, in turn; then a switch back."""
    setup = setup_of(place, shape_of(place, "original-17M"))
    with reproducible(1, place.device, deterministic=False):
        subjects = {one: Trainees(place, setup, [one]) for one in ("gelu", TEN_NODES)}
        for one in subjects.values():
            for _ in range(WARM_STEPS):
                one.step()
        seconds: dict[str, list[float]] = {one: [] for one in subjects}
        for _ in range(5):
            for name, one in subjects.items():
                seconds[name].append(place.seconds(one.step, 2 if place.toy else STEPS, blocks=1))
        switch = switched(place, subjects["gelu"])
    plain, ten = (sorted(seconds[one])[2] for one in subjects)
    ratios: Sequence[float] = sorted(
        b / a for a, b in zip(seconds["gelu"], seconds[TEN_NODES], strict=True)
    )
    return {
        "gelu_ms": 1000 * plain,
        "composed_ms": 1000 * ten,
        "composed_over_gelu": ratios[2],
        "first_step_after_switch_over_step": switch / ten,
    }


def switched(place: Place, trainees: Trainees) -> float:
    """Seconds of a change to the structure seen before and the step behind it."""
    from trainer.stacked.stack import Stack

    member = trainees.chunks[0].member
    place.wait()
    begun = time.perf_counter()
    member.change_activation(parse(TEN_NODES))
    member.finish_morph()
    trainees.stack = Stack([member])
    trainees.step()
    place.wait()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
