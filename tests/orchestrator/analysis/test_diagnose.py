"""`symbio-auto diagnose`: the figures are those of the run's best model."""

import io
import json
import unicodedata

import numpy as np
import pytest

from inference_battery.calibration import calibration_error
from orchestrator.analysis.diagnose import packing
from orchestrator.analysis.diagnose.estimates import by_position, calibration, mean_of
from orchestrator.analysis.diagnose.record import Diagnosis, Surprise
from orchestrator.analysis.diagnose.view import as_text, escaped
from orchestrator.analysis.progress import CLEAR, Progress
from orchestrator.cli import main
from orchestrator.opened_model import open_model
from state.run_folder import RunFolder
from tests.orchestrator.analysis.conftest import canned
from trainer.diagnostics.token_losses import TokenReadings, read_split


def readings(count: int) -> TokenReadings:
    rng = np.random.default_rng(0)
    ids = rng.integers(5, size=count)
    return TokenReadings(
        tokens=ids,
        num_bytes=np.ones(count, dtype=np.int64),
        positions=np.arange(count) % 8,
        windows=np.arange(count) // 8,
        nats=rng.uniform(1, 2, size=count),
        entropy=rng.uniform(1, 2, size=count),
        confidence=np.full(count, 0.5),
        guesses=np.where(np.arange(count) % 4 == 0, ids, ids + 1),
    )


def test_the_loss_is_the_one_that_the_run_has_measured(
    taken: Diagnosis, trained: RunFolder
) -> None:
    report = json.loads(trained.final_report.read_text(encoding="utf-8"))
    search = report["search"]
    assert taken.overall.search.value == pytest.approx(search["bits_per_byte"], rel=1e-5)
    assert taken.overall.search.n == search["tokens"]
    assert taken.subject.parameters == report["model"]["parameters"]
    assert (taken.subject.layers, taken.subject.block) == (1, 16)


def test_every_part_adds_up(taken: Diagnosis) -> None:
    assert sum(one.loss.n for one in taken.positions) == taken.overall.search.n
    assert [(one.first, one.last) for one in taken.positions] == [
        (1, 1),
        (2, 2),
        (3, 4),
        (5, 8),
        (9, 16),
    ]
    assert sum(one.loss.n for one in taken.kinds) == taken.overall.search.n
    assert sum(one.byte_share for one in taken.kinds) == pytest.approx(1)
    assert sum(one.loss_share for one in taken.kinds) == pytest.approx(1)
    mean = sum(one.loss.value * one.byte_share for one in taken.kinds)
    assert mean == pytest.approx(taken.overall.search.value)
    for layer in taken.layers:
        assert layer.attention.share + layer.feed_forward.share == pytest.approx(1)


def test_context_doubles_up_to_the_block_and_is_compared_with_it(taken: Diagnosis) -> None:
    assert [one.tokens for one in taken.context] == [1, 2, 4, 8, 16]
    whole = taken.context[-1]
    assert whole.lost.value == 0
    for point in taken.context:
        assert point.loss.n == whole.loss.n
        assert point.lost.value == pytest.approx(point.loss.value - whole.loss.value)
    assert [one.tokens for one in taken.influence] == [8, 16]


def test_what_says_nothing_of_this_model_is_skipped_with_the_reason(taken: Diagnosis) -> None:
    assert taken.needle.points == ()
    assert taken.needle.skipped.startswith("the tokenizer is byte: a name is spelt over ")
    assert (taken.states.points, taken.subject.backbone) == ((), "gpt")
    assert "it has no state" in taken.states.skipped


def test_the_long_range_is_read_off_the_contexts_where_there_is_no_more(taken: Diagnosis) -> None:
    assert [one.tokens for one in taken.long_range.points] == [8, 16]
    assert [one.loss for one in taken.long_range.points] == [one.loss for one in taken.context[-2:]]
    assert taken.long_range.points[-1].gain.value == pytest.approx(taken.context[-2].lost.value)


def test_a_branch_has_a_variance_and_a_share_of_both(taken: Diagnosis) -> None:
    for layer in taken.layers:
        both = layer.attention.variance + layer.feed_forward.variance
        assert layer.attention.variance / both == pytest.approx(layer.attention.share)


def test_the_packing_table_is_of_shapes_near_the_runs(taken: Diagnosis) -> None:
    rows = [(row.batch, row.block, row.fitting) for row in taken.memory.rows]
    assert rows == [(2, 16, 8), (4, 8, 7), (1, 16, 9), (4, 16, 7)]


def test_the_calibration_error_is_the_batterys(trained: RunFolder) -> None:
    opened = open_model(trained.root)
    with opened.model() as model:
        read = read_split(model, opened.dataset, "search", opened.setup, max_windows=1)
        tokens = np.asarray(opened.dataset.tokens("search"))[:17]
        expected = calibration_error(model, tokens)
    assert calibration(read).error == pytest.approx(expected, rel=1e-5)
    sure = calibration(readings(400))
    assert (sure.accuracy.value, sure.confidence) == (0.25, 0.5)
    assert sure.error == pytest.approx(0.25)


def test_positions_are_told_in_doubling_stretches() -> None:
    found = by_position(readings(80), 8)
    assert [(one.first, one.last, one.loss.n) for one in found] == [
        (1, 1, 10),
        (2, 2, 10),
        (3, 4, 20),
        (5, 8, 40),
    ]


def test_a_mean_of_few_values_has_no_interval() -> None:
    assert mean_of(np.arange(4.0)).interval is None
    found = mean_of(np.arange(40.0), scale=2.0)
    assert found.value == pytest.approx(39)
    assert found.interval is not None
    assert found.interval.low < 39 < found.interval.high


def test_the_text_fits_a_terminal_and_hides_control_characters(taken: Diagnosis) -> None:
    hostile = Surprise(
        before="a\x1b[31m\nb\u202e",
        token="\t" * 300,
        probability=1e-6,
        guess="\x07",
        guess_probability=0.5,
    )
    text = as_text(taken.model_copy(update={"surprises": (hostile,)}))
    assert max(map(len, text.splitlines())) <= 100
    hidden = {"Cc", "Cf"}
    assert not [one for one in text if one != "\n" and unicodedata.category(one) in hidden]
    assert "  a[31m\\nb[\\t" in text
    for title in (
        "loss by context",
        "loss by position",
        "next-token",
        "long-range",
        "needle",
        "states: ",
        "layers, ",
    ):
        assert sum(line.startswith(title) for line in text.splitlines()) == 1
    assert escaped(" a\r\n\tb") == " a\\n\\tb"


def test_the_command_prints_the_record(
    trained: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "measure_members", canned)
    assert main(["diagnose", str(trained.root), "--json", "--quick"]) == 0
    printed = capsys.readouterr()
    found = Diagnosis.model_validate_json(printed.out)
    assert (found.quick, len(found.memory.rows)) == (True, 1)
    assert printed.err == ""


def test_a_device_that_cannot_be_measured_costs_one_line(
    taken: Diagnosis, monkeypatch: pytest.MonkeyPatch, trained: RunFolder
) -> None:
    def fail(request: object) -> None:
        raise RuntimeError("memory could not be measured: TimeoutExpired")

    monkeypatch.setattr(packing, "measure_members", fail)
    found = packing.members_near(open_model(trained.root), Progress(), quick=False)
    text = as_text(taken.model_copy(update={"memory": found}))
    assert "memory: skipped, memory could not be measured: TimeoutExpired" in text


def test_what_is_no_run_is_refused(trained: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(trained.root / "none")]) == 2
    assert "neither a run folder nor its state.json" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals_alone() -> None:
    shown, piped = Terminal(), io.StringIO()
    for stream in (shown, piped):
        progress = Progress(stream)
        progress.show("context", 2, 8)
        progress.clear()
    assert shown.getvalue() == f"{CLEAR}context (3 of 8){CLEAR}"
    assert piped.getvalue() == ""
