"""Templates, and what every page's answer carries. Everything foreign is escaped by Jinja2."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fastapi.responses import HTMLResponse, Response, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboard.web.pages.assets import address
from dashboard.web.pages.wording import FILTERS

TEMPLATES = Path(__file__).parent.parent / "templates"
Context = Mapping[str, object]
HEADERS = {"Cache-Control": "no-cache"}
"""What else every answer carries is added by the server's guard."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; a name that a template misspells is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= FILTERS
    made.globals["asset"] = address
    return made


def warm() -> None:
    """Compile every template, so that no visitor waits for it."""
    for path in TEMPLATES.glob("*.j2"):
        environment().get_template(path.name)


class Shell(NamedTuple):
    """What a browser needs to know first: it fetches the scripts while the page is being made."""

    title: str
    page: str = ""
    """Which link of the site's own it is under."""
    figures: bool = False
    first: str | None = None
    """The figure that is in sight when the page opens."""
    live: str | None = None
    """Where the marks come from that tell of changes."""
    mark: str | None = None


def whole(template: str, shell: Shell, make: Callable[[], Context]) -> Response:
    """A whole page; its head is sent before `make` has gathered what stands in it."""

    def parts() -> Iterator[str]:
        yield environment().get_template("shell.html.j2").render(shell._asdict())
        yield environment().get_template(template).render(make())

    return StreamingResponse(parts(), media_type="text/html", headers=HEADERS)


def render(template: str, context: Context, status: int = 200) -> HTMLResponse:
    """A part of a page, or a page that is made at once."""
    text = environment().get_template(template).render(context)
    return HTMLResponse(text, status, headers=HEADERS)
