"""Are the kernels right on this device: every one against eager PyTorch in float64.

    python -m benchmarks.gpu.oracle --out FOLDER

Formulas of a search and the named ones, values and gradients, float32 and bfloat16, gated and not,
several members in one launch; cross-entropy by row; attention and matrices by whole steps of a
stack beside the same members on the CPU in float32. A row is right (`ok`) within its bound.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from benchmarks.gpu.place import Place, Row, Rows, flags
from benchmarks.gpu.trainees import Shape, Trainees, composed, setup_of, shape_of
from benchmarks.speed.composed import TEN_NODES
from state.genome import expression, parse
from trainer.activations import reference
from trainer.activations.dispatch import Formula
from trainer.activations.gpu import Programs, program, usable_on
from trainer.config import WorkerSetup
from trainer.execution import reproducible
from trainer.stacked.cross_entropy import cross_entropy_by_row
from trainer.stacked.decoder import nats_of

NAMED = ("gelu", "silu", "relu", "relu2", "leaky_relu", "sigmoid(x)", "tanh(x)", "sin(x)", "abs(x)")
BOUNDS = {"float32": 2e-5, "bfloat16": 2e-2}
"""Of the error relative to the largest value, for formulas whose slopes stay moderate."""
TOGETHER = 12
STEP_BOUND = 2e-3
"""Of losses after steps in float32 with matrices of another order of summation."""


def main() -> None:
    """Every kernel, then steps."""
    place = Place.of("oracle", flags(__doc__).parse_args())
    rows = Rows(place)
    for formula in (*NAMED, TEN_NODES, *composed(4 if place.toy else 24)):
        for dtype in BOUNDS:
            rows.add(f"{dtype} {formula}", partial(of_formula, place, formula, dtype))
    for gated in (False, True):
        for dtype in BOUNDS:
            name = f"{TOGETHER} members {dtype}{' gated' if gated else ''}"
            rows.add(name, partial(of_members, place, dtype, gated=gated))
    for columns in (65, 4000, 50304):
        for cap in (15.0, None):
            name = f"cross-entropy of {columns}, cap {cap}"
            rows.add(name, partial(of_rows, place, 300 if place.toy else columns, cap))
    for recipe in ("modern", "classic"):
        shape = shape_of(place, "char-10M", recipe=recipe, layers=2, batch=4, dropout=0.0)
        rows.add(f"steps {recipe}", partial(of_steps, place, shape))
    rows.end()


def arguments(place: Place, dtype: str, members: int) -> Tensor:
    """Inputs as a model has them, with both tails."""
    stream = torch.Generator().manual_seed(1)
    x = 3 * torch.randn(members, 3 if place.toy else 257, 1001, generator=stream)
    kind: torch.dtype = getattr(torch, dtype)
    return x.to(kind).to(place.device)


def pulled(function: Callable[..., Tensor], *inputs: Tensor) -> list[Tensor]:
    """Value and gradients for an upstream gradient that varies."""
    leaves = [one.detach().clone().requires_grad_() for one in inputs]
    y = function(*leaves)
    upstream = torch.linspace(-1, 1, y.numel(), device=y.device).bfloat16().to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, leaves, upstream.view_as(y))]


def judged(found: Sequence[Tensor], exact: Sequence[Tensor], bound: float, place: Place) -> Row:
    """The largest error over the largest value, of values and of each gradient."""
    errors = [
        float((one.double() - truth).abs().max() / truth.abs().max().clamp(min=1))
        for one, truth in zip(found, exact, strict=True)
    ]
    kernels = "triton" if usable_on(found[0]) else f"as on {place.device}"
    return {
        "ok": all(error <= bound for error in errors),
        "kernels": kernels,
        "bound": bound,
        **{f"error {index}": error for index, error in enumerate(errors)},
    }


def of_formula(place: Place, formula: str, dtype: str) -> Row:
    """One formula through the door that a model uses."""
    x, tree = arguments(place, dtype, 1)[0], expression(parse(formula))
    exact = pulled(lambda a: reference.evaluate(tree, a), x.double())
    return judged(pulled(Formula(parse(formula)), x), exact, BOUNDS[dtype], place)


def of_members(place: Place, dtype: str, *, gated: bool) -> Row:
    """Different programs in one launch."""
    trees = [expression(parse(one)) for one in composed(TOGETHER)]
    x = arguments(place, dtype, TOGETHER)
    inputs = (x, x.flip(1)) if gated else (x,)

    def exactly(a: Tensor, *u: Tensor) -> Tensor:
        values = torch.stack(
            [reference.evaluate(tree, one) for tree, one in zip(trees, a, strict=True)]
        )
        return values * u[0] if u else values

    exact = pulled(exactly, *(one.double() for one in inputs))
    if not usable_on(x):
        return judged(pulled(exactly, *inputs), exact, BOUNDS[dtype], place)
    made = Programs([program(tree) for tree in trees], place.device)
    return judged(pulled(made.gated if gated else made, *inputs), exact, BOUNDS[dtype], place)


def of_rows(place: Place, columns: int, cap: float | None) -> Row:
    """Cross-entropy of logits in bfloat16."""
    stream = torch.Generator().manual_seed(2)
    raw = (5 * torch.randn(64, columns, generator=stream)).bfloat16().to(place.device)
    targets = torch.randint(columns, (64,), generator=stream).to(place.device)

    def exactly(a: Tensor) -> Tensor:
        capped = a if cap is None else cap * torch.tanh(a / cap)
        return F.cross_entropy(capped, targets, reduction="none")

    def by_row(a: Tensor) -> Tensor:
        if usable_on(a):
            return cross_entropy_by_row(a, targets, cap)
        own = [nats_of(one[None].float(), t[None], cap) for one, t in zip(a, targets, strict=True)]
        return torch.stack(own)

    return judged(pulled(by_row, raw), pulled(exactly, raw.double()), BOUNDS["bfloat16"], place)


def of_steps(place: Place, shape: Shape) -> Row:
    """Losses of five steps of three members here and on the CPU, both in float32."""
    formulas = ("gelu", *composed(2))
    here = losses(place, setup_of(place, shape, "float32"), formulas)
    cpu = place._replace(device="cpu")
    there = losses(
        cpu, setup_of(place, shape, "float32").model_copy(update={"device": "cpu"}), formulas
    )
    error = max(abs(a - b) for a, b in zip(here, there, strict=True))
    return {"ok": error <= STEP_BOUND, "difference": error, "bound": STEP_BOUND, "loss": here[-1]}


def losses(place: Place, setup: WorkerSetup, formulas: Sequence[str]) -> list[float]:
    """Of every member at every step."""
    with reproducible(1, setup.device):
        trainees = Trainees(place, setup, formulas)
        found: list[float] = []
        for index in range(5):
            rows = trainees.together.step(trainees.stack, index)
            found += [row.loss if row.loss is not None else float("nan") for row in rows]
    return found


if __name__ == "__main__":
    main()
