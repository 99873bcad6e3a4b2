"""Causal attention of one head after another, forward and backward, as vector instructions.

A block of R queries meets 16 keys at a time. Scores come from the keys in columns, one lane a key;
outputs and gradients from rows, lanes along the width. What is needed of the probabilities stays
in a buffer of R rows that the cache holds; backward computes them again from the row's largest
score and the sum of its exponentials.

Shapes: T positions, E width of a head, both multiples of 16; R queries of a block.
"""

from llvmlite import ir

from trainer.backbones.attention.head import (
    BLOCK_ROWS,
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
from trainer.simd.lanes import FLOAT, LANES, Lanes, Vector

TENSORS: dict[PassName, tuple[str, ...]] = {
    "forward": ("q", "k", "v", "o"),
    "backward": ("q", "k", "v", "o", "do", "dq", "dk", "dv"),
}
"""Tensors [B, T, H, E] in the order of their pointers and strides."""
LOWEST = -3.0e38


def module_of(name: PassName, width: int) -> ir.Module:
    """The function of that name. Its pointers: to the tensors; to the statistics [B, H, T, 2], the
    largest score of a query and one over the sum of its exponentials; to scratch of (2 E + 2 R) T
    floats; to the int64 strides of batch, position and head of every tensor. Its numbers: T, H; its
    items: the heads of all sequences, B times H.
    """
    tensors, work = TENSORS[name], forward if name == "forward" else backward

    def one_head(item: Item) -> None:
        lanes, builder, (length, _) = item.lanes, item.lanes.builder, item.numbers
        stats, scratch = item.pointers[len(tensors) : len(tensors) + 2]
        arrays = {tensor: _matrix(item, n) for n, tensor in enumerate(tensors)}
        offset = builder.mul(item.index, builder.mul(length, INT64(2)))
        own = builder.gep(stats, [offset], source_etype=FLOAT)
        arrays["stats"] = Matrix(lanes, own, INT64(2))
        work(_head(lanes, length, width, arrays, scratch))

    return module_over_items(name, len(tensors) + 3, 2, one_head)


def _matrix(item: Item, number: int) -> Matrix:
    """The rows of one head in the tensor of that number."""
    builder, (_, heads), strides = item.lanes.builder, item.numbers, item.pointers[-1]
    batch, head = builder.sdiv(item.index, heads), builder.srem(item.index, heads)
    of_batch, of_position, of_head = (
        builder.load(builder.gep(strides, [INT64(3 * number + n)], source_etype=INT64), typ=INT64)
        for n in range(3)
    )
    offset = builder.add(builder.mul(batch, of_batch), builder.mul(head, of_head))
    start = builder.gep(item.pointers[number], [offset], source_etype=FLOAT)
    return Matrix(item.lanes, start, of_position)


def _head(
    lanes: Lanes,
    length: ir.Value,
    width: int,
    arrays: dict[str, Matrix],
    scratch: ir.Value,
) -> Head:
    builder, used = lanes.builder, INT64(0)
    buffers: dict[str, Matrix] = {}
    for name, num_rows in (("k", width), ("v", width), ("p", BLOCK_ROWS), ("ds", BLOCK_ROWS)):
        start = builder.gep(scratch, [builder.mul(used, length)], source_etype=FLOAT)
        buffers[name] = Matrix(lanes, start, length)
        used = builder.add(used, INT64(num_rows))
    columns = {name: buffers[name] for name in ("k", "v")}
    rows = {name: buffers[name] for name in ("p", "ds")}
    return Head(lanes, length, width, arrays, columns, rows)


def forward(head: Head) -> None:
    """Outputs and statistics of every query."""
    lanes, builder = head.lanes, head.lanes.builder
    to_columns(head, "k")

    def block(first: ir.Value) -> None:
        end = builder.add(first, INT64(len(head.queries)))
        tops = scores(head, first, end)
        top = [lanes.folded(one, lanes.larger) for one in tops]
        totals = exponentials(head, first, end, top)
        inverse = [lanes.div(lanes.constant(1), lanes.folded(one, lanes.add)) for one in totals]
        outputs = weighted_rows(head, end, head.rows["p"], head.arrays["v"])
        for number in head.queries:
            query = head.row(first, number)
            head.arrays["stats"].put(top[number], query, 0)
            head.arrays["stats"].put(inverse[number], query, 1)
            for part, output in zip(head.parts, outputs[number], strict=True):
                head.arrays["o"].store(lanes.mul(output, inverse[number]), query, part)

    each(builder, INT64(0), head.length, len(head.queries), block)


def scores(head: Head, first: ir.Value, end: ir.Value) -> list[Vector]:
    """Write scaled scores to `p`; the largest of every query, lane by lane."""
    lanes, builder = head.lanes, head.lanes.builder
    scale = lanes.constant(head.width**-0.5)

    def keys(start: ir.Value, tops: list[Vector]) -> list[Vector]:
        found = products(head, "q", "k", first, start)
        result = []
        for number, top in enumerate(tops):
            score = lanes.mul(found[number], scale)
            head.rows["p"].store(score, INT64(number), start)
            seen = lanes.select(visible(head, first, number, start), score, lanes.constant(LOWEST))
            result.append(lanes.larger(seen, top))
        return result

    lowest = [lanes.constant(LOWEST) for _ in head.queries]
    return count(builder, INT64(0), end, LANES, lowest, keys)


def exponentials(head: Head, first: ir.Value, end: ir.Value, top: list[Vector]) -> list[Vector]:
    """Turn the scores in `p` into exponentials; their sums, lane by lane."""
    lanes, builder = head.lanes, head.lanes.builder

    def keys(start: ir.Value, totals: list[Vector]) -> list[Vector]:
        result = []
        for number, total in enumerate(totals):
            score = head.rows["p"].load(INT64(number), start)
            below = lanes.sub(score, top[number])
            size = weight(lanes, below, visible(head, first, number, start))
            head.rows["p"].store(size, INT64(number), start)
            result.append(lanes.add(total, size))
        return result

    return count(builder, INT64(0), end, LANES, [lanes.constant(0) for _ in head.queries], keys)


def backward(head: Head) -> None:
    """Gradients of queries, keys and values; those of keys and values begin at zero."""
    builder = head.lanes.builder
    for name in ("k", "v"):
        to_columns(head, name)
    for name in ("dk", "dv"):
        clear(head, head.arrays[name])

    def block(first: ir.Value) -> None:
        end = builder.add(first, INT64(len(head.queries)))
        score_gradients(head, first, end)
        gradients = weighted_rows(head, end, head.rows["ds"], head.arrays["k"])
        store_rows(head, "dq", first, gradients)
        add_outer(head, first, end, "p", "do", "dv")
        add_outer(head, first, end, "ds", "q", "dk")

    each(builder, INT64(0), head.length, len(head.queries), block)


def score_gradients(head: Head, first: ir.Value, end: ir.Value) -> None:
    """Write probabilities to `p` and gradients of the raw products to `ds`."""
    lanes, builder = head.lanes, head.lanes.builder
    scale = lanes.constant(head.width**-0.5)
    queries = [head.row(first, number) for number in head.queries]
    tops = [head.arrays["stats"].spread(query, 0) for query in queries]
    inverses = [head.arrays["stats"].spread(query, 1) for query in queries]
    along = [inner(head, query) for query in queries]

    def keys(start: ir.Value) -> None:
        found = products(head, "q", "k", first, start)
        upstream = products(head, "do", "v", first, start)
        for number in head.queries:
            score = lanes.mul(found[number], scale)
            below = lanes.sub(score, tops[number])
            size = weight(lanes, below, visible(head, first, number, start))
            share = lanes.mul(size, inverses[number])
            head.rows["p"].store(share, INT64(number), start)
            gradient = lanes.mul(share, lanes.sub(upstream[number], along[number]))
            head.rows["ds"].store(lanes.mul(gradient, scale), INT64(number), start)

    each(builder, INT64(0), end, LANES, keys)


def inner(head: Head, query: ir.Value) -> Vector:
    """The product of a query's output and its gradient, in every lane."""
    lanes, total = head.lanes, head.lanes.constant(0)
    for part in head.parts:
        output, gradient = (head.arrays[name].load(query, part) for name in ("o", "do"))
        total = lanes.fma(output, gradient, total)
    return lanes.folded(total, lanes.add)
