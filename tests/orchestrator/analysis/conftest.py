"""One diagnosis that several of these tests look at and none changes."""

from pathlib import Path

import pytest

from orchestrator.analysis.diagnose import packing
from orchestrator.analysis.diagnose.examine import examine
from orchestrator.analysis.diagnose.record import Diagnosis
from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import open_model
from state.run_folder import RunFolder
from trainer.diagnostics.member_memory import MemberCosts, MemoryRequest
from trainer.diagnostics.member_trial import MemberCost


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured here is not kept for the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def canned(request: MemoryRequest) -> MemberCosts:
    """Half the block is twice as fast."""
    costs = tuple(
        MemberCost(
            shape=shape,
            dtype=request.setup.dtype,
            megabytes=10.0 * shape.batch,
            worker_megabytes=100.0,
            free_megabytes=1000.0,
            milliseconds=shape.batch * shape.block**2,
        )
        for shape in request.shapes
    )
    return MemberCosts(costs=costs)


@pytest.fixture(scope="session")
def taken(trained: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    """Of the tiny run, its memory not measured but given."""
    opened = open_model(trained.root)
    with pytest.MonkeyPatch.context() as patch, opened.model() as model:
        patch.setattr(packing, "measure_members", canned)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return examine(opened, model, quick=False, progress=Progress())
