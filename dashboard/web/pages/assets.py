"""Scripts and styles, each under an address that changes with its content."""

import gzip
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, HTTPException, Request, Response

STATIC = Path(__file__).parent.parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PLOTLY = "plotly.min.js"
NAMES = ("app.css", "theme.js", "page.js", "icon.svg", PLOTLY)
_EAGER = b"//# allFunctionsCalledOnLoad\n"
"""Has V8 compile the whole script while it arrives, beside the main thread: that takes .3 s of CPU
off a first visit and adds .07 s to a later one.
"""
_FOREVER = "public, max-age=31536000, immutable"
_ASK = "no-cache"


class Asset(NamedTuple):
    """One file."""

    content: bytes
    tag: str
    media_type: str


@cache
def asset(name: str) -> Asset:
    """A file of this package by name, or Plotly's script from its own package."""
    path = STATIC / name if name != PLOTLY else _plotly()
    content = _EAGER * (name == PLOTLY) + path.read_bytes()
    tag = hashlib.sha256(content).hexdigest()[:16]
    return Asset(content, tag, _TYPES[path.suffix])


@cache
def compressed(name: str) -> bytes:
    """The file as it goes over a network."""
    return gzip.compress(asset(name).content, 5)


@cache
def address(name: str) -> str:
    """Where a page finds a file; the version makes a browser that has it not ask again."""
    path = STATIC / name if name != PLOTLY else _plotly()
    status = path.stat()
    facts = f"{status.st_size} {status.st_mtime_ns} {_EAGER!r}"
    version = hashlib.sha256(facts.encode()).hexdigest()[:10]
    return f"/static/{name}?v={version}"


def asset_routes(router: APIRouter) -> None:
    """Add them to a router."""

    @router.get("/static/{name}", include_in_schema=False)
    def static_file(name: str, request: Request) -> Response:
        if name not in NAMES:
            raise HTTPException(404, "no such file")
        found = asset(name)
        headers = {
            "ETag": f'"{found.tag}"',
            "Cache-Control": _FOREVER if request.query_params.get("v") else _ASK,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", "") and not _is_local(request):
            headers["Content-Encoding"] = "gzip"
            return Response(compressed(name), media_type=found.media_type, headers=headers)
        return Response(found.content, media_type=found.media_type, headers=headers)


def _is_local(request: Request) -> bool:
    """On the same machine unpacking costs more than the bytes."""
    return request.client is not None and request.client.host in {"127.0.0.1", "::1"}


def _plotly() -> Path:
    """Found without importing the package, which takes long."""
    found = find_spec("plotly")
    if found is None or found.origin is None:
        raise HTTPException(500, "the plotly package is not installed; pip install plotly")
    return Path(found.origin).parent / "package_data" / PLOTLY
