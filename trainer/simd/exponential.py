"""The exponential function on lanes.

The coefficients are a minimax fit to float64, rounded to float32; the error is within a unit in
the last place.
"""

from math import log

from trainer.simd.lanes import Lanes, Vector

ROUNDING = 1.5 * 2.0**23
"""Adding it rounds a float32 to an integer, which then stands in the lowest bits."""
EXP_RANGE = 86.0
"""The exponential is taken of arguments within it, so that no result leaves the normal numbers."""
LN2_HIGH, LN2_LOW = 0.693145751953125, 1.42860682030941723e-06
EXP = (
    *(0.4999999403953552, 0.16666515171527863, 0.04166845604777336),
    *(0.008369418792426586, 0.0013813144760206342),
)


def exponential(lanes: Lanes, x: Vector) -> Vector:
    """`exp(x)` for x within the clamp."""
    shifted = lanes.fma(x, lanes.constant(1 / log(2)), lanes.constant(ROUNDING))
    power = lanes.sub(shifted, lanes.constant(ROUNDING))
    rest = lanes.fma(power, lanes.constant(-LN2_HIGH), x)
    rest = lanes.fma(power, lanes.constant(-LN2_LOW), rest)
    bent = lanes.mul(lanes.mul(rest, rest), lanes.polynomial(rest, EXP))
    mantissa = lanes.add(lanes.add(bent, rest), lanes.constant(1))
    exponent = lanes.builder.shl(lanes.bits(shifted), lanes.ints(23))
    return lanes.floats(lanes.builder.add(lanes.bits(mantissa), exponent))
