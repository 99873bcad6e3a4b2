"""Hostile text inside markdown."""

import re

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.escape import block, code, inline, table, visible

ALPHABET = st.text(alphabet="ab|`*\\\n\r\x1b\u202e \u2028#<>[]_", max_size=40)


@given(ALPHABET)
def test_inline_text_has_no_live_markup(text: str) -> None:
    shown = inline(text)
    assert "\n" not in shown
    assert not re.sub(r"\\.", "", shown).strip("ab ")


@given(st.lists(ALPHABET, min_size=2, max_size=4))
def test_a_row_has_as_many_cells_as_its_header(texts: list[str]) -> None:
    for cell in (inline, code):
        row = table(["h"] * len(texts), [[cell(text) for text in texts]]).splitlines()
        assert len(row) == 3
        assert len(re.findall(r"(?<!\\)\|", row[2])) == len(texts) + 1


@given(ALPHABET)
def test_a_block_is_closed_by_its_own_fence_only(text: str) -> None:
    first, *middle, last = block(text).split("\n")
    fence = first.removesuffix("text")
    assert last == fence
    assert all(not line.startswith(fence) for line in middle)


@given(st.text(max_size=60))
def test_no_terminal_sequence_or_direction_change_gets_through(text: str) -> None:
    shown = visible(f"\x1b[31m{text}\x9b\u202e\u2066")
    assert all(character >= " " or character in "\n\t" for character in shown)
    assert not set("\x7f\x9b\u202e\u2066") & set(shown)


def test_words_survive() -> None:
    assert visible("a\tb\r\nc\u0007") == "a\tb\nc"
    assert inline("see http://x.example") == r"see http:\//x.example"
