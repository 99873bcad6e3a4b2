"""How every figure looks, and how it becomes a file: the same bytes for the same figure.

A colour is known by its name. In an SVG it is a CSS variable of that name with the light colour as
its fall-back, so one drawing suits a light page, a dark page and a viewer without any style.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure as Figure
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LIGHT = {
    "ink": "#1c2430",
    "quiet": "#64707f",
    "rule": "#cdd4dc",
    "grid": "#e9edf1",
    "band": "#f3f5f8",
    "paper": "#fefefe",
    "blue": "#2166ac",
    "red": "#c8402b",
    "green": "#14835f",
    "purple": "#8450a8",
    "ochre": "#a87308",
    "sky": "#3894cc",
    "rose": "#c2447c",
    "moss": "#6f8f1d",
}
"""The light colours by name, no two the same."""
DARK = {
    "ink": "#e4e8ee",
    "quiet": "#98a4b3",
    "rule": "#465160",
    "grid": "#262e39",
    "band": "#1a212b",
    "paper": "#12171e",
    "blue": "#6fb1f0",
    "red": "#f4806b",
    "green": "#4cc79b",
    "purple": "#c297e6",
    "ochre": "#dfae4c",
    "sky": "#86cdf5",
    "rose": "#ef8db8",
    "moss": "#b3d063",
}
"""The dark colours by name, for the style of a page."""
SERIES = ("blue", "red", "green", "purple", "ochre", "sky", "rose", "moss")
"""Names of colours to tell apart, the first ones also by people who see few."""
DASHES = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1.2, 2)))
"""For lines that share a colour."""


class NothingToDraw(ValueError):  # noqa: N818
    """The records hold nothing that the figure shows."""


WIDTH = 7.6
"""Inches; 72 units of an SVG each."""
MAX_POINTS = 2_000
"""Of one curve; more are thinned out."""
PNG_DPI = 144
_ROOT_STYLE = (
    "stroke-linejoin: round; font-family: system-ui, -apple-system, 'Segoe UI', Roboto, "
    "'Helvetica Neue', Arial, sans-serif"
)
_SUPERFLUOUS = (
    (r"<metadata>.*?</metadata>\s*", ""),
    (r"<!--.*?-->\s*", ""),
    (r"<defs>\s*<style.*?</defs>\s*", ""),
    (r" font-family: 'DejaVu Sans';?", ""),
    (r"[ \t]*\n\s*", "\n"),
)
"""Of what matplotlib writes into an SVG: patterns and what stands in their place."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "symbio-auto",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": LIGHT["ink"],
    "axes.labelsize": 9.5,
    "axes.labelcolor": LIGHT["quiet"],
    "axes.edgecolor": LIGHT["rule"],
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.8,
    "text.color": LIGHT["ink"],
    "xtick.color": LIGHT["rule"],
    "ytick.color": LIGHT["rule"],
    "xtick.labelcolor": LIGHT["quiet"],
    "ytick.labelcolor": LIGHT["quiet"],
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "path.simplify": False,
}


@contextmanager
def styled() -> Iterator[None]:
    """What is drawn within it looks alike, whatever the user's own matplotlibrc says."""
    with warnings.catch_warnings(), matplotlib.rc_context():
        # A character that the measuring font lacks is a matter of the reader's fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcParams.update(matplotlib.rcParamsDefault)
        matplotlib.rcParams.update(_STYLE)
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of so many inches; call it within `styled`."""
    return Figure(figsize=(width, height), layout="constrained")


def colour(name: str) -> str:
    """The light colour of a name."""
    return LIGHT[name]


def series(index: int) -> str:
    """The light colour of the `index`-th thing to tell apart; they repeat."""
    return LIGHT[SERIES[index % len(SERIES)]]


def label(text: str, limit: int = 44) -> str:
    """Foreign text for a figure: on one line, printable, cut in its middle."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    shown = "".join(c for c in spaced if unicodedata.category(c) not in _HIDDEN)
    if len(shown) <= limit:
        return shown
    head = (limit - 3) * 2 // 3
    return f"{shown[:head]}...{shown[len(shown) - (limit - 3 - head) :]}"


_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


def y_title(axes: "Axes", text: str) -> None:
    """What the vertical axis shows, written above it where it can be read."""
    axes.set_title(text, fontsize=9.5, fontweight="normal", color=LIGHT["quiet"])


def thinned(
    x: NDArray[np.float64], y: NDArray[np.float64], most: int = MAX_POINTS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most `most` of the points, in order: of each stretch the least and the greatest y.

    A gap (NaN) counts as neither; a stretch of nothing else stays a gap.
    """
    if len(x) <= most:
        return x, y
    bounds = np.linspace(0, len(x), max(1, most // 2) + 1).astype(int)
    kept: list[int] = []
    for start, end in pairwise(bounds.tolist()):
        part = y[start:end]
        if np.isnan(part).all():
            kept.append(start)
        else:
            kept += sorted({start + int(np.nanargmin(part)), start + int(np.nanargmax(part))})
    chosen = np.asarray(kept)
    return x[chosen], y[chosen]


def svg(figure: Figure, name: str = "figure", title: str = "") -> str:
    """An `<svg>` element for a page, its text selectable; `name` sets its ids apart from others'.

    `title` is what a screen reader says of it.
    """
    with styled():
        _settle(figure)
        stream = BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue().decode()
    text = _own_ids(text[text.index("<svg") :], name)
    for pattern, replacement in _SUPERFLUOUS:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    text = re.sub(r'style="[^"]*"', lambda found: _variables(found[0]), text)
    text = re.sub(r' d="[^"]*"', lambda found: _short_path(found[0]), text)
    root = f'<svg role="img" aria-label="{_attribute(title)}" style="{_ROOT_STYLE}" '
    return text.replace("<svg ", root, 1).strip()


def png(figure: Figure) -> bytes:
    """The figure on white."""
    with styled():
        _settle(figure)
        stream = BytesIO()
        figure.savefig(
            stream,
            format="png",
            dpi=PNG_DPI,
            facecolor=LIGHT["paper"],
            metadata={"Software": None},
        )
    return stream.getvalue()


def _settle(figure: Figure) -> None:
    """Lay the figure out, once: else each drawing would begin where the last one ended, and draw
    it twice.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        # Not "none": a place holder has each saving draw for a layout that there is no more.
        figure.set_layout_engine(None)


def root_variables(colours: dict[str, str]) -> str:
    """CSS declarations of the colours."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def _own_ids(text: str, name: str) -> str:
    """Ids that something refers to get a prefix, the others go."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(
        r' id="([^"]*)"',
        lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "",
        text,
    )
    return re.sub(r'(href="#|url\(#)([^")]+)', rf"\g<1>{name}-\g<2>", text)


_NAMES = {value: name for name, value in LIGHT.items()}
_COLOUR = re.compile("|".join(_NAMES))


def _variables(style: str) -> str:
    """A style with the page's colours in the place of the drawing's."""
    return _COLOUR.sub(lambda found: f"var(--{_NAMES[found[0]]}, {found[0]})", style)


def _short_path(path: str) -> str:
    """With two decimals, which is a hundredth of a point."""
    path = re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.2f}", path)
    return " ".join(path.split()).replace(' "', '"').replace("d=", " d=", 1)


def _attribute(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text
