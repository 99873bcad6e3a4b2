"""What members cost on this machine, kept from one diagnosis to the next.

A row is found again by the model, batch, block and dtype, by the device and its libraries, and by
nothing that leaves memory and speed alone. What is free is never kept.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue, ValidationError

from state.base import Record
from state.durable import write_atomically
from state.environment import fingerprint
from trainer.diagnostics.member_memory import MemoryRequest
from trainer.diagnostics.member_trial import MemberCost, MemberShape

MAX_KEPT = 1_000


class Kept(Record):
    """One measurement."""

    what: dict[str, JsonValue]
    """Whose, in words."""
    measured: str
    """Day, in UTC."""
    cost: MemberCost


class KeptRows(Record):
    """The file, the latest last."""

    rows: dict[str, Kept]


class PackingCache:
    """A file in the user's cache folder; one that is damaged holds nothing."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` is found by the environment where none is given."""
        self.path = path or _default_path()

    def find(self, request: MemoryRequest, device: str) -> dict[MemberShape, Kept]:
        """Of the shapes of the request those that are known."""
        rows = self._rows()
        keys = {shape: key_of(words(request, shape, device)) for shape in request.shapes}
        return {shape: rows[key] for shape, key in keys.items() if key in rows}

    def keep(self, request: MemoryRequest, device: str, costs: tuple[MemberCost, ...]) -> None:
        """Add what was measured; a folder that cannot be written keeps nothing."""
        if self.path is None or not costs:
            return
        rows, today = self._rows(), datetime.now(UTC).date().isoformat()
        for cost in costs:
            what = words(request, cost.shape, device)
            rows.pop(key_of(what), None)
            rows[key_of(what)] = Kept(what=what, measured=today, cost=cost)
        latest = dict(list(rows.items())[-MAX_KEPT:])
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, KeptRows(rows=latest).model_dump_json().encode())
        except OSError:
            return

    def _rows(self) -> dict[str, Kept]:
        if self.path is None:
            return {}
        try:
            return dict(KeptRows.model_validate_json(self.path.read_bytes()).rows)
        except (OSError, ValidationError):
            return {}


def words(request: MemoryRequest, shape: MemberShape, device: str) -> dict[str, JsonValue]:
    """All that memory and speed depend on."""
    setup = request.setup
    return {
        "model": setup.model.model_dump(mode="json", exclude={"size", "block"}),
        "activation": request.genome.formula,
        "muon": setup.optimizer.muon,
        "batch": shape.batch,
        "block": shape.block,
        "dtype": setup.dtype,
        "device": device,
        "threads": request.threads,
        "packages": fingerprint()["packages"],
    }


def key_of(what: Mapping[str, JsonValue]) -> str:
    """A name for it that does not depend on the order."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _default_path() -> Path | None:
    """Nothing where there is no home."""
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return caches / "symbio-auto" / "packing.json"
