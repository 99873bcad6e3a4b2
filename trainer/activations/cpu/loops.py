"""The loops around a formula: what is read, what is written, 16 elements at a time."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from llvmlite import ir

from trainer.activations.cpu.dual import emit
from trainer.activations.cpu.functions import Dual
from trainer.activations.cpu.structure import Structure
from trainer.simd.lanes import FLOAT, FLOATS, LANES, Lanes, Vector

Precision: TypeAlias = Literal["float32", "bfloat16"]
LoopName: TypeAlias = Literal["value", "slope", "pull", "gated_value", "gated_slopes", "gated_pull"]
INT16, INT64 = ir.IntType(16), ir.IntType(64)
INT16S, INT32S = ir.VectorType(INT16, LANES), ir.VectorType(ir.IntType(32), LANES)


Body: TypeAlias = Callable[[Lanes, Dual, Sequence[Vector]], Sequence[Vector]]
"""From f(x) with its slope and the inputs behind x to what is written, 16 elements of each."""


class Loop(NamedTuple):
    """Arrays read, arrays written, and what is written."""

    num_inputs: int
    num_outputs: int
    body: Body


def value(_lanes: Lanes, f: Dual, _inputs: Sequence[Vector]) -> Sequence[Vector]:
    """`f(x)`."""
    return [f.value]


def slope(_lanes: Lanes, f: Dual, _inputs: Sequence[Vector]) -> Sequence[Vector]:
    """`f(x)` and `f'(x)`."""
    return [f.value, f.slope]


def pull(lanes: Lanes, f: Dual, inputs: Sequence[Vector]) -> Sequence[Vector]:
    """The gradient of x from that of `f(x)`."""
    return [lanes.mul(inputs[0], f.slope)]


def gated_value(lanes: Lanes, f: Dual, inputs: Sequence[Vector]) -> Sequence[Vector]:
    """`f(x) u`."""
    return [lanes.mul(f.value, inputs[0])]


def gated_slopes(lanes: Lanes, f: Dual, inputs: Sequence[Vector]) -> Sequence[Vector]:
    """`f(x) u` and its derivatives by x and by u."""
    (u,) = inputs
    return [lanes.mul(f.value, u), lanes.mul(f.slope, u), f.value]


def gated_pull(lanes: Lanes, f: Dual, inputs: Sequence[Vector]) -> Sequence[Vector]:
    """The gradients of x and u from that of `f(x) u`."""
    u, upstream = inputs
    return [lanes.mul(upstream, lanes.mul(f.slope, u)), lanes.mul(upstream, f.value)]


LOOPS: dict[LoopName, Loop] = {
    "value": Loop(1, 1, value),
    "slope": Loop(1, 2, slope),
    "pull": Loop(2, 1, pull),
    "gated_value": Loop(2, 1, gated_value),
    "gated_slopes": Loop(2, 3, gated_slopes),
    "gated_pull": Loop(3, 2, gated_pull),
}
"""Read is x, then the factor u where it is gated, then the upstream gradient in a `pull`."""


def module_of(
    name: LoopName, formula: Structure, num_slots: int, precision: Precision
) -> ir.Module:
    """One loop over a formula. It takes pointers to its inputs, its outputs and the constants, and
    the number of 16s.
    """
    module, loop = ir.Module(name="activation"), LOOPS[name]
    pointer = ir.PointerType()
    arrays = loop.num_inputs + loop.num_outputs
    kind = ir.FunctionType(ir.VoidType(), [pointer] * (arrays + 1) + [INT64])
    function = ir.Function(module, kind, name)
    *pointers, constants_at, count = function.args
    entry, body, end = (function.append_basic_block(label) for label in ("entry", "body", "end"))
    builder = ir.IRBuilder(entry)
    lanes = Lanes(builder)
    constants = [_constant(lanes, constants_at, index) for index in range(num_slots)]
    builder.cbranch(builder.icmp_signed(">", count, INT64(0)), body, end)
    builder.position_at_end(body)
    index = builder.phi(INT64)
    index.add_incoming(INT64(0), entry)
    inputs = [_load(lanes, array, index, precision) for array in pointers[: loop.num_inputs]]
    dual = emit(lanes, formula, inputs[0], constants)
    results = loop.body(lanes, dual, inputs[1:])
    for array, result in zip(pointers[loop.num_inputs :], results, strict=True):
        _store(lanes, result, array, index, precision)
    following = builder.add(index, INT64(1))
    index.add_incoming(following, body)
    builder.cbranch(builder.icmp_signed("<", following, count), body, end)
    builder.position_at_end(end)
    builder.ret_void()
    return module


def _constant(lanes: Lanes, array: ir.Value, index: int) -> Vector:
    place = lanes.builder.gep(array, [INT64(index)], source_etype=FLOAT)
    return lanes.broadcast(lanes.builder.load(place, typ=FLOAT))


def _load(lanes: Lanes, array: ir.Value, index: ir.Value, precision: Precision) -> Vector:
    builder = lanes.builder
    if precision == "float32":
        place = builder.gep(array, [index], source_etype=FLOATS)
        return builder.load(place, typ=FLOATS, align=4)
    place = builder.gep(array, [index], source_etype=INT16S)
    high = builder.zext(builder.load(place, typ=INT16S, align=2), INT32S)
    return lanes.floats(builder.shl(high, lanes.ints(16)))


def _store(
    lanes: Lanes, result: Vector, array: ir.Value, index: ir.Value, precision: Precision
) -> None:
    builder = lanes.builder
    if precision == "float32":
        place = builder.gep(array, [index], source_etype=FLOATS)
        builder.store(result, place, align=4)
        return
    place = builder.gep(array, [index], source_etype=INT16S)
    builder.store(_rounded(lanes, result), place, align=2)


def _rounded(lanes: Lanes, value: Vector) -> ir.Value:
    """To bfloat16, ties to even; what is no number stays none."""
    builder, bits = lanes.builder, lanes.bits(value)
    even = builder.and_(builder.lshr(bits, lanes.ints(16)), lanes.ints(1))
    bias = builder.add(even, lanes.ints(0x7FFF))
    rounded = builder.lshr(builder.add(bits, bias), lanes.ints(16))
    unordered = builder.fcmp_unordered("uno", value, value)
    return builder.trunc(builder.select(unordered, lanes.ints(0x7FC0), rounded), INT16S)
