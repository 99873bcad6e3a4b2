"""The plan of the comparison, its intervals and its tables."""

from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pays.arms import ABLATIONS, FIXED, population, straight
from benchmarks.pays.figures import Values, bits_of
from benchmarks.pays.intervals import paired
from benchmarks.pays.place import Place, Result, beginning
from benchmarks.pays.plan import HEADLINE, RETRAINED_STEPS, distinct, plan
from benchmarks.pays.specs import SETTINGS, Settings, Spec
from benchmarks.pays.tables import arms_of, best_fixed, difference, table
from benchmarks.pays.tuning import MAIN, best_change, contenders, joined, tuning
from benchmarks.pays.work import configured

STRETCHES, BYTES = 32, 1000
TOKEN_BYTES = 2.0
BITS = np.linspace(1.5, 2.0, STRETCHES)


def blocks(bits: Sequence[float] | Values) -> Values:
    """Stretches of equal bytes."""
    nats = np.asarray(bits) * log(2) * BYTES
    return np.stack([nats, np.full(STRETCHES, BYTES)], axis=1)


def result(more: float = 0.0, **changes: object) -> Result:
    """A run that needs so many bits more."""
    values = BITS + more
    nats = float(values.mean()) * log(2) * TOKEN_BYTES
    search = {"bits_per_byte": 0.0, "nats_per_token": nats, "blocks": blocks(values).tolist()}
    flops = {"training_flops": 1e12, "evaluation_flops": 1e12, "wall_seconds": 60.0}
    ages = {"best_age": 600, "member_steps": 1200}
    return {"search": search, "formula": "gelu(x)", **flops, **ages, **changes}  # type: ignore[dict-item]


def test_what_the_verdict_is_made_of_comes_before_what_explains_it() -> None:
    specs = distinct(plan({}))
    main = [spec for spec in specs if spec.setting == MAIN]
    first = next(index for index, spec in enumerate(main) if spec.seed > 0)
    assert {*HEADLINE, *FIXED} == {spec.arm for spec in main[:first]}
    parts = {spec.arm: spec.seed for spec in main if spec.arm in ABLATIONS}
    assert parts == dict.fromkeys(ABLATIONS, 2)
    last = max(index for index, spec in enumerate(main) if spec.arm in HEADLINE)
    assert not any(spec.arm in ABLATIONS for spec in main[:last])
    assert len({spec.key for spec in specs}) == len(specs)


def test_arms_with_equal_settings_are_one_run() -> None:
    plain, renamed = straight(MAIN, "gelu", 0), straight(MAIN, "gelu", 0, arm="other")
    assert plain.key == renamed.key
    assert plain.key != straight(MAIN, "gelu", 0, change={"model": {"dropout": 0.2}}).key


def test_a_fixed_activation_is_tuned_once_all_was_tried() -> None:
    changes: list[Settings] = [
        {},
        {"host": {"mean_horizon": 0.02}},
        {"optimizer": {"weight_decay": 0.3}},
    ]
    changes += [{"optimizer": {"lr": 0.003}}]
    changes += [{"model": {"dropout": dropout}} for dropout in (0.05, 0.0, 0.2)]
    changes += [{"host": {"decay_from": 0.4}}]
    keys = [straight(MAIN, "gelu", 0, change=one).key for one in changes]
    results = {key: result(0.01 * (key != keys[2])) for key in keys}
    assert best_change(MAIN, "gelu", results) == changes[2]
    del results[keys[6]]
    assert best_change(MAIN, "gelu", results) == {}


def test_what_helped_by_itself_is_tried_together_and_taken_to_other_texts() -> None:
    def of(setting: str, change: Settings, more: float) -> dict[str, Result]:
        return {straight(setting, "swiglu", 0, change=change).key: result(more)}

    gains: list[tuple[Settings, float]] = [
        ({}, 0.0),
        ({"host": {"mean_horizon": 0.02}}, 0.01),
        ({"optimizer": {"weight_decay": 0.3}}, -0.002),
        ({"optimizer": {"lr": 0.003}}, -0.01),
        ({"model": {"dropout": 0.05}}, -0.004),
        ({"model": {"dropout": 0.0}}, 0.02),
        ({"model": {"dropout": 0.2}}, -0.006),
        ({"host": {"decay_from": 0.4}}, -0.012),
    ]
    results = {key: one for change, more in gains for key, one in of(MAIN, change, more).items()}
    slow, fall, dropout = gains[3][0], gains[7][0], gains[6][0]
    assert joined(MAIN, "swiglu", results) == [
        fall | slow,
        fall | dropout,
        slow | dropout,
        fall | slow | dropout,
    ]
    assert best_change(MAIN, "swiglu", results) == fall
    results |= of(MAIN, slow | dropout, -0.02)
    assert best_change(MAIN, "swiglu", results) == slow | dropout
    (there,) = tuning("shakespeare", ("swiglu",), results)
    assert there == straight("shakespeare", "swiglu", 0, change=slow | dropout)
    results |= of("shakespeare", {}, 0.0)
    assert best_change("shakespeare", "swiglu", results) == {}
    results |= of("shakespeare", slow | dropout, -0.001)
    assert best_change("shakespeare", "swiglu", results) == slow | dropout
    del results[straight(MAIN, "swiglu", 0, change=fall).key]
    assert joined(MAIN, "swiglu", results) == []


def test_equal_flops_and_retraining_follow_from_what_a_run_came_to() -> None:
    ours = population(MAIN, "symbio-auto", 0)
    accepted = [{"formula": "relu(x)", "champion": "gelu(x)"}]
    results = {
        ours.key: result(training_flops=4e12, accepted=accepted, formula="relu(x)"),
        straight(MAIN, "gelu", 0).key: result(),
    }
    more = [spec for spec in distinct(plan(results)) if spec not in distinct(plan({}))]
    assert [(spec.arm, spec.budget, spec.seed) for spec in more] == [
        ("gelu at equal FLOPs", 30_000, 0),
        ("evolved activation alone", 12_000, 0),
        ("retrained", RETRAINED_STEPS, 0),
        ("retrained", RETRAINED_STEPS, 0),
    ]


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_product_takes_every_arm_of_the_plan(setting: str, tmp_path: Path) -> None:
    (tmp_path / f"{SETTINGS[setting].corpus}.txt").write_text("A line.\n" * 100)
    place = Place(tmp_path, tmp_path / "scratch")
    by_settings = {str(spec.settings): spec for spec in plan({}) if spec.setting == setting}
    for spec in by_settings.values():
        config = configured(spec, place)
        assert (config.mode, config.budget, config.seed) == (spec.mode, spec.budget, spec.seed)
        assert config.engine.host_threads == 1


def test_an_arm_that_is_worse_on_every_stretch_is_shown_to_be() -> None:
    ours, theirs = [blocks(BITS + 0.01)] * 3, [blocks(BITS)] * 3
    found = paired(ours, theirs, relative=False)
    assert found.mean == pytest.approx(0.01)
    assert found.low == pytest.approx(0.01)
    assert found.high == pytest.approx(0.01)
    share = paired(ours, theirs, relative=True)
    assert share.mean == pytest.approx(0.01 / BITS.mean())


def test_an_interval_is_as_wide_as_its_seeds_differ() -> None:
    gaps = np.array([-0.02, -0.01, 0.0, 0.01, 0.02]) + 0.005
    theirs = [blocks(BITS)] * 5
    found = paired([blocks(BITS + gap) for gap in gaps], theirs, relative=False)
    error = gaps.std(ddof=1) / np.sqrt(5)
    assert found.mean == pytest.approx(0.005)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert found.low < 0 < found.high


def test_one_seed_speaks_of_the_text_alone() -> None:
    gaps = np.where(np.arange(STRETCHES) % 2, 0.03, -0.01)
    found = paired([blocks(BITS + gaps)], [blocks(BITS)], relative=False)
    error = gaps.std() / np.sqrt(STRETCHES)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_other_stretches_are_refused() -> None:
    other = blocks(BITS)
    other[:, 1] += 1
    with pytest.raises(ValueError, match="same stretches"):
        paired([blocks(BITS)], [other], relative=True)


def test_a_table_compares_with_the_best_tuned_activation() -> None:
    arms = {"gelu": 0.02, "swiglu": 0.01}
    results = {
        straight(MAIN, name, seed).key: result(more)
        for name, more in arms.items()
        for seed in (0, 1)
    }
    for seed in (0, 1):
        ours = population(MAIN, "symbio-auto", seed)
        results[ours.key] = result(-0.05, evaluated=80)
    found = arms_of(MAIN, results)
    assert best_fixed(found) == "swiglu, tuned"
    gap = difference(found, "symbio-auto", "swiglu, tuned", "search", relative=False)
    assert gap is not None
    assert gap.mean == pytest.approx(-0.06)
    text = "\n".join(table(MAIN, found, "search"))
    assert "best fixed at equal steps, 3 % below: met (-3.4" in text
    assert "lineages distilled, better: not measured" in text
    assert "| gelu, tuned | 2 | 1.7700 ± 0.0000 |" in text


def test_what_is_equal_is_not_better() -> None:
    results = {straight(MAIN, "gelu", 0).key: result()}
    for arm in ("symbio-auto", "random search"):
        results[population(MAIN, arm, 0).key] = result(-0.05, evaluated=80)
    text = "\n".join(table(MAIN, arms_of(MAIN, results), "search"))
    assert "random search, better: missed (+0.00 %" in text


def test_short_of_steps_a_little_worse_is_good_enough() -> None:
    results = {straight("prose", "gelu", 0).key: result()}
    results[population("prose", "symbio-auto", 0).key] = result(0.005, evaluated=80)
    text = "\n".join(table("prose", arms_of("prose", results), "search"))
    assert "not worse by .5 %: met (+0.29 %" in text
    assert "3 % below" not in text


@pytest.mark.parametrize(("nats", "said"), [(-0.0029, "missed"), (-0.0031, "met")])
def test_an_activation_alone_is_judged_in_nats_per_token(nats: float, said: str) -> None:
    ours = result(-0.05, evaluated=80)
    less = nats / log(2) / TOKEN_BYTES
    found = {
        "gelu, tuned": {0: result()},
        "symbio-auto": {0: ours},
        "evolved activation alone": {0: result(less)},
    }
    text = "\n".join(table(MAIN, found, "search"))
    assert f"0.003 nats per token below: {said} (" in text


def test_a_run_that_failed_has_no_figure() -> None:
    assert bits_of({"failed": "it diverged"}) == float("inf")


def test_a_run_is_claimed_by_one_process_and_free_again_after_it(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path)
    with place.claimed("a") as first, place.claimed("a") as second, place.claimed("b") as other:
        assert (first, second, other) == (True, False, True)
    with place.claimed("a") as again:
        assert again


def test_a_fixed_activation_is_tuned_where_it_might_lead() -> None:
    assert contenders({}) == list(FIXED[2:])
    behind = {"gelu": 0.02, "swiglu": 0.01, "silu": 0.024, "relu2": 0.026}
    results = {straight(MAIN, name, 0).key: result(more) for name, more in behind.items()}
    assert contenders(results) == ["silu", "leaky_relu2"]
    tuned = {
        spec.arm
        for spec in plan(results)
        if spec.mode == "train" and spec.settings.keys() - {"train"}
    }
    assert {"silu", "leaky_relu2"} <= tuned
    assert "relu2" not in tuned


def test_a_part_of_a_text_ends_with_a_line() -> None:
    assert beginning(b"one\ntwo\nthree\n", 0.6) == b"one\ntwo\n"


def test_all_fixed_activations_are_in_the_plan() -> None:
    assert set(FIXED) <= {spec.arm for spec in plan({})}


def test_a_key_says_which_run_it_is() -> None:
    spec = Spec(setting=MAIN, arm="x", mode="train", budget=100, seed=3)
    assert spec.key.startswith(f"{MAIN}-train-100-")
    assert spec.key.endswith("-s3")
