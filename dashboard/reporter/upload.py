"""Sends the model that a run has exported, in parts; what the server has is not sent again."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import quote

from pydantic import JsonValue

from dashboard.reporter.archive import PART_BYTES, Archive
from dashboard.reporter.client import Answer

ANNOUNCE = "/api/checkpoints"
MOST_DETOURS = 8
"""Times that the server may say that a part belongs elsewhere."""


class Requester(Protocol):
    """What is used of a client."""

    def send_json(self, path: str, document: JsonValue) -> Answer:
        """Send a document as it is."""

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """One request."""


class Model(NamedTuple):
    """A model on its way to a server."""

    run_id: str
    archive: Archive
    name: str
    sha256: str
    step: int | None

    @classmethod
    def of(cls, folder: Path, run_id: str, name: str, step: int | None) -> "Model":
        """The exported model in `folder`; it is read once, for its hash.

        Raises:
            ValueError: there is none.
        """
        archive = Archive(folder, name)
        return cls(run_id, archive, f"{name}.tar", archive.sha256(), step)


def upload(model: Model, client: Requester, advance: Callable[[float], None]) -> Answer:
    """Send what is missing, from where the server stands; the first answer that is not taken
    ends it, and the same call goes on from there. `advance` is told the bytes that are there.
    """
    for _ in range(MOST_DETOURS):
        answer = client.send_json(ANNOUNCE, _announcement(model))
        received = _received(answer)
        if received is None:
            return answer if answer.kind != "taken" else _not_understood(answer)
        advance(received)
        if _is_complete(answer):
            return answer
        answer = _send_parts(model, client, received, advance)
        if answer.status != 409:
            return answer
    return Answer("later", "it does not take the parts of the model in order")


def _send_parts(
    model: Model, client: Requester, offset: int, advance: Callable[[float], None]
) -> Answer:
    address = f"/api/runs/{quote(model.run_id, safe='')}/checkpoints/{model.sha256}"
    kind = {"Content-Type": "application/octet-stream"}
    answer = Answer("later", "it has the model and does not say so")
    while data := model.archive.read(offset, PART_BYTES):
        answer = client.request("PUT", f"{address}?offset={offset}", data, kind)
        if answer.kind != "taken":
            return answer
        offset += len(data)
        advance(offset)
    return answer


def _announcement(model: Model) -> dict[str, JsonValue]:
    return {
        "run_id": model.run_id,
        "sha256": model.sha256,
        "bytes": model.archive.num_bytes,
        "step": model.step,
        "name": model.name,
    }


def _received(answer: Answer) -> int | None:
    document = answer.document if answer.kind == "taken" else None
    found = document.get("received") if isinstance(document, dict) else None
    return found if isinstance(found, int) and found >= 0 else None


def _is_complete(answer: Answer) -> bool:
    return isinstance(answer.document, dict) and answer.document.get("complete") is True


def _not_understood(answer: Answer) -> Answer:
    return answer._replace(kind="refused", why="it answers something else than symbio-auto serve")
