"""The reports' markdown as HTML: nothing foreign becomes markup."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.escape import block, code, inline, table, visible
from orchestrator.report.page.rich_text import html, inline_html

HOSTILE = '<script>alert("1")</script> & `</code>` **x** | \\ <|user|> &lt; [a](javascript:b)'
foreign = st.text(max_size=60) | st.sampled_from([HOSTILE, "``", "`", "**", "\\", "|", "\\|"])


class Shown(HTMLParser):
    """Tags and text as a browser has them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.feed(str(page))
        self.close()

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def line(text: str) -> str:
    return " ".join(visible(text).split())


@given(foreign)
def test_inline_text_comes_out_as_it_was(text: str) -> None:
    shown = Shown(inline_html(inline(text)))
    assert (shown.text, shown.tags) == (line(text), [])


@given(foreign, foreign)
def test_a_code_span_holds_all_of_its_text_and_ends(text: str, after: str) -> None:
    shown = Shown(inline_html(f"{code(text)} {inline(after)}"))
    assert shown.tags == ["code"]
    assert shown.text.split() == f"{line(text)} {line(after)}".split()


@given(st.text(max_size=60) | st.just(HOSTILE) | st.just("```\n\n````text"))
def test_a_sample_cannot_leave_its_block(text: str) -> None:
    shown = Shown(html(f"Before:\n\n{block(text)}\n\nAfter **this**."))
    assert shown.tags == ["p", "pre", "p", "strong"]
    assert visible(text).strip() in shown.text


@given(st.lists(foreign, min_size=2, max_size=4))
def test_a_table_has_as_many_cells_as_it_was_given(cells: list[str]) -> None:
    shown = Shown(html(table(["a"] * len(cells), [[inline(cell) for cell in cells]])))
    assert shown.tags.count("th") + shown.tags.count("td") == 2 * len(cells)


def test_the_marks_of_the_reports_are_understood() -> None:
    blocks = [
        "**Bold** and *leaning* with `code`.",
        "- one\n- two",
        "**A title**",
        "| a | b |\n| --- | --- |\n| x | 2.5 |",
    ]
    text = "\n\n".join(blocks)
    shown = Shown(html(text))
    assert shown.tags[:8] == ["p", "strong", "em", "code", "ul", "li", "li", "h3"]
    assert '<td class="number">2.5</td>' in html(text)
    assert shown.text.startswith("Bold and leaning with code.")
