"""Mamba-2 within a window as attention without a softmax, as vector instructions.

Token t reads from token i <= t the value x_i, weighted by the product g of c_t and b_i, which the
heads share, times the decay between them, exp(u_t - u_i). The logarithms u are sums over the window
and come as two floats each, so that their differences are as exact as they are.

Shapes: B sequences, T positions, H heads, P values of a head; T and P are multiples of 16. R
queries of a block.
"""

from typing import NamedTuple

from llvmlite import ir

from trainer.backbones.attention.head import (
    Head,
    add_outer,
    clear,
    products,
    store_rows,
    to_columns,
    visible,
    weight,
    weighted_rows,
)
from trainer.simd.arrays import Matrix
from trainer.simd.counting import INT64, count, each
from trainer.simd.items import Item, PassName, module_over_items
from trainer.simd.lanes import FLOAT, LANES, Vector

ARRAYS: dict[PassName, tuple[str, ...]] = {
    "forward": ("x", "g", "u", "y"),
    "backward": ("x", "g", "u", "dy", "dx", "dg", "du"),
}
"""Arrays in the order of their pointers. x, y and their gradients are [B, T, H, P]; g and its
gradient, which begins at zero, [B, T, T]; u [B, H, 2, T], its gradient, that begins at zero too,
[B, H, 1, T].
"""
NEGLIGIBLE = -80.0
"""Logarithm of a decay that leaves nothing."""


class Decays(NamedTuple):
    """Of the queries of a block."""

    high: list[Vector]
    low: list[Vector]


def module_of(name: PassName, width: int) -> ir.Module:
    """The function of that name for a P. Behind the pointers to the arrays one to scratch of
    (P + 8) T floats; its numbers: T, H; its items: the sequences.
    """
    names, work = ARRAYS[name], forward if name == "forward" else backward

    def one_sequence(item: Item) -> None:
        length, heads = item.numbers

        def one_head(index: ir.Value) -> None:
            pointers = zip(names, item.pointers[:-1], strict=True)
            arrays = {array: _matrix(item, index, array, start, width) for array, start in pointers}
            columns = Matrix(item.lanes, item.pointers[-1], length)
            begin = columns.at(INT64(width))
            rows = {"p": Matrix(item.lanes, begin, length)}
            work(Head(item.lanes, length, width, arrays, {"x": columns}, rows))

        each(item.lanes.builder, INT64(0), heads, 1, one_head)

    return module_over_items(name, len(names) + 1, 2, one_sequence)


def _matrix(item: Item, head: ir.Value, name: str, start: ir.Value, width: int) -> Matrix:
    """The rows of one head in an array."""
    builder, (length, heads) = item.lanes.builder, item.numbers
    if name in {"g", "dg"}:
        stride, row = length, builder.mul(item.index, length)
    elif name in {"u", "du"}:
        stride, row = length, builder.add(builder.mul(item.index, heads), head)
        row = builder.mul(row, INT64(2 if name == "u" else 1))
    else:
        stride = builder.mul(heads, INT64(width))
        row = builder.mul(item.index, length)
        start = builder.gep(start, [builder.mul(head, INT64(width))], source_etype=FLOAT)
    begin = builder.gep(start, [builder.mul(row, stride)], source_etype=FLOAT)
    return Matrix(item.lanes, begin, stride)


def forward(head: Head) -> None:
    """What every token reads."""

    def block(first: ir.Value) -> None:
        end, decays = head.row(first, len(head.queries)), _decays(head, first)

        def keys(start: ir.Value) -> None:
            for number in head.queries:
                product = head.arrays["g"].load(head.row(first, number), start)
                share = head.lanes.mul(product, _decay(head, decays, first, number, start))
                head.rows["p"].store(share, INT64(number), start)

        each(head.lanes.builder, INT64(0), end, LANES, keys)
        store_rows(head, "y", first, weighted_rows(head, end, head.rows["p"], head.arrays["x"]))

    each(head.lanes.builder, INT64(0), head.length, len(head.queries), block)


def backward(head: Head) -> None:
    """Gradients of values, logarithms and, added to those of other heads, products."""
    to_columns(head, "x")
    clear(head, head.arrays["dx"])

    def block(first: ir.Value) -> None:
        end = head.row(first, len(head.queries))
        _write_gradients(head, first, end)
        add_outer(head, first, end, "p", "dy", "dx")

    each(head.lanes.builder, INT64(0), head.length, len(head.queries), block)


def _write_gradients(head: Head, first: ir.Value, end: ir.Value) -> None:
    """Write the weights of a block to `p`, add its gradients of products and logarithms."""
    lanes, arrays, decays = head.lanes, head.arrays, _decays(head, first)

    def keys(start: ir.Value, totals: list[Vector]) -> list[Vector]:
        upstream = products(head, "dy", "x", first, start)
        passed_on = arrays["du"].load(INT64(0), start)
        for number in head.queries:
            query = head.row(first, number)
            decay = _decay(head, decays, first, number, start)
            slope = lanes.mul(upstream[number], decay)
            product = arrays["g"].load(query, start)
            head.rows["p"].store(lanes.mul(product, decay), INT64(number), start)
            arrays["dg"].store(lanes.add(arrays["dg"].load(query, start), slope), query, start)
            along = lanes.mul(slope, product)
            totals[number] = lanes.add(totals[number], along)
            passed_on = lanes.sub(passed_on, along)
        arrays["du"].store(passed_on, INT64(0), start)
        return totals

    zeros = [lanes.constant(0) for _ in head.queries]
    totals = count(lanes.builder, INT64(0), end, LANES, zeros, keys)
    for number, total in enumerate(totals):
        query = head.row(first, number)
        so_far = arrays["du"].spread(INT64(0), query)
        arrays["du"].put(lanes.add(so_far, lanes.folded(total, lanes.add)), INT64(0), query)


def _decays(head: Head, first: ir.Value) -> Decays:
    queries = [head.row(first, number) for number in head.queries]
    high, low = (
        [head.arrays["u"].spread(INT64(row), query) for query in queries] for row in range(2)
    )
    return Decays(high, low)


def _decay(head: Head, decays: Decays, first: ir.Value, number: int, start: ir.Value) -> Vector:
    """Between 16 keys and a query of the block; zero where the key comes later."""
    lanes, u = head.lanes, head.arrays["u"]
    high = lanes.sub(decays.high[number], u.load(INT64(0), start))
    apart = lanes.add(high, lanes.sub(decays.low[number], u.load(INT64(1), start)))
    counts = lanes.builder.and_(visible(head, first, number, start), lanes.above(apart, NEGLIGIBLE))
    return weight(lanes, apart, counts)
