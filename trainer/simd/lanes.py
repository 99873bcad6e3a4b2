"""Arithmetic on 16 float32 lanes at a time, written as LLVM instructions.

Every operation is spelled out, fused multiply-adds included, and nothing may be reassociated:
the same bits on every CPU, however wide its registers are.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from llvmlite import ir

LANES = 16
FLOAT = ir.FloatType()
INT32 = ir.IntType(32)
FLOATS = ir.VectorType(FLOAT, LANES)
INTS = ir.VectorType(INT32, LANES)
FMA, FMA_TYPE = f"llvm.fma.v{LANES}f32", ir.FunctionType(FLOATS, [FLOATS] * 3)

Vector: TypeAlias = ir.Value
"""Float32 lanes."""
Mask: TypeAlias = ir.Value
"""One bit a lane."""
Bits: TypeAlias = ir.Value
"""Int32 lanes."""


class Lanes:
    """Emits instructions at the end of a block."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def constant(self, value: float) -> Vector:
        """The same number in every lane, rounded to float32."""
        return ir.Constant(FLOATS, [value] * LANES)

    def broadcast(self, scalar: ir.Value) -> Vector:
        """A float32 in every lane."""
        one = self.builder.insert_element(ir.Constant(FLOATS, ir.Undefined), scalar, INT32(0))
        pattern = ir.Constant(INTS, [0] * LANES)
        return self.builder.shuffle_vector(one, ir.Constant(FLOATS, ir.Undefined), pattern)

    def spread_int(self, scalar: ir.Value) -> Bits:
        """An int32 in every lane."""
        one = self.builder.insert_element(ir.Constant(INTS, ir.Undefined), scalar, INT32(0))
        return self.builder.shuffle_vector(one, one, ir.Constant(INTS, [0] * LANES))

    def shuffle(self, a: Vector, b: Vector, pattern: Sequence[int]) -> Vector:
        """Lanes of `a` (0 to 15) and `b` (16 to 31)."""
        return self.builder.shuffle_vector(a, b, ir.Constant(INTS, list(pattern)))

    def folded(self, a: Vector, pair: Callable[[Vector, Vector], Vector]) -> Vector:
        """All lanes put together by pairs at distance 8, 4, 2, 1; the result in every lane."""
        distance = LANES // 2
        while distance:
            a = pair(a, self.shuffle(a, a, [n ^ distance for n in range(LANES)]))
            distance //= 2
        return a

    def larger(self, a: Vector, b: Vector) -> Vector:
        """The larger one; `b` where either is no number."""
        return self.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def add(self, a: Vector, b: Vector) -> Vector:
        """`a + b`."""
        return self.builder.fadd(a, b)

    def sub(self, a: Vector, b: Vector) -> Vector:
        """`a - b`."""
        return self.builder.fsub(a, b)

    def mul(self, a: Vector, b: Vector) -> Vector:
        """`a * b`."""
        return self.builder.fmul(a, b)

    def div(self, a: Vector, b: Vector) -> Vector:
        """`a / b`."""
        return self.builder.fdiv(a, b)

    def fma(self, a: Vector, b: Vector, c: Vector) -> Vector:
        """`a * b + c`, rounded once."""
        module = self.builder.module
        fma = module.globals.get(FMA) or ir.Function(module, FMA_TYPE, FMA)
        return self.builder.call(fma, [a, b, c])

    def neg(self, a: Vector) -> Vector:
        """`-a`."""
        return self.builder.fneg(a)

    def polynomial(self, x: Vector, coefficients: Sequence[float]) -> Vector:
        """`c0 + c1 x + c2 x^2 + ...` by Horner's rule."""
        *lower, highest = coefficients
        result = self.constant(highest)
        for coefficient in reversed(lower):
            result = self.fma(result, x, self.constant(coefficient))
        return result

    def above(self, a: Vector, b: float) -> Mask:
        """Lanes with `a > b`; not those that are no number."""
        return self.builder.fcmp_ordered(">", a, self.constant(b))

    def below(self, a: Vector, b: float) -> Mask:
        """Lanes with `a < b`; not those that are no number."""
        return self.builder.fcmp_ordered("<", a, self.constant(b))

    def select(self, mask: Mask, a: Vector, b: Vector) -> Vector:
        """`a` where the mask is set, else `b`."""
        return self.builder.select(mask, a, b)

    def clamp(self, a: Vector, low: float, high: float) -> Vector:
        """Between both; what is no number stays what it is."""
        raised = self.select(self.below(a, low), self.constant(low), a)
        return self.select(self.above(raised, high), self.constant(high), raised)

    def bits(self, a: Vector) -> Bits:
        """The representation."""
        return self.builder.bitcast(a, INTS)

    def floats(self, bits: Bits) -> Vector:
        """The numbers of a representation."""
        return self.builder.bitcast(bits, FLOATS)

    def ints(self, value: int) -> Bits:
        """The same integer in every lane."""
        return ir.Constant(INTS, [value] * LANES)

    def absolute(self, a: Vector) -> Vector:
        """`|a|`."""
        return self.floats(self.builder.and_(self.bits(a), self.ints(0x7FFF_FFFF)))

    def sign(self, a: Vector) -> Bits:
        """The sign bit alone."""
        return self.builder.and_(self.bits(a), self.ints(-0x8000_0000))

    def flip(self, a: Vector, sign: Bits) -> Vector:
        """Negated where the sign bit is set."""
        return self.floats(self.builder.xor(self.bits(a), sign))
