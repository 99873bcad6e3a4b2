"""What a reader notices of a journal that grows, is cut and grows again."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.reporter.cursor import MOST_MARKS, Mark, with_mark
from dashboard.reporter.journal import StepJournal

LINE = {
    "phase": "training",
    "generation": 0,
    "member_id": "m",
    "loss": 1.0,
    "learning_rate": 0.1,
    "grad_norm": 1.0,
    "clip_coef": 1.0,
    "clip_pct": 0.0,
    "skipped": False,
    "tokens_per_sec": 1.0,
}


def line(step: int, generation: int = 0, ms: float = 1.0) -> bytes:
    row = {**LINE, "generation": generation, "step": step, "ms_per_step": ms}
    return json.dumps(row).encode() + b"\n"


def test_whole_lines_are_read_once_and_what_is_no_row_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    journal = StepJournal(path, "run")
    nothing = journal.read(Mark(), 10)
    assert nothing is not None
    assert (nothing.rows, nothing.mark) == ([], Mark())
    path.write_bytes(line(1) + b"{}\nnonsense\n" + line(2, 4) + line(3)[:-5])
    read = journal.read(Mark(), 10)
    assert read is not None
    assert [row["step"] for row in read.rows] == [1, 2]
    assert read.rows[0] == read.rows[0] | {"run_id": "run", "member": "m", "ms_per_iter": 1.0}
    assert (read.num_damaged, read.mark.generation, read.num_left) == (2, 4, len(line(3)) - 5)
    assert journal.num_lines(Mark()) == 4
    again = journal.read(read.mark, 10)
    assert again is not None
    assert (again.rows, again.mark) == ([], read.mark)


@pytest.mark.parametrize("regrown", [0, 1, 3, 9])
@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_cut_is_noticed_however_far_the_file_has_grown_again(
    tmp_path: Path, kept: int, regrown: int
) -> None:
    path = tmp_path / "metrics.jsonl"
    journal = StepJournal(path, "run")
    path.write_bytes(b"".join(map(line, range(5))))
    read = journal.read(Mark(), 10)
    assert read is not None
    path.write_bytes(
        b"".join([*map(line, range(kept)), *(line(kept + one, ms=2.5) for one in range(regrown))])
    )
    assert not journal.holds(read.mark)
    assert journal.read(read.mark, 10) is None


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=200))
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_marks_stay_few_and_reach_from_the_beginning_to_the_end(lengths: list[int]) -> None:
    marks: tuple[Mark, ...] = (Mark(),)
    for length in lengths:
        new = Mark(num_bytes=marks[-1].num_bytes + length)
        marks = with_mark(marks, new)
        assert marks[-1] == new
    assert marks[0] == Mark()
    assert len(marks) <= MOST_MARKS
    assert list(marks) == sorted(marks, key=lambda one: one.num_bytes)
    assert with_mark(marks, marks[-1]) == marks
