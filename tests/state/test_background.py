"""Writes behind the back of whoever computes: their order, and where their errors come out."""

import threading
from concurrent.futures import Future

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.background import Background

SECONDS = 60.0


class KilledError(BaseException):
    """Stands for a kill: nothing may catch it."""


class Writes:
    """Writes that are begun together, of which one may fail."""

    def __init__(self, number: int, failing: int | None, error: BaseException) -> None:
        self.number, self.failing, self.error = number, failing, error
        self.written: list[int] = []
        self.futures: list[Future[int]] = []

    def run(self) -> None:
        with Background() as background:
            self.futures += [background.begin(self.write, index) for index in range(self.number)]

    def write(self, index: int) -> int:
        if index == self.failing:
            raise self.error
        self.written.append(index)
        return index


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 11), st.sampled_from([OSError("full"), KilledError()]))
def test_what_was_asked_first_is_written_first_and_nothing_behind_a_failure(
    number: int, failing: int, error: BaseException
) -> None:
    whole, cut = Writes(number, None, error), Writes(number, failing % number, error)
    whole.run()
    assert whole.written == [future.result() for future in whole.futures] == list(range(number))
    with pytest.raises(type(error)) as raised:
        cut.run()
    assert raised.value is error
    assert cut.written == list(range(failing % number))
    assert [future.exception() for future in cut.futures] == [
        None if index < failing % number else error for index in range(number)
    ]


def test_a_block_ends_when_its_writes_have() -> None:
    begun, go_on = threading.Event(), threading.Event()
    written: list[str] = []

    def write() -> str:
        begun.set()
        assert go_on.wait(SECONDS)
        written.append("bytes")
        return "name"

    with Background() as background:
        future = background.begin(write)
        # It goes on meanwhile: else this would wait for ever.
        assert begun.wait(SECONDS)
        assert not future.done()
        go_on.set()
    assert written == ["bytes"]
    assert future.result() == "name"


def fail() -> None:
    raise OSError("the disk is full")


def test_an_error_of_a_write_goes_before_one_of_the_block() -> None:
    with pytest.raises(OSError, match="the disk is full") as raised, Background() as background:
        background.begin(fail)
        raise ArithmeticError("the loss is not finite")
    assert isinstance(raised.value.__cause__, ArithmeticError)


def test_an_error_that_the_block_has_seen_is_raised_as_it_is() -> None:
    with pytest.raises(OSError, match="the disk is full") as raised, Background() as background:
        background.begin(fail).result()
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, KilledError])
def test_nothing_goes_before_leaving_but_the_writes_themselves(
    leaving: type[BaseException],
) -> None:
    written: list[int] = []
    with pytest.raises(leaving), Background() as background:
        background.begin(written.append, 1)
        background.begin(fail)
        raise leaving
    assert written == [1]


def test_an_error_of_the_block_alone_passes() -> None:
    with pytest.raises(ArithmeticError), Background() as background:
        background.begin(int)
        raise ArithmeticError
