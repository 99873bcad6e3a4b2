"""The contract with programs that read final-report.json."""

import json
from math import log

import pytest
from pydantic import ValidationError

from orchestrator.report.final_report import FinalReport, Score
from state.records import Evaluation


def test_a_report_survives_json(report: FinalReport) -> None:
    assert FinalReport.model_validate_json(report.model_dump_json()) == report


def test_the_contract_names_are_there(report: FinalReport) -> None:
    found = json.loads(report.model_dump_json())
    assert found["schema_version"] == 1
    assert {"path", "sha256", "bytes"} <= set(found["data"])
    assert {"size", "parameters", "backbone"} <= set(found["model"])
    assert {"requested", "spent", "by_phase"} <= set(found["budget"])
    assert set(found["phases"][0]) >= {
        "name", "steps", "generations", "bits_per_byte", "battery", "gate", "decisions", "findings"
    }  # fmt: skip
    assert {"verdict", "reason"} <= set(found["phases"][0]["gate"])
    assert set(found["winner"]) >= {
        "formula", "gated", "nodes", "fingerprint", "parents", "lineage"
    }  # fmt: skip
    for split in ("test", "search"):
        assert {"bits_per_byte", "nats_per_token", "tokens"} <= set(found[split])
    assert {"bits_per_byte", "disagreement", "distil_weight"} <= set(found["ensemble"])
    assert set(found["population"]) >= {"evaluated", "known_redrawn", "accepted", "null_accepted"}
    assert {"name", "bits_per_byte"} <= set(found["control"][0])
    assert set(found["wall"]) == {"training", "evaluation", "battery", "other"}
    assert set(found["cost"]) >= {
        "tokens", "training_flops", "evaluation_flops", "device_seconds"
    }  # fmt: skip
    assert set(found) >= {
        "run_id", "seed", "untrained", "order2", "synchrony", "environment", "resumed_count",
        "test_openings", "model_sha256", "resume_line",
    }  # fmt: skip


def test_an_ensemble_that_was_never_measured_is_null(report: FinalReport) -> None:
    absent = report.model_copy(update={"ensemble": None})
    assert json.loads(absent.model_dump_json())["ensemble"] is None
    assert FinalReport.model_validate_json(absent.model_dump_json()).ensemble is None


def test_a_report_of_another_schema_is_refused(report: FinalReport) -> None:
    newer = json.loads(report.model_dump_json()) | {"schema_version": 2}
    with pytest.raises(ValidationError, match="schema_version"):
        FinalReport.model_validate(newer)


def test_a_score_holds_the_figures_of_its_evaluation() -> None:
    evaluation = Evaluation(
        split="test", nats=200 * log(2), tokens=50, num_bytes=100, blocks=((200 * log(2), 100),)
    )
    score = Score.of(evaluation)
    assert score.bits_per_byte == pytest.approx(2)
    assert score.nats_per_token == pytest.approx(4 * log(2))
    assert score.tokens == 50
