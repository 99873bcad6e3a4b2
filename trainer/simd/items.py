"""A function that works through items, heads or strips, one after the other."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from llvmlite import ir

from trainer.simd.counting import INT64, each
from trainer.simd.lanes import Lanes

PassName: TypeAlias = Literal["forward", "backward"]


class Item(NamedTuple):
    """One of them, and what all share."""

    lanes: Lanes
    index: ir.Value
    """Among all items."""
    pointers: Sequence[ir.Value]
    numbers: Sequence[ir.Value]
    """int64."""


def module_over_items(
    name: str, num_pointers: int, num_numbers: int, work: Callable[[Item], None]
) -> ir.Module:
    """The function of that name. Its arguments: pointers, then numbers (int64), last the first of
    its items and how many: some items here and others there run side by side.
    """
    module, pointer = ir.Module(name=name), ir.PointerType()
    arguments = [pointer] * num_pointers + [INT64] * (num_numbers + 2)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    pointers, numbers = function.args[:num_pointers], function.args[num_pointers:-2]
    first, number = function.args[-2:]
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    lanes = Lanes(builder)

    def one(index: ir.Value) -> None:
        work(Item(lanes, index, pointers, numbers))

    each(builder, first, builder.add(first, number), 1, one)
    builder.ret_void()
    return module
