"""The recurrence of RWKV-6 of one head after another, forward and backward, as vector instructions.

A state of at most 64 rows stays in the cache, so the definition itself, token by token, is the
fastest form: lanes run along the keys, one row a value. Forward keeps the state before every
sixteenth token; backward computes the sixteen from it and walks through them from last to first.

Shapes: B sequences, T positions, H heads, E width of keys and of values, a multiple of 16 as T is.
"""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from llvmlite import ir

from trainer.simd.arrays import Matrix, summed
from trainer.simd.counting import INT64, count, each
from trainer.simd.items import Item, PassName, module_over_items
from trainer.simd.lanes import FLOAT, LANES, Lanes, Vector

SPAN = LANES
"""Tokens between two states that are kept."""
TOKENS = {"r", "k", "v", "w", "y", "dy", "dr", "dk", "dv", "dw"}
"""Arrays [B, T, H, E]; m is [B, T], u and du a row a head, all others [E, E] matrices a head."""
ARRAYS: dict[PassName, tuple[str, ...]] = {
    "forward": ("r", "k", "v", "w", "u", "m", "y", "s", "kept"),
    "backward": (
        *("r", "k", "v", "w", "u", "m", "kept", "dy", "dr", "dk", "dv", "dw", "du", "s", "span"),
    ),
}
"""Arrays in the order of their pointers. `s` [B, H, E, E], a row a value, is the state, or its
gradient, and is changed; `kept` [B, H, T / 16, E, E]; `span` 16 states of one head at a time.
"""


class Head(NamedTuple):
    """What one head works on."""

    lanes: Lanes
    length: ir.Value
    """T."""
    width: int
    arrays: dict[str, Matrix]
    """Rows: tokens of [T, E] arrays, values of states; states one behind the other."""

    @property
    def parts(self) -> range:
        """First columns of the 16s that make up a row."""
        return range(0, self.width, LANES)

    def row(self, name: str, row: ir.Value) -> list[Vector]:
        """A row of an array."""
        return [self.arrays[name].load(row, part) for part in self.parts]

    def store(self, name: str, row: ir.Value, values: Sequence[Vector]) -> None:
        """Write a row."""
        for part, value in zip(self.parts, values, strict=True):
            self.arrays[name].store(value, row, part)

    def product(self, one: Sequence[Vector], other: Sequence[Vector]) -> Vector:
        """Lanes that add up to the inner product of two rows."""
        first = self.lanes.mul(one[0], other[0])
        pairs = zip(one[1:], other[1:], strict=True)
        return reduce(lambda total, pair: self.lanes.fma(pair[0], pair[1], total), pairs, first)

    def at(self, base: ir.Value, number: int | ir.Value) -> ir.Value:
        """A row so many behind the base."""
        builder = self.lanes.builder
        return builder.add(base, INT64(number) if isinstance(number, int) else number)


class Token(NamedTuple):
    """What a token brings: rows, emptied where a document begins, and inner products."""

    r: list[Vector]
    k: list[Vector]
    w: list[Vector]
    m: Vector
    bonus: Vector
    """The product of r, u and k, in every lane."""


def module_of(name: PassName, width: int) -> ir.Module:
    """The function of that name. Its numbers: T, H; its items: the heads of all sequences, B times
    H. `span` is one buffer for all of them.
    """
    names, work = ARRAYS[name], forward if name == "forward" else backward

    def one_head(item: Item) -> None:
        pointers = zip(names, item.pointers, strict=True)
        arrays = {array: _matrix(item, array, start, width) for array, start in pointers}
        work(Head(item.lanes, item.numbers[0], width, arrays))

    return module_over_items(name, len(names), 2, one_head)


def _matrix(item: Item, name: str, start: ir.Value, width: int) -> Matrix:
    """The rows of one head in an array."""
    builder, index, (length, heads) = item.lanes.builder, item.index, item.numbers
    batch, head = builder.sdiv(index, heads), builder.srem(index, heads)
    stride: ir.Value = INT64(width)
    if name in TOKENS:
        tokens = builder.mul(builder.mul(batch, length), heads)
        offset = builder.mul(builder.add(tokens, head), INT64(width))
        stride = builder.mul(heads, INT64(width))
    elif name == "m":
        offset, stride = builder.mul(batch, length), INT64(1)
    elif name == "u":
        offset = builder.mul(head, INT64(width))
    elif name == "du":
        offset = builder.mul(index, INT64(width))
    elif name == "kept":
        spans = builder.sdiv(length, INT64(SPAN))
        offset = builder.mul(builder.mul(index, spans), INT64(width * width))
    else:
        offset = INT64(0) if name == "span" else builder.mul(index, INT64(width * width))
    return Matrix(item.lanes, builder.gep(start, [offset], source_etype=FLOAT), stride)


def read(head: Head, token: ir.Value) -> Token:
    """What is read of a token."""
    lanes = head.lanes
    r, k, w = (head.row(name, token) for name in ("r", "k", "w"))
    u = head.row("u", INT64(0))
    m = head.arrays["m"].spread(token)
    ru = [lanes.mul(one, other) for one, other in zip(r, u, strict=True)]
    bonus = lanes.folded(head.product(ru, k), lanes.add)
    return Token(r, k, [lanes.mul(one, m) for one in w], m, bonus)


def forward(head: Head) -> None:
    """Outputs of every token, the states that are kept, and the last one."""
    builder = head.lanes.builder

    def span(first: ir.Value) -> None:
        kept = builder.mul(builder.sdiv(first, INT64(SPAN)), INT64(head.width))
        _copy(head, "s", INT64(0), "kept", kept)
        each(builder, first, head.at(first, SPAN), 1, lambda token: _step(head, token))

    each(builder, INT64(0), head.length, SPAN, span)


def _copy(head: Head, source: str, first: ir.Value, target: str, start: ir.Value) -> None:
    """One state."""
    builder = head.lanes.builder
    each(
        builder,
        INT64(0),
        INT64(head.width),
        1,
        lambda row: head.store(target, head.at(start, row), head.row(source, head.at(first, row))),
    )


def _step(head: Head, token: ir.Value) -> None:
    """One token forward: 16 values at a time."""
    lanes, now = head.lanes, read(head, token)
    emptied = [lanes.mul(one, now.m) for one in now.r]

    def values(first: ir.Value) -> None:
        sums = []
        for number in range(LANES):
            row = head.at(first, number)
            state = head.row("s", row)
            sums.append(head.product(emptied, state))
            head.store("s", row, _moved(head, now, state, head.arrays["v"].spread(token, row)))
        own = lanes.mul(now.bonus, head.arrays["v"].load(token, first))
        head.arrays["y"].store(lanes.add(summed(lanes, sums), own), token, first)

    each(lanes.builder, INT64(0), INT64(head.width), LANES, values)


def _moved(head: Head, now: Token, state: Sequence[Vector], value: Vector) -> list[Vector]:
    """A row of the state behind the token."""
    lanes = head.lanes
    return [
        lanes.fma(value, k, lanes.mul(w, s)) for w, s, k in zip(now.w, state, now.k, strict=True)
    ]


def backward(head: Head) -> None:
    """Gradients of everything; that of the state behind the last token stands in `s` and becomes
    that of the state before the first.
    """
    builder = head.lanes.builder

    def span(index: ir.Value) -> None:
        first = builder.sub(builder.sub(head.length, INT64(SPAN)), index)
        _states_of(head, first)
        each(
            builder,
            INT64(0),
            INT64(SPAN),
            1,
            lambda back: _step_back(head, first, builder.sub(INT64(SPAN - 1), back)),
        )

    each(builder, INT64(0), head.length, SPAN, span)


def _states_of(head: Head, first: ir.Value) -> None:
    """Write the states before each of the 16 tokens from `first` on to `span`."""
    builder = head.lanes.builder
    kept = builder.mul(builder.sdiv(first, INT64(SPAN)), INT64(head.width))
    _copy(head, "kept", kept, "span", INT64(0))

    def token(number: ir.Value) -> None:
        place, start = head.at(first, number), builder.mul(number, INT64(head.width))
        now = read(head, place)

        def value(row: ir.Value) -> None:
            state = head.row("span", head.at(start, row))
            behind = _moved(head, now, state, head.arrays["v"].spread(place, row))
            head.store("span", head.at(head.at(start, row), head.width), behind)

        each(builder, INT64(0), INT64(head.width), 1, value)

    each(builder, INT64(0), INT64(SPAN - 1), 1, token)


def _step_back(head: Head, first: ir.Value, number: ir.Value) -> None:
    """The gradients of one token."""
    lanes, builder, parts = head.lanes, head.lanes.builder, len(head.parts)
    token, start = head.at(first, number), builder.mul(number, INT64(head.width))
    now = read(head, token)
    emptied = [lanes.mul(one, now.m) for one in now.r]

    def values(block: ir.Value, totals: list[Vector]) -> list[Vector]:
        dr, dk, dw = (totals[n * parts : (n + 1) * parts] for n in range(3))
        sums = []
        for step in range(LANES):
            row = head.at(block, step)
            state, slope = head.row("span", head.at(start, row)), head.row("s", row)
            value, up = (head.arrays[name].spread(token, row) for name in ("v", "dy"))
            dr = [lanes.fma(up, s, total) for s, total in zip(state, dr, strict=True)]
            dk = [lanes.fma(value, d, total) for d, total in zip(slope, dk, strict=True)]
            dw = [lanes.fma(*both) for both in zip(slope, state, dw, strict=True)]
            sums.append(head.product(slope, now.k))
            back = [
                lanes.fma(up, r, lanes.mul(w, d))
                for w, d, r in zip(now.w, slope, emptied, strict=True)
            ]
            head.store("s", row, back)
        own = lanes.mul(now.bonus, head.arrays["dy"].load(token, block))
        head.arrays["dv"].store(lanes.add(summed(lanes, sums), own), token, block)
        return [*dr, *dk, *dw]

    zeros = [lanes.constant(0) for _ in range(3 * parts)]
    found = count(builder, INT64(0), INT64(head.width), LANES, zeros, values)
    _finish(head, token, now, [found[n * parts : (n + 1) * parts] for n in range(3)])


def _finish(head: Head, token: ir.Value, now: Token, found: list[list[Vector]]) -> None:
    """Add what goes past the state, by the bonus, and write the gradients of the keys' channels."""
    lanes, (dr, dk, dw) = head.lanes, found
    u, so_far = head.row("u", INT64(0)), head.row("du", INT64(0))
    along = lanes.folded(head.product(head.row("dy", token), head.row("v", token)), lanes.add)
    columns = zip(now.r, now.k, u, dr, dk, dw, so_far, head.parts, strict=True)
    for r, k, bonus, to_r, to_k, to_w, total, part in columns:
        direct = lanes.mul(bonus, along)
        values = {
            "dr": lanes.fma(k, direct, lanes.mul(to_r, now.m)),
            "dk": lanes.fma(r, direct, to_k),
            "dw": lanes.mul(to_w, now.m),
        }
        for name, value in values.items():
            head.arrays[name].store(value, token, part)
        head.arrays["du"].store(lanes.fma(lanes.mul(r, k), along, total), INT64(0), part)
