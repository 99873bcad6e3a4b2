"""Making something beside other work, in a thread."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Ahead(Generic[Made]):
    """What `make` makes, in a thread that stays until it is told that nobody needs it any more.

    Linux counts a thread as the parent of the processes that it started: those that are to die
    with their parent, as Ray's servers are, die with the thread.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._made: Future[Made] = Future()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(make,), name="ahead", daemon=True)
        self._thread.start()

    def result(self) -> Made:
        """Wait for it; raises what `make` raised."""
        return self._made.result()

    def end(self) -> None:
        """Let the thread go; safe to call twice."""
        self._over.set()
        self._thread.join()

    def _work(self, make: Callable[[], Made]) -> None:
        try:
            self._made.set_result(make())
        # The border: whoever asks for the result is the one to be told.
        except BaseException as error:  # noqa: BLE001
            self._made.set_exception(error)
        self._over.wait()
