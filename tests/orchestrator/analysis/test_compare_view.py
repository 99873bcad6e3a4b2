"""How a comparison is shown."""

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.analysis.compare.table import WIDTH, Fact, laid_out
from orchestrator.analysis.compare.verdict import judge
from orchestrator.analysis.compare.view import as_json, as_text
from tests.comparison_builders import make_facts

BITS = np.random.default_rng(0).uniform(1, 3, size=64)


def shown(*names: str, everything: bool = False, **changes: object) -> str:
    runs = [make_facts(name, BITS + 0.1 * n, **changes) for n, name in enumerate(names)]
    return as_text(runs, judge(runs), everything=everything)


def test_rows_that_are_equal_are_told_in_one_paragraph() -> None:
    text = shown("a", "b")
    first, equal, *_ = text.split("\n\n")
    assert [line.split("  ")[0] for line in first.splitlines()[1:]] == [
        "test bits per byte",
        "",
        "search bits per byte",
    ]
    assert equal.startswith("the same in all: status finished; ")
    assert "order-2 byte model 3.0000" in " ".join(equal.split())
    whole = shown("a", "b", everything=True)
    assert "the same in all" not in whole
    assert any(line.split() == ["status", "finished", "finished"] for line in whole.splitlines())


def test_two_copies_of_one_run_are_the_same_in_all() -> None:
    runs = [make_facts(name, BITS) for name in ("run", "copy")]
    text = as_text(runs, judge(runs), everything=False)
    assert "the same in all: " in text
    assert laid_out(["run", "copy"], []) == ["  run  copy"]


def test_two_runs_are_columns_and_eight_are_rows() -> None:
    lines = shown("a", "b").splitlines()
    assert lines[0].split() == ["a", "b"]
    assert lines[1].split()[:3] == ["test", "bits", "per"]
    many = shown(*"abcdefgh").splitlines()
    assert many[0].split()[:3] == ["test", "bits", "per"]
    assert [line[0] for line in many[1:9]] == list("abcdefgh")


def test_settings_that_differ_are_listed_without_the_seed() -> None:
    changed = {"optimizer": {"lr": 0.01}}
    runs = [make_facts("a", BITS), make_facts("b", BITS, seed=3, settings=changed)]
    part = as_text(runs, judge(runs), everything=False).split("settings that differ\n")[1]
    rows = [line.split() for line in part.split("\n\n")[0].splitlines()]
    assert rows[0] == ["a", "b"]
    assert ["optimizer.lr", "0.006", "0.01"] in rows
    assert not any(row[0] in {"seed", "run_dir"} for row in rows[1:])
    assert "every setting is the same" in shown("a", "b")


def test_the_verdict_stands_last() -> None:
    assert "a is better than b by 0.1000" in shown("a", "b").split("\n\n")[-1]


def test_three_runs_have_a_table_of_their_distances() -> None:
    part = shown("a", "b", "c").split("bits per byte of the test text, ")[1]
    rows = [line.split() for line in part.split("\n\n")[0].splitlines()[1:]]
    # Three pairs at 95 %.
    assert rows[0][-3:] == ["98.33", "%", "interval"]
    assert rows[1][0] == "a"
    assert rows[2][:3] == ["b", f"{BITS.mean() + 0.1:.4f}", "+0.1000"]
    assert rows[3][-1] == "shown"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.text(min_size=1, max_size=60), min_size=2, max_size=12, unique=True),
    st.text(max_size=120),
)
def test_no_line_is_too_wide_and_no_control_character_reaches_the_terminal(
    names: list[str], formula: str
) -> None:
    runs = [make_facts(f"{n}", BITS, seed=n % 3) for n in range(len(names))]
    runs = [
        run.model_copy(update={"name": name, "formula": f"{n}{formula}"})
        for n, (run, name) in enumerate(zip(runs, names, strict=True))
    ]
    text = as_text(runs, judge(runs), everything=True)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert not [one for one in text if one != "\n" and unicodedata.category(one) == "Cc"]


def test_a_long_cell_goes_on_below() -> None:
    lines = laid_out(["a", "b"], [Fact("formula", ("x " * 40, "y"))])
    assert len(lines) == 3
    assert lines[1].split()[0] == "formula"
    assert set(lines[2].split()) == {"x"}


def test_the_json_has_every_fact_and_the_verdict() -> None:
    runs = [make_facts("a", BITS), make_facts("b", BITS + 0.1, seed=1)]
    found = json.loads(json.dumps(as_json(runs, judge(runs), judge(runs))))
    assert [one["name"] for one in found["runs"]] == ["a", "b"]
    assert found["runs"][0]["test"]["bits_per_byte"] == pytest.approx(BITS.mean())
    assert found["settings"] == {"seed": [0, 1], "run_dir": ["runs/a", "runs/b"]}
    assert found["verdict"]["standings"][1]["difference"]["shown"] == "worse"
    assert found["verdict"]["groups"][0]["deviation"] == pytest.approx(0.1 / 2**0.5)
    assert found["measured"] == found["verdict"]
