"""Telling a shortage of memory from other failures. Imports no torch: who asks may not have it."""

NAMES = ("MemoryError", "OutOfMemoryError")
"""Of what is raised where memory is short, torch's own error of a GPU the second."""


def out_of_memory(error: BaseException) -> bool:
    """Whether that is what it says: torch's allocator of the CPU has no error of its own."""
    if isinstance(error, MemoryError) or type(error).__name__ in NAMES:
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


def kind_of(error: BaseException) -> str:
    """The name of an error's kind; every shortage has one of `NAMES`."""
    name = type(error).__name__
    return NAMES[0] if out_of_memory(error) and name not in NAMES else name
