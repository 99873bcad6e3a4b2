"""Keeping what a library may not change: how this process answers a signal."""

import ctypes
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept(number: signal.Signals) -> Iterator[None]:
    """Answer the signal after it as before it, whatever is installed meanwhile.

    Works in every thread, unlike `signal.signal`, and below it: libraries install handlers that
    Python does not hear of.
    """
    get, put = ctypes.pythonapi.PyOS_getsig, ctypes.pythonapi.PyOS_setsig
    get.argtypes, get.restype = [ctypes.c_int], ctypes.c_void_p
    put.argtypes, put.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
    before = get(number)
    try:
        yield
    finally:
        put(number, before)
