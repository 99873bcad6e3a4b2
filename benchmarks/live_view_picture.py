"""Draw docs/figures/live-view.svg: the live view of a run as it stands.

python -m benchmarks.live_view_picture --run RUN --columns 132 --rows 43
"""

import argparse
import io
import re
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from dashboard.terminal.moment import Moment
from dashboard.terminal.run_reader import RunReader
from dashboard.terminal.view import Frame
from state.run_folder import RunFolder

FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "live-view.svg"
LOOKS = 50
"""The view reads a long past a part at a time."""
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
THEME = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        *((72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34)),
        *((88, 166, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196)),
    ],
    [
        *((110, 118, 129), (255, 161, 152), (86, 211, 100), (227, 179, 65)),
        *((121, 192, 255), (210, 168, 255), (86, 212, 221), (240, 246, 252)),
    ],
)


def main() -> None:
    """Read the run and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="a run's folder, going on or ended")
    parser.add_argument("--columns", type=int, default=132)
    parser.add_argument("--rows", type=int, default=43)
    arguments = parser.parse_args()
    console = Console(
        record=True,
        width=arguments.columns,
        height=arguments.rows,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(frame(arguments.run, arguments.columns, arguments.rows), end="")
    svg = console.export_svg(title="symbio-auto", theme=THEME, unique_id="live")
    FIGURE.write_text(with_own_fonts(svg), encoding="utf-8")
    print(FIGURE)


def frame(run: Path, columns: int, rows: int) -> Frame:
    """What `watch` would show now."""
    with RunReader(RunFolder(run)) as reader:
        for _ in range(LOOKS):
            reader.read()
        elapsed, eta = reader.times(0.0, datetime.now(UTC), working=True)
        return Frame(reader.view, Moment(elapsed=elapsed, eta=eta), columns, rows)


def with_own_fonts(svg: str) -> str:
    """Without the fonts that a reader's machine would have to fetch."""
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return re.sub(r"Fira Code, monospace|Fira Code", FONTS, svg)


if __name__ == "__main__":
    main()
