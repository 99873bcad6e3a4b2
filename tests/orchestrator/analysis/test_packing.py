"""The packing table: what is known is kept, what fails is told."""

import json
from pathlib import Path

import pytest
import torch

from orchestrator.analysis.diagnose import packing
from orchestrator.analysis.diagnose.packing import near, packing_of, request_of
from orchestrator.analysis.diagnose.packing_cache import PackingCache
from orchestrator.analysis.diagnose.packing_record import Memory
from orchestrator.analysis.diagnose.packing_view import memory
from orchestrator.cli import main
from state.genome import parse
from state.run_folder import RunFolder
from tests.orchestrator.analysis.conftest import canned
from trainer.config import ModelConfig, WorkerSetup
from trainer.diagnostics.member_memory import MemberCosts, MemoryRequest
from trainer.diagnostics.member_trial import MemberShape, Refused

CONFIG = ModelConfig(dim=32, heads=2, layers=2, block=16, vocab_size=263)
SETUP = WorkerSetup.model_validate({"run_folder": "-", "model": CONFIG, "optimizer": {}})


class Measuring:
    """Counts what is measured."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shapes: list[tuple[int, int]] = []
        monkeypatch.setattr(packing, "measure_members", self)

    def __call__(self, request: MemoryRequest) -> MemberCosts:
        self.shapes += [(one.batch, one.block) for one in request.shapes]
        return canned(request)


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Measuring:
    return Measuring(monkeypatch)


def asked(setup: WorkerSetup = SETUP, formula: str = "gelu") -> MemoryRequest:
    return request_of(setup, parse(formula), near(4, 16, quick=True))


def test_what_is_known_is_not_measured_again(measuring: Measuring) -> None:
    first = packing_of(asked(), anew=False)
    again = packing_of(asked(), anew=False)
    assert measuring.shapes == [(4, 16)]
    (new,), (known,) = first.rows, again.rows
    assert (new.measured, new.free_megabytes) == ("", 1000)
    assert len(known.measured) == len("2026-01-31")
    assert known.megabytes == new.megabytes
    # What is free is asked of the machine each time.
    assert known.free_megabytes != 1000
    assert packing_of(asked(), anew=True).rows[0].measured == ""
    assert measuring.shapes == [(4, 16)] * 2


@pytest.mark.parametrize(
    "changed",
    [
        asked(SETUP.model_copy(update={"dtype": "bfloat16"})),
        asked(SETUP.model_copy(update={"model": CONFIG.model_copy(update={"dim": 64})})),
        asked(SETUP.model_copy(update={"model": CONFIG.model_copy(update={"backbone": "hy"})})),
        asked(formula="silu"),
        request_of(SETUP, parse("gelu"), (MemberShape(batch=8, block=16),)),
        request_of(SETUP, parse("gelu"), (MemberShape(batch=4, block=32),)),
    ],
)
def test_another_model_batch_block_or_dtype_is_another_row(
    measuring: Measuring, changed: MemoryRequest
) -> None:
    packing_of(asked(), anew=False)
    packing_of(changed, anew=False)
    assert len(measuring.shapes) == 2


def test_the_block_that_the_run_has_is_no_part_of_what_a_member_costs(measuring: Measuring) -> None:
    packing_of(asked(), anew=False)
    other = SETUP.model_copy(update={"model": CONFIG.model_copy(update={"block": 32})})
    packing_of(asked(other), anew=False)
    assert measuring.shapes == [(4, 16)]


def test_a_damaged_file_is_no_row_and_is_written_again(
    measuring: Measuring, tmp_path: Path
) -> None:
    cache = PackingCache(tmp_path / "packing.json")
    for damage in (b"{", b"[]", b'{"rows": {"a": 1}}', b"\xff"):
        (tmp_path / "packing.json").write_bytes(damage)
        packing_of(asked(), anew=False, cache=cache)
    assert len(measuring.shapes) == 4
    assert packing_of(asked(), anew=False, cache=cache).rows[0].measured
    assert len(measuring.shapes) == 4


def test_a_folder_that_cannot_be_written_keeps_nothing(
    measuring: Measuring, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    cache = PackingCache(tmp_path / "file" / "packing.json")
    assert packing_of(asked(), anew=False, cache=cache).rows
    assert packing_of(asked(), anew=False, cache=cache).rows
    assert len(measuring.shapes) == 2


def test_what_is_known_is_told_where_the_rest_fails(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing_of(asked(), anew=False)

    def fail(request: object) -> None:
        raise RuntimeError("memory could not be measured: TimeoutExpired")

    monkeypatch.setattr(packing, "measure_members", fail)
    found = packing_of(request_of(SETUP, parse("gelu"), near(4, 16, quick=False)), anew=False)
    assert [(row.batch, row.block) for row in found.rows] == [(4, 16)]
    assert memory(found)[-1] == "the rest: skipped, memory could not be measured: TimeoutExpired"


def test_a_shape_that_does_not_fit_is_told_beside_the_half_that_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, half = MemberShape(batch=4, block=16), MemberShape(batch=2, block=16)

    def refusing(request: MemoryRequest) -> MemberCosts:
        smaller = canned(request.model_copy(update={"shapes": (half,)})).costs[0]
        cost = smaller.model_copy(update={"together": 2})
        refused = Refused(shape=large, reason="does not fit into memory")
        return MemberCosts(costs=(cost,), refused=(refused,))

    monkeypatch.setattr(packing, "measure_members", refusing)
    found = packing_of(asked(), anew=False)
    text = "\n".join(memory(found))
    assert "batch 4 of 16: does not fit into memory" in text
    assert [(row.batch, row.together) for row in found.rows] == [(2, 2)]
    assert "trained at once" in text
    assert max(map(len, text.splitlines())) <= 100
    nothing = memory(Memory(unfit=found.unfit))
    assert nothing[0] == "memory: no shape of member fits here"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_run_on_a_device_that_is_not_here_is_told(measuring: Measuring) -> None:
    found = packing_of(asked(SETUP.model_copy(update={"device": "cuda"})), anew=True)
    assert (found.rows, measuring.shapes) == ((), [])
    assert memory(found) == ["memory: skipped, there is no CUDA device here, the run's own"]


def test_the_table_is_asked_for_alone(
    trained: RunFolder, measuring: Measuring, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", str(trained.root), "--packing", "--json"]) == 0
    found = Memory.model_validate(json.loads(capsys.readouterr().out))
    assert [(row.batch, row.block) for row in found.rows] == measuring.shapes
    assert measuring.shapes == [(2, 16), (4, 8), (1, 16), (4, 16), (8, 16), (2, 32)]
    assert found.model.startswith("gpt, 16 wide, 1 deep, ")
    assert main(["diagnose", str(trained.root), "--packing", "--quick"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("members of gpt, 16 wide, 1 deep, ")
    assert second.startswith("members in this device's memory, ")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--reach", "100"], "100 is not between 512 and 16384; give one such as 4096"),
        (["--reach", "far"], "'far' is not a whole number"),
        (["--packing", "--reach", "600"], "--packing reads no text, which --reach is about"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(
    trained: RunFolder, capsys: pytest.CaptureFixture[str], flags: list[str], words: str
) -> None:
    code: int | str | None
    try:
        code = main(["diagnose", str(trained.root), *flags])
    except SystemExit as leaving:
        code = leaving.code
    told = capsys.readouterr().err
    assert code == 2
    assert words in told.splitlines()[-1]
