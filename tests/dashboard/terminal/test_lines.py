"""Lines of text in an exact number of cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from dashboard.terminal.lines import fitted, joined, num_lines, titled, wrapped

WORDS = st.text(alphabet="ab é日本 ", max_size=80)


@given(WORDS, st.integers(1, 40))
def test_a_fitted_line_has_its_width(text: str, width: int) -> None:
    assert fitted(Text(text), width).cell_len == width


def test_a_cut_is_marked() -> None:
    assert fitted(Text("abcdef"), 4).plain == "abc…"
    assert fitted(Text("ab"), 4).plain == "ab  "


@given(WORDS, st.integers(2, 40))
def test_wrapping_loses_no_word_and_no_line_is_too_long(text: str, width: int) -> None:
    lines = wrapped(Text(text), width, 1000)
    assert len(lines) == num_lines([Text(text)], width)
    assert all(cell_len(line.plain) <= width for line in lines)
    assert "".join("".join(line.plain for line in lines).split()) == "".join(text.split())


def test_lines_are_broken_between_words() -> None:
    lines = wrapped(Text("the quick brown fox"), 10, 5)
    assert [line.plain for line in lines] == ["the quick", "brown fox"]
    assert [line.plain for line in wrapped(Text("abcdefgh ij"), 4, 5)] == ["abcd", "efgh", "ij"]


def test_text_that_is_left_over_is_marked() -> None:
    assert [line.plain for line in wrapped(Text("one two three four"), 9, 1)] == ["one two …"]
    assert wrapped(Text("one"), 9, 0) == []


@given(
    st.lists(st.tuples(st.text("ab", max_size=9), st.integers(0, 5)), max_size=6),
    st.integers(1, 30),
)
def test_facts_that_do_not_fit_are_left_out_by_rank(
    facts: list[tuple[str, int]], width: int
) -> None:
    line = joined([(Text(text), rank) for text, rank in facts], width)
    shown = line.plain.split("  ") if line.plain else []
    assert all(text in shown for text, rank in facts if rank == 0 and text)
    assert line.cell_len <= width or all(
        text in {own for own, rank in facts if rank == 0} for text in shown
    )


def test_the_greatest_rank_goes_first() -> None:
    facts = [(Text("run"), 0), (Text("device"), 5), (Text("best"), 1)]
    assert joined(facts, 40).plain == "run  device  best"
    assert joined(facts, 16).plain == "run  best"
    assert joined(facts, 8).plain == "run"


@pytest.mark.parametrize("width", [0, 1, 4, 20])
def test_a_title_is_followed_by_a_rule(width: int) -> None:
    line = titled(Text("loss"), width)
    assert line.cell_len == width
    assert line.plain == {0: "", 1: "…", 4: "loss", 20: "loss " + "─" * 15}[width]
