"""Counting loops as functions of what they carry: nothing lives in memory for their sake."""

from collections.abc import Callable, Sequence

from llvmlite import ir

INT64 = ir.IntType(64)


def count(
    builder: ir.IRBuilder,
    start: ir.Value,
    end: ir.Value,
    step: int,
    carried: Sequence[ir.Value],
    body: Callable[[ir.Value, list[ir.Value]], Sequence[ir.Value]],
) -> list[ir.Value]:
    """What `body(index, carried)` gives after the last index of `range(start, end, step)`."""
    before = builder.block
    inside, after = builder.append_basic_block(), builder.append_basic_block()
    builder.cbranch(builder.icmp_signed("<", start, end), inside, after)
    builder.position_at_end(inside)
    index = builder.phi(INT64)
    entering = [builder.phi(value.type) for value in carried]
    leaving = list(body(index, list(entering)))
    following, last = builder.add(index, INT64(step)), builder.block
    builder.cbranch(builder.icmp_signed("<", following, end), inside, after)
    index.add_incoming(start, before)
    index.add_incoming(following, last)
    for phi, first, again in zip(entering, carried, leaving, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(again, last)
    builder.position_at_end(after)
    results = [builder.phi(value.type) for value in carried]
    for phi, first, final in zip(results, carried, leaving, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(final, last)
    return results


def each(
    builder: ir.IRBuilder,
    start: ir.Value,
    end: ir.Value,
    step: int,
    body: Callable[[ir.Value], None],
) -> None:
    """`body(index)` for every index of `range(start, end, step)`."""

    def carrying_nothing(index: ir.Value, _: list[ir.Value]) -> Sequence[ir.Value]:
        body(index)
        return ()

    count(builder, start, end, step, (), carrying_nothing)
