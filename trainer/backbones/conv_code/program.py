"""A causal depthwise convolution of width 4 with bias and SiLU, as vector instructions.

One strip is 16 channels of one sequence: it walks along the tokens with the last inputs in
registers, so that every input is read once. Forward writes the slope of SiLU beside its value, and
backward walks from the last token to the first with the gradients of the tokens behind it.

Shapes: B sequences, T positions (at least 4), E channels, a multiple of 16.
"""

from collections.abc import Sequence
from typing import NamedTuple

from llvmlite import ir

from trainer.activations.cpu.functions import silu
from trainer.backbones.shapes import CONV_WIDTH
from trainer.simd.arrays import Matrix
from trainer.simd.counting import INT64, count
from trainer.simd.items import Item, PassName, module_over_items
from trainer.simd.lanes import FLOAT, LANES, Lanes, Vector

ARRAYS: dict[PassName, tuple[str, ...]] = {
    "forward": ("x", "past", "weights", "y", "slope"),
    "backward": ("x", "past", "weights", "slope", "dy", "dx", "sums"),
}
"""Arrays in the order of their pointers. `past` [B, 3, E], the oldest first; `weights` [5, E], that
of the oldest token first, the bias last; `sums` [B, 5, E], their gradients by sequence; all others
[B, T, E], contiguous but for `x`, whose rows lie `stride` apart.
"""
PAST = CONV_WIDTH - 1
BIAS = CONV_WIDTH
ROWS = {"past": PAST, "sums": CONV_WIDTH + 1}


class Strip(NamedTuple):
    """What one walk works on."""

    lanes: Lanes
    length: ir.Value
    """T."""
    arrays: dict[str, Matrix]
    weights: list[Vector]
    """Those of the tokens, the oldest first, and the bias."""

    def past(self) -> list[Vector]:
        """What came before, the newest first."""
        return [self.arrays["past"].load(INT64(PAST - 1 - back)) for back in range(PAST)]


def module_of(name: PassName) -> ir.Module:
    """The function of that name. Its numbers: T, E, the stride of x; its items: the strips of all
    sequences, B times E / 16.
    """
    work = forward if name == "forward" else backward
    return module_over_items(name, len(ARRAYS[name]), 3, lambda item: work(_strip(name, item)))


def _strip(name: PassName, item: Item) -> Strip:
    lanes, builder, (length, width, stride) = item.lanes, item.lanes.builder, item.numbers
    strips = builder.sdiv(width, INT64(LANES))
    batch = builder.sdiv(item.index, strips)
    column = builder.mul(builder.srem(item.index, strips), INT64(LANES))
    arrays = {}
    for array, start in zip(ARRAYS[name], item.pointers, strict=True):
        step = stride if array == "x" else width
        rows: ir.Value = INT64(ROWS[array]) if array in ROWS else length
        sequence = INT64(0) if array == "weights" else builder.mul(batch, rows)
        offset = builder.add(builder.mul(sequence, step), column)
        begin = builder.gep(start, [offset], source_etype=FLOAT)
        arrays[array] = Matrix(lanes, begin, step)
    weights = [arrays["weights"].load(INT64(row)) for row in range(CONV_WIDTH + 1)]
    return Strip(lanes, length, arrays, weights)


def forward(strip: Strip) -> None:
    """Values and slopes, token by token."""
    lanes, arrays = strip.lanes, strip.arrays

    def token(place: ir.Value, before: list[Vector]) -> Sequence[Vector]:
        inputs = [arrays["x"].load(place), *before]
        total = strip.weights[BIAS]
        for back, one in enumerate(inputs):
            total = lanes.fma(one, strip.weights[PAST - back], total)
        found = silu(lanes, total)
        arrays["y"].store(found.value, place)
        arrays["slope"].store(found.slope, place)
        return inputs[:PAST]

    count(lanes.builder, INT64(0), strip.length, 1, strip.past(), token)


def backward(strip: Strip) -> None:
    """Gradients of the inputs, and by sequence of weights and bias."""
    lanes, builder, arrays = strip.lanes, strip.lanes.builder, strip.arrays
    past = strip.past()

    def step(place: ir.Value, carried: Sequence[Vector], older: Vector | None) -> list[Vector]:
        """One token, and what the one before it needs; `older` is the input four before."""
        inputs, later = carried[:CONV_WIDTH], carried[CONV_WIDTH : CONV_WIDTH + PAST]
        sums = carried[CONV_WIDTH + PAST :]
        own = lanes.mul(arrays["dy"].load(place), arrays["slope"].load(place))
        slopes = [own, *later]
        total = lanes.mul(own, strip.weights[PAST])
        for ahead in range(1, CONV_WIDTH):
            total = lanes.fma(slopes[ahead], strip.weights[PAST - ahead], total)
        arrays["dx"].store(total, place)
        grown = [lanes.fma(own, one, so_far) for one, so_far in zip(inputs, sums, strict=False)]
        shifted = [*inputs[1:], older if older is not None else inputs[-1]]
        return [*shifted, *slopes[:PAST], *grown, lanes.add(sums[BIAS], own)]

    def with_an_older_input(number: ir.Value, carried: list[Vector]) -> Sequence[Vector]:
        place = builder.sub(last, number)
        return step(place, carried, arrays["x"].load(builder.sub(place, INT64(CONV_WIDTH))))

    last = builder.sub(strip.length, INT64(1))
    newest = [arrays["x"].load(builder.sub(last, INT64(back))) for back in range(CONV_WIDTH)]
    zeros = [lanes.constant(0) for _ in range(PAST + CONV_WIDTH + 1)]
    inside = builder.sub(strip.length, INT64(CONV_WIDTH))
    carried = count(builder, INT64(0), inside, 1, [*newest, *zeros], with_an_older_input)
    for place in reversed(range(CONV_WIDTH)):
        carried = step(INT64(place), carried, past[PAST - place] if place else None)
    _write_sums(strip, carried[CONV_WIDTH + PAST :])


def _write_sums(strip: Strip, sums: Sequence[Vector]) -> None:
    """Those of the newest token come first; the array begins with the oldest."""
    rows = [*reversed(range(CONV_WIDTH)), BIAS]
    for row, total in zip(rows, sums, strict=True):
        strip.arrays["sums"].store(total, INT64(row))
