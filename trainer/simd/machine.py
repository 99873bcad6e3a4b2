"""From a module of instructions to a function that can be called.

Code is made in some ten milliseconds, lives as long as what `machine_code` returned, and is kept
nowhere else.
"""

from collections.abc import Iterable
from ctypes import CFUNCTYPE, c_int64, c_void_p
from functools import cache
from itertools import count
from typing import Any

from llvmlite import binding, ir

NUMBERS = count()


class Code:
    """A function of addresses and integers. It runs without Python's lock."""

    def __init__(self, library: Any, address: int, types: Iterable[ir.Type]) -> None:  # noqa: ANN401
        self.library = library
        """What holds the machine code."""
        arguments = (c_void_p if isinstance(one, ir.PointerType) else c_int64 for one in types)
        self.function = CFUNCTYPE(None, *arguments)(address)

    def __call__(self, *arguments: int) -> None:
        """Run it."""
        self.function(*arguments)


def machine_code(module: ir.Module, name: str) -> Code:
    """The function of that name, for this CPU with all it can do."""
    builder = binding.JITLibraryBuilder().add_ir(str(module)).export_symbol(name)
    library = builder.link(compiler(), f"{name} {next(NUMBERS)}")
    return Code(library, library[name], [one.type for one in module.globals[name].args])


@cache
def compiler() -> Any:  # noqa: ANN401
    """The compiler of this process."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=2,
        jit=True,
    )
    return binding.create_lljit_compiler(machine)
