"""The seeds of the gates' benchmark, and the page that shows what they came to."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.gates import BACKBONES, EXPECTED, failed, healthy
from benchmarks.gates_tables import case_table, seed_table
from benchmarks.recording import RESULTS

PAGE = Path(__file__).parents[2] / "docs" / "design" / "gates.md"


@pytest.mark.parametrize("first", [0, 20])
def test_seeds_are_fresh_and_begin_with_the_reference(first: int) -> None:
    cases = healthy(Namespace(first_seed=first, seeds=20, seed_steps=120))
    assert [one.seed for one in cases] == [*range(first, first + 20)]
    assert [one.backbone for one in cases[:4]] == [*BACKBONES, "gpt"]


def test_each_fault_is_failed_by_its_gate_and_no_healthy_run_by_any() -> None:
    recorded = json.loads((RESULTS / "gates.json").read_text(encoding="utf-8"))
    runs, seeds = recorded["runs"], recorded["healthy"]
    assert [*runs] == [*BACKBONES, *EXPECTED]
    assert all(gate in failed(runs[fault]) for fault, gate in EXPECTED.items())
    assert not any(failed(runs[name]) for name in BACKBONES)
    assert not any("fail" in said for one in seeds.values() for said in one["verdicts"].values())
    text = PAGE.read_text(encoding="utf-8")
    assert case_table(runs) in text
    assert seed_table(seeds) in text
