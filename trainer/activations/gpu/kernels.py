"""Whole kernels: what is read, what is written, and the branch that each member takes.

Arrays are [M, N]: M members, N elements of each. A program of the grid is a block of one member's
elements.
"""

from collections.abc import Sequence
from functools import lru_cache
from textwrap import indent
from typing import Any, NamedTuple

from trainer.activations.cpu.structure import Function, Slot, Structure
from trainer.activations.gpu.source import Dual, Lines, emit
from trainer.activations.gpu.written import written_module
from trainer.activations.recomputed import LoopName

MAX_KEPT = 512
"""Kernels of a process; Triton keeps what it compiled on the disk."""


class Loop(NamedTuple):
    """Arrays read, arrays written, and what is written as expressions of `f`, `df` and the rest."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


LOOPS: dict[LoopName, Loop] = {
    "value": Loop(("x",), ("{f}",)),
    "pull": Loop(("x", "g"), ("g * {df}",)),
    "gated_value": Loop(("x", "u"), ("{f} * u",)),
    "gated_pull": Loop(("x", "u", "g"), ("g * ({df} * u)", "g * {f}")),
}
"""x, the factor u where it is gated, and the upstream gradient g in a `pull`."""

HEAD = """\
import triton
import triton.language as tl


@triton.jit
def activation({arguments}, constants, programs, rows, size, slots, BLOCK: tl.constexpr):
    member = tl.load(rows + tl.program_id(1))
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    start = member.to(tl.int64) * size
    table = constants + member * slots
    program = tl.load(programs + member)
{loads}
"""


@lru_cache(maxsize=MAX_KEPT)
def kernel(name: LoopName, formulas: tuple[Structure, ...]) -> Any:  # noqa: ANN401
    """A kernel whose members each compute one of the formulas; Triton's types are not known here.

    It takes its inputs, its outputs, the constants [M, slots], the numbers [M] of the formulas, the
    members that it is for, N and the number of slots.
    """
    return written_module(kernel_source(name, formulas)).activation


def kernel_source(name: LoopName, formulas: Sequence[Structure]) -> str:
    """The text of that kernel."""
    loop = LOOPS[name]
    outputs = [f"to{number}" for number in range(len(loop.outputs))]
    loads = "".join(
        f"    {one} = tl.load({one}_at + start + place, mask=inside, other=0.0).to(tl.float32)\n"
        for one in loop.inputs
    )
    arguments = ", ".join([*(f"{one}_at" for one in loop.inputs), *outputs])
    text = HEAD.format(arguments=arguments, loads=loads.rstrip("\n"))
    if len(formulas) == 1:
        return text + indent(_body(loop, outputs, formulas[0]), "    ")
    for number, formula in enumerate(formulas):
        text += f"    if program == {number}:\n"
        text += indent(_body(loop, outputs, formula), "        ")
    return text


def _body(loop: Loop, outputs: Sequence[str], formula: Structure) -> str:
    lines = Lines()
    slots = sorted(slots_of(formula))
    constants = [f"k{index} = tl.load(table + {index})" for index in slots]
    dual: Dual = emit(lines, formula, {})
    stores = [
        f"tl.store({at} + start + place, {what.format(f=dual.value, df=dual.slope)}, mask=inside)"
        for at, what in zip(outputs, loop.outputs, strict=True)
    ]
    return "\n".join([*constants, *lines.written, *stores]) + "\n"


def slots_of(formula: Structure) -> set[int]:
    """The numbers of the constants that a formula takes."""
    if isinstance(formula, Slot):
        return {formula.index} | slots_of(formula.inner)
    if isinstance(formula, Function):
        return set() if formula.inner is None else slots_of(formula.inner)
    parts = getattr(formula, "terms", ()) or getattr(formula, "factors", ())
    return set().union(*map(slots_of, parts))
