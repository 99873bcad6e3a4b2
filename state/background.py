"""Durable writes that go on while their process computes."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Background:
    """One thread that writes within a `with` block, in the order in which it is asked to.

    Whoever opens the block does no durable operation of its own while a write is under way, so
    that those of a process have one order. The end of the block waits for every write and raises
    the first error that the block has not raised: a full disk concerns the whole run, so it goes
    before what else went wrong. An exit or an interrupt goes before both.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="background write")
        self._failures: list[Callable[[], BaseException | None]] = []

    def begin(
        self,
        write: Callable[_Arguments, _Result],
        *given: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> "Future[_Result]":
        """Write behind what was begun before; nothing is written any more once that has failed.

        Nothing is durable before the future's `result` returns; it raises what the write raised.
        """
        before = tuple(self._failures)

        def in_turn() -> _Result:
            for failure in before:
                if (error := failure()) is not None:
                    raise error
            return write(*given, **named)

        future = self._thread.submit(in_turn)
        self._failures.append(future.exception)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=True)
        if error is not None and not isinstance(error, Exception):
            return
        failed = next((one for failure in self._failures if (one := failure())), None)
        if failed is not None and failed is not error:
            raise failed from error
