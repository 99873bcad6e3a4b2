"""What was wrong in the original system, each as a test of this one.

`docs/design/defects.md` lists every defect with the tests that hold it down; the last test here
checks that the list is true.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from state.genome import is_gated, parse, same, values
from state.metrics_store import MetricsStore
from state.records import Genome, MemberRecord, StepMetrics
from tests.builders import ScriptedEngine, ScriptedRun, make_config

ROOT = Path(__file__).parent.parent


def test_x_times_silu_stays_x_times_silu() -> None:
    """The original dropped the identity from a product, as if it were one."""
    product = parse("x*silu(x)")
    assert not same(product, parse("silu(x)"))
    x = np.linspace(-4, 4, 41)
    assert values(product, x) == pytest.approx(x * values(parse("silu(x)"), x))
    assert parse(product.formula) == product


def test_the_best_of_a_generation_survives(tmp_path: Path) -> None:
    """The original's ranking left out the parents it had selected, the best among them."""

    def quality(genome: Genome) -> float:
        return 0.3 if is_gated(genome) else 0.0

    engine = ScriptedEngine(tmp_path, quality=quality)
    run = ScriptedRun(tmp_path, make_config(budget=20_000), engine)
    run.play()
    with MetricsStore.open(tmp_path / "metrics.db", writer=False) as store:
        run_id = store.latest_run()
        assert run_id is not None
        members = store.members(run_id)
    accepted = [member for member in members if member.status == "accepted"]
    assert accepted
    for winner in accepted:
        rivals = _of_its_generation(members, winner)
        assert winner.bits_per_byte == min(one.bits_per_byte or 9.0 for one in rivals)
        following = [
            one
            for one in members
            if one.role == "champion"
            and (one.generation, one.lineage) == (winner.generation + 1, winner.lineage)
        ]
        assert all(one.genome == winner.genome for one in following)


def _of_its_generation(
    members: tuple[MemberRecord, ...], winner: MemberRecord
) -> list[MemberRecord]:
    return [
        one
        for one in members
        if (one.generation, one.lineage) == (winner.generation, winner.lineage)
        and one.role in ("champion", "challenger")
    ]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_no_record_holds_a_number_that_is_not_finite(bad: float) -> None:
    """One NaN froze the original's charts and phases and then destroyed its weights."""
    row = {
        "phase": "cambrian",
        "generation": 1,
        "member_id": "m",
        "step": 1,
        "loss": bad,
        "learning_rate": 0.1,
        "grad_norm": 1.0,
        "clip_coef": 1.0,
        "clip_pct": 0.0,
        "skipped": True,
        "tokens_per_sec": 1.0,
        "ms_per_step": 1.0,
    }
    with pytest.raises(ValidationError, match="finite"):
        StepMetrics.model_validate(row)


def test_the_page_of_defects_names_tests_that_exist() -> None:
    page = (ROOT / "docs/design/defects.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page)
    assert len(named) > 15
    for path, test in named:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{path}::{test}"
