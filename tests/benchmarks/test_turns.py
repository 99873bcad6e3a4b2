"""Taking turns: everyone as often, nobody always first; processes that answer or say why not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.speed.serving import Block
from benchmarks.speed.turns import Process, Together, interleaved
from benchmarks.speed.workplace import block_seconds, markdown
from state.base import Record

STAND_IN = "tests.benchmarks.stand_in"


class Steady:
    """A subject whose steps take equally long; it notes its turns."""

    def __init__(self, name: str, step_seconds: float, turns: list[tuple[str, int]]) -> None:
        self.name, self.step_seconds, self.turns = name, step_seconds, turns

    def run(self, steps: int) -> Block:
        self.turns.append((self.name, steps))
        seconds = steps * self.step_seconds
        return Block(steps=steps, seconds=seconds, cpu_seconds=seconds, loss=1.0)


@pytest.mark.parametrize("equal", [False, True])
def test_blocks_are_as_long_as_asked_and_the_order_turns_round(equal: bool) -> None:
    turns: list[tuple[str, int]] = []
    subjects = [Steady("quick", 0.01, turns), Steady("slow", 0.5, turns)]
    timings = interleaved(subjects, blocks=4, seconds=2, equal=equal)
    quick = 4 if equal else 200
    round_trip = [("quick", quick), ("slow", 4), ("slow", 4), ("quick", quick)]
    assert turns[-8:] == 2 * round_trip
    assert {name: len(timing.blocks) for name, timing in timings.items()} == {"quick": 4, "slow": 4}
    assert timings["slow"].first_step_seconds == 0.5


def test_a_step_longer_than_a_block_is_a_block() -> None:
    timings = interleaved([Steady("long", 9.0, [])], blocks=2, seconds=1)
    assert [block.steps for block in timings["long"].blocks] == [1, 1]


class Nothing(Record):
    """An order for the stand-in."""

    fails: bool = False


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    opened = Process("stand-in", STAND_IN, Nothing(), tmp_path / "log")
    yield opened
    opened.close()


def test_a_process_answers_each_turn_whatever_it_prints(process: Process) -> None:
    assert process.parameters == 7
    first, second = process.run(3), process.run(5)
    assert (first.steps, first.loss) == (3, 3.0)
    assert (second.steps, second.loss) == (5, 8.0)
    assert "printed" in process.log.read_text(encoding="utf-8")


def test_steps_of_processes_that_work_together_add_up(process: Process) -> None:
    both = Together("both", [process]).run(4)
    assert (both.steps, both.loss) == (4, 4.0)


def test_a_process_that_ends_says_what_it_said_last(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="broken on purpose"):
        Process("stand-in", STAND_IN, Nothing(fails=True), tmp_path / "log")


def test_many_blocks_share_the_minutes() -> None:
    assert block_seconds(2, 60) == 2.0
    assert block_seconds(60, 1) < 60


def test_a_table_has_a_line_for_each_row_under_its_head() -> None:
    lines = markdown([{"who": "a", "ratio": 1.25}, {"who": "b", "ratio": None}])
    assert lines[0] == "| who | ratio |"
    assert lines[2:] == ["| a | 1.25 |", "| b |  |"]
    assert markdown([]) == []
