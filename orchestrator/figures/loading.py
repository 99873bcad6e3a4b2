"""Loading matplotlib, which would otherwise write into the home of whoever draws."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

FOLDER = "MPLCONFIGDIR"
"""Environment variable: where matplotlib keeps its settings and its list of fonts."""


def load_without_a_trace() -> None:
    """Import matplotlib with a folder that is gone afterwards: a run writes in its own folder only.

    A list of fonts that the user has already is used: making one takes up to some seconds. Who
    names the folder, or has loaded matplotlib, has decided otherwise.
    """
    if FOLDER in os.environ or "matplotlib" in sys.modules:
        return
    with tempfile.TemporaryDirectory(prefix="symbio-auto-") as folder:
        for path in _font_lists():
            shutil.copyfile(path, Path(folder) / path.name)
        os.environ[FOLDER] = folder
        try:
            import matplotlib.font_manager  # noqa: F401
        finally:
            del os.environ[FOLDER]


def _font_lists() -> Iterator[Path]:
    try:
        home = Path.home()
    except RuntimeError:
        return
    caches = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    for place in (caches / "matplotlib", home / ".matplotlib"):
        yield from sorted(place.glob("fontlist-*.json"))
