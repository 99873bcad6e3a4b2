"""The reports' own markdown as HTML: what `orchestrator.report.escape` writes, and no more.

Whatever is not one of its few marks is text, so nothing foreign becomes markup.
"""

import re
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

LONG = 48
"""Cells with more letters need room."""
_TOKEN = re.compile(r"\\(?P<literal>[!-/:-@\[-`{-~])|(?P<fence>`+)|(?P<strong>\*\*)|(?P<em>\*)")
_FENCE = re.compile(r"^(?P<mark>`{3,})text\n(?P<body>.*?)\n(?P=mark)$", re.DOTALL | re.MULTILINE)
_CELL_END = re.compile(r"(?<!\\)\|")


def html(markdown: str) -> Markup:
    """Paragraphs, lists, tables and fenced blocks."""
    parts: list[Markup] = []
    position = 0
    for found in _FENCE.finditer(markdown):
        parts += map(_block, _blocks(markdown[position : found.start()]))
        parts.append(Markup('<pre tabindex="0">{}</pre>').format(found["body"]))
        position = found.end()
    parts += map(_block, _blocks(markdown[position:]))
    return Markup("\n").join(parts)


def inline_html(text: str, *, is_cell: bool = False) -> Markup:
    """Code spans, bold, italics and backslash escapes within one line.

    In a cell of a table a pipe is escaped even in a code span.
    """
    parts: list[Markup] = []
    is_open = {"strong": False, "em": False}
    position = 0
    while (found := _TOKEN.search(text, position)) is not None:
        parts.append(escape(text[position : found.start()]))
        position = found.end()
        match found.lastgroup:
            case "literal":
                parts.append(escape(found["literal"]))
            case "fence":
                body, position = _code(text, found, is_cell=is_cell)
                parts.append(body)
            case name:
                assert name is not None
                parts.append(Markup(f"</{name}>" if is_open[name] else f"<{name}>"))
                is_open[name] = not is_open[name]
    parts.append(escape(text[position:]))
    parts += [Markup(f"</{name}>") for name in ("em", "strong") if is_open[name]]
    return Markup().join(parts)


def _code(text: str, found: re.Match[str], *, is_cell: bool) -> tuple[Markup, int]:
    """The code span that a fence opens and where it ends; the fence itself where none closes it."""
    fence = found["fence"]
    end = re.compile(rf"(?<!`){fence}(?!`)").search(text, found.end())
    if end is None:
        return escape(fence), found.end()
    body = text[found.end() : end.start()]
    body = body.replace("\\|", "|") if is_cell else body
    if body.startswith(" ") and body.endswith(" ") and body.strip():
        body = body[1:-1]
    return Markup("<code>{}</code>").format(body), end.end()


def _blocks(markdown: str) -> Iterator[str]:
    for block in re.split(r"\n{2,}", markdown):
        if block.strip():
            yield block.strip("\n")


def _block(block: str) -> Markup:
    lines = block.split("\n")
    if all(line.startswith("- ") for line in lines):
        items = Markup().join(Markup("<li>{}</li>").format(inline_html(line[2:])) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    if len(lines) > 1 and all(line.startswith("| ") for line in lines):
        return table_html(_cells(lines[0]), [_cells(line) for line in lines[2:]])
    title = re.fullmatch(r"\*\*(.*)\*\*", block)
    if title and "**" not in title[1]:
        return Markup("<h3>{}</h3>").format(inline_html(title[1]))
    return Markup("<p>{}</p>").format(inline_html(" ".join(lines)))


def table_html(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table of markdown cells that scrolls within itself on a narrow screen."""
    head = Markup().join(Markup('<th scope="col">{}</th>').format(_in_cell(c)) for c in header)
    body = Markup("\n").join(Markup("<tr>{}</tr>").format(_row(row)) for row in rows)
    return Markup(
        '<div class="table" tabindex="0"><table><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(head, body)


def _row(cells: Sequence[str]) -> Markup:
    first = Markup('<th scope="row">{}</th>').format(_in_cell(cells[0]))
    rest = (_cell(cell) for cell in cells[1:])
    return Markup().join([first, *rest])


def _cell(cell: str) -> Markup:
    kind = ' class="words"' if len(cell) > LONG else ""
    kind = ' class="number"' if _NUMBER.fullmatch(cell) else kind
    return Markup(f"<td{kind}>{{}}</td>").format(_in_cell(cell))


_NUMBER = re.compile(r"[*]*[-+]?[\d.,]+( [a-zA-Z%]{1,5})?[*]*|-")


def _in_cell(text: str) -> Markup:
    return inline_html(text, is_cell=True)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _CELL_END.split(line.strip())[1:-1]]
