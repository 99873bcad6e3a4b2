"""One diagnosis that several of these tests look at and none changes."""

import pytest

from orchestrator.analysis.diagnose import asking
from orchestrator.analysis.diagnose.examine import examine
from orchestrator.analysis.diagnose.record import Diagnosis
from orchestrator.analysis.progress import Progress
from orchestrator.opened_model import open_model
from state.run_folder import RunFolder
from trainer.diagnostics.member_memory import MemberCost, MemoryRequest


def canned(request: MemoryRequest) -> tuple[MemberCost, ...]:
    """Half the block is twice as fast."""
    return tuple(
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


@pytest.fixture(scope="session")
def taken(trained: RunFolder) -> Diagnosis:
    """Of the tiny run, its memory not measured but given."""
    opened = open_model(trained.root)
    with pytest.MonkeyPatch.context() as patch, opened.model() as model:
        patch.setattr(asking, "measure_members", canned)
        return examine(opened, model, quick=False, progress=Progress())
