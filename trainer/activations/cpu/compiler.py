"""Machine code for the structures that were used lately."""

from functools import lru_cache

from trainer.activations.cpu.loops import LoopName, Precision, module_of
from trainer.activations.cpu.structure import Structure
from trainer.simd.machine import Code, machine_code

MAX_KEPT = 512
"""Loops, of a tenth of a megabyte each; what is used again later is compiled again."""


@lru_cache(maxsize=MAX_KEPT)
def compiled(name: LoopName, formula: Structure, num_slots: int, precision: Precision) -> Code:
    """A loop over a formula: of the addresses of inputs, outputs and constants, and of the number
    of 16s.
    """
    module = module_of(name, formula, num_slots, precision)
    return machine_code(module, name)
