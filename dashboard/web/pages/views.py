"""What was read of each run, kept until its mark changes, and the answers made of it."""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from fastapi import Request, Response

from dashboard.web.figures.plot import Figure
from dashboard.web.figures.run_view import RunView
from dashboard.web.sources import Sources

MOST_VIEWS = 12
MOST_ANSWERS = 256
_JSON = "application/json"


class Views:
    """Views of runs and figures made of them; several threads may share it."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._views: OrderedDict[str, tuple[str, RunView]] = OrderedDict()
        self._answers: OrderedDict[Hashable, tuple[str, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def view(self, run_id: str) -> RunView:
        """The run as it stands.

        Raises:
            UnknownRun: nobody has it.
        """
        mark = self.sources.mark(run_id)
        with self._lock:
            known = self._views.get(run_id)
            if known is None or known[0] != mark:
                known = (mark, RunView(self.sources.reader(run_id), run_id))
                self._views[run_id] = known
            self._views.move_to_end(run_id)
            while len(self._views) > MOST_VIEWS:
                self._views.popitem(last=False)
            return known[1]

    def tag(self, *run_ids: str) -> str:
        """A short text that changes with any of these runs."""
        return digest("\n".join(self.sources.mark(run_id) for run_id in run_ids))

    def kept(self, key: Hashable, tag: str, make: Callable[[], bytes]) -> bytes:
        """What was made for `key` at this tag, made if it was not."""
        with self._lock:
            known = self._answers.get(key)
        if known is not None and known[0] == tag:
            return known[1]
        made = make()
        with self._lock:
            self._answers[key] = (tag, made)
            self._answers.move_to_end(key)
            while len(self._answers) > MOST_ANSWERS:
                self._answers.popitem(last=False)
        return made

    def answer(
        self, request: Request, key: Hashable, tag: str, make: Callable[[], Figure]
    ) -> Response:
        """A figure as JSON, or that it has not changed."""
        etag = f'"{digest(repr(key) + tag)}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        content = self.kept(key, tag, lambda: to_json(make()))
        return Response(content, media_type=_JSON, headers=headers)


def to_json(figure: Figure) -> bytes:
    """Compact; what is not finite has no place in a figure."""
    return json.dumps(figure, allow_nan=False, separators=(",", ":")).encode()


def digest(text: str) -> str:
    """16 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
