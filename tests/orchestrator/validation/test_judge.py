"""Readings to verdicts: each fault is found by its own gate, and by no gate that is not asked."""

from math import log

import pytest

from orchestrator.validation.hold import GateFailedError, holding, require_passed
from orchestrator.validation.judge import judge_build, judge_states
from orchestrator.validation.judge_course import (
    first_steps,
    judge_balance,
    judge_course,
    weighed,
)
from orchestrator.validation.judge_loss import (
    Reached,
    at_equal_steps,
    judge_baseline,
    judge_loss,
)
from orchestrator.validation.limits import GROUNDTHINK, Limits
from orchestrator.validation.subject import Subject
from orchestrator.validation_config import ValidationConfig
from state.validation import Balance, Kernel, Stretch, Verdict
from tests.validation_builders import build_reading, state_reading, stretch

OURS = Limits()
SUBJECT = Subject("scaling", 7, "ab" * 32)
NEW = Subject("build", 7)
PARTS = ("rwkv6", "mamba2")
FALLS = tuple(stretch(5 - 0.02 * number) for number in range(100))


def build(limits: Limits = OURS, **changes: object) -> tuple[str, ...]:
    return tuple(one.verdict for one in judge_build(build_reading(**changes), limits, NEW))


def balance(*courses: tuple[Stretch, ...]) -> Balance:
    tally = Balance()
    for one in courses:
        tally = weighed(tally, one)
    return tally


def balanced(*ratios: float | None, limits: Limits = OURS) -> Verdict:
    courses = [(stretch(ratio=one or 0.0),) * 10 for one in ratios]
    return judge_balance(balance(*courses), PARTS, limits, SUBJECT)


def test_a_healthy_build_passes_and_says_what_was_counted() -> None:
    verdicts = judge_build(build_reading(), OURS, NEW)
    assert [(one.gate, one.verdict, one.n) for one in verdicts] == [
        ("G0", "pass", 7),
        ("G1", "pass", 256),
        ("G2", "pass", 256),
    ]
    assert all((one.seed, one.checkpoint) == (7, None) for one in verdicts)
    assert verdicts[2].measures[0].value == pytest.approx(5.6 / log(300))


def test_each_fault_of_a_build_is_found_by_its_own_gate() -> None:
    slow = Kernel(part="rwkv6", code="PyTorch", fallback=True)
    assert build(split_controls=("<|user|>",)) == ("fail", "pass", "pass")
    assert build(kernels=(slow,)) == ("warn", "pass", "pass")
    assert build(not_finite=3, entropy=None) == ("pass", "fail", "fail")
    assert build(shape=(2, 128, 301)) == ("pass", "fail", "pass")
    assert build(entropy=0.6 * log(300)) == ("pass", "pass", "warn")
    assert build(entropy=0.4 * log(300)) == ("pass", "pass", "fail")


def test_only_a_pass_that_is_not_finite_stops() -> None:
    stopped = judge_build(build_reading(not_finite=1, entropy=None), OURS, NEW)
    wrong = judge_build(build_reading(shape=(2, 128, 301)), OURS, NEW)
    assert [one.stops for one in stopped] == [False, True, False]
    assert not any(one.stops for one in wrong)


def test_trained_weights_have_no_first_entropy_and_a_name() -> None:
    verdicts = judge_build(build_reading(), OURS, SUBJECT)
    assert [one.verdict for one in verdicts] == ["pass", "pass", "not judged"]
    assert {one.checkpoint for one in verdicts} == {"ab" * 6}


@pytest.mark.parametrize(
    ("entropy", "verdict"),
    [(0.5, "fail"), (1.5, "warn"), (4.4, "pass"), (5.5, "warn"), (7.5, "warn"), (9.7, "fail")],
)
def test_the_documents_judge_the_entropy_in_nats_without_gaps(entropy: float, verdict: str) -> None:
    assert build(GROUNDTHINK, entropy=entropy)[2] == verdict


def test_states_are_judged_by_the_worse_component() -> None:
    def judged(**changes: object) -> str:
        pair = (state_reading(component="mamba2"), state_reading(**changes))
        return judge_states(pair, OURS, SUBJECT).verdict

    assert judged() == "pass"
    assert judged(cosine=1.0) == judged(top_share=0.4) == judged(outgrown=0.4) == "fail"
    assert judged(cosine=0.97) == judged(top_share=0.6) == judged(outgrown=0.2) == "warn"
    assert judged(cosine=None) == "fail"
    layers = (state_reading(cosine=1.0), state_reading(layer=1, cosine=0.4))
    assert judge_states(layers, OURS, SUBJECT).verdict == "pass"


def test_the_documents_judge_states_behind_successive_tokens_in_absolute_units() -> None:
    def judged(**changes: object) -> str:
        return judge_states((state_reading(**changes),), GROUNDTHINK, SUBJECT).verdict

    assert judged() == "fail"
    assert judged(saturated=0.01) == "warn"
    assert judged(saturated=0.01, token_cosine=0.5, cosine=1.0, outgrown=1.0) == "pass"


def test_attention_has_no_states_to_judge() -> None:
    assert judge_states((), OURS, SUBJECT).verdict == "not judged"


def test_a_falling_loss_passes_and_a_rising_one_stops() -> None:
    verdict = judge_course(FALLS, OURS, SUBJECT)
    assert (verdict.verdict, verdict.n, verdict.stops) == ("pass", 1000, False)
    backwards = judge_course(FALLS[::-1], OURS, SUBJECT)
    assert (backwards.verdict, backwards.stops) == ("fail", True)


def test_the_last_tenth_is_held_against_the_first() -> None:
    course = (stretch(4.0),) * 10 + (stretch(9.0),) * 80 + (stretch(3.0),) * 10
    measure = judge_course(course, OURS, SUBJECT).measures[0]
    assert measure.value == pytest.approx(3 / 4)


def test_steps_after_the_thousandth_do_not_count() -> None:
    assert len(first_steps(FALLS * 2)) == 100
    assert judge_course((*FALLS, *(stretch(99.0),) * 50), OURS, SUBJECT).verdict == "pass"


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, "pass"), (5.0, "warn"), (0.2, "warn"), (20, "fail"), (0.01, "fail")],
)
def test_gradients_that_explode_or_vanish_are_found_without_a_stop(
    factor: float, verdict: str
) -> None:
    exploding = (*FALLS[:90], *(one.model_copy(update={"grad_norm": factor}) for one in FALLS[90:]))
    judged = judge_course(exploding, OURS, SUBJECT)
    assert (judged.verdict, judged.stops) == (verdict, False)
    others = judge_course(FALLS, OURS, SUBJECT, reference_norm=1 / factor)
    assert others.verdict == verdict


def test_too_few_steps_and_a_model_trained_before_are_not_judged() -> None:
    assert judge_course((stretch(),), OURS, SUBJECT).verdict == "not judged"
    assert judge_course(FALLS[::-1], OURS, SUBJECT, trained_before=True).verdict == "not judged"


def test_losses_that_are_nowhere_finite_stop() -> None:
    blind = tuple(one.model_copy(update={"loss": None}) for one in FALLS)
    assert judge_course(blind, OURS, SUBJECT).stops


def test_a_ratio_is_taken_every_hundred_steps_whichever_task_they_are_of() -> None:
    assert balance(FALLS).num == 10
    tally = balance(FALLS[:3], FALLS[:11])
    assert (tally.num, tally.open_steps) == (1, 40)
    loud = Stretch(steps=10, loss=3.0, grad_norm=9.0, first=3.0, second=1.0)
    assert balance((*FALLS[:9], loud)).last == pytest.approx((180.0, 100.0))


def test_the_balance_of_less_than_a_hundred_steps_is_judged_for_death_alone() -> None:
    early = (stretch(ratio=0.13),) * 5
    assert judge_balance(balance(early), PARTS, OURS, SUBJECT).verdict == "not judged"
    assert judge_balance(balance((stretch(ratio=0.0),) * 5), PARTS, OURS, SUBJECT).stops
    assert judge_balance(balance((stretch(ratio=0.0),)), PARTS, OURS, SUBJECT).stops is False


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ((1.0,) * 8 + (20.0,) * 2, "pass"),
        ((1.0,) * 6 + (5.0,) * 4, "warn"),
        ((1.0,) * 6 + (0.2,) * 4, "warn"),
        ((1.0,) * 6 + (5.0,) * 3 + (0.05,), "fail"),
        ((1.0,) * 4 + (5.0,) * 6, "fail"),
    ],
)
def test_the_balance_is_judged_by_the_share_inside(ratios: tuple[float, ...], verdict: str) -> None:
    judged = balanced(*ratios)
    assert (judged.verdict, judged.stops) == (verdict, False)


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1.0, "pass"), (3.5, "warn"), (0.2, "warn"), (20.0, "warn")]
)
def test_few_ratios_are_judged_together_and_fail_nothing(ratio: float, verdict: str) -> None:
    assert balanced(*(ratio,) * 4).verdict == verdict
    assert balanced(*(ratio,) * 5).verdict == ("pass" if ratio == 1 else "fail")


def test_a_dead_component_stops_whatever_it_did_before() -> None:
    assert balanced(*(1.0,) * 20, 0.0).stops
    assert balanced(*(1.0,) * 20, 5e-4).stops
    silent = Stretch(steps=10, loss=3.0, grad_norm=1.0, first=1.0, second=0.0)
    assert judge_balance(balance(FALLS, (silent,) * 10), PARTS, OURS, SUBJECT).stops
    assert balanced(0.0, 1.0).stops is False


def test_the_documents_judge_one_ratio_on_both_sides() -> None:
    assert balanced(0.05, limits=GROUNDTHINK).verdict == "fail"
    assert balanced(0.2, limits=GROUNDTHINK).verdict == "warn"
    assert balanced(1.0, limits=GROUNDTHINK).verdict == "pass"


def test_losses_are_compared_at_the_same_step_between_the_points_of_the_reference() -> None:
    curve, reference = ((100, 3.0), (250, 2.5), (900, 1.0)), ((200, 2.0), (300, 3.0))
    assert at_equal_steps(curve, reference) == (250, 2.5, 2.5)
    assert at_equal_steps(curve, ()) is None


@pytest.mark.parametrize(
    ("last", "reference", "verdict"),
    [
        (2.0, ((100, 2.0),), "pass"),
        (2.2, ((100, 2.0),), "warn"),
        (2.5, ((100, 2.0),), "fail"),
        (2.0, (), "not judged"),
    ],
)
def test_the_loss_is_held_against_a_reference_or_not_judged(
    last: float, reference: tuple[tuple[int, float], ...], verdict: str
) -> None:
    assert judge_loss(((100, last),), reference, OURS, SUBJECT).verdict == verdict


def test_a_search_loss_that_turns_up_fails_without_a_reference() -> None:
    diverging = ((100, 2.0), (200, 1.0), (300, 1.3))
    assert judge_loss(diverging, (), OURS, SUBJECT).verdict == "fail"
    assert judge_loss(diverging[:2], (), OURS, SUBJECT).verdict == "not judged"
    assert judge_loss((), (), OURS, SUBJECT).verdict == "not judged"


def test_the_documents_ask_absolute_losses_of_models_of_their_size() -> None:
    curve = ((10_000, 1.0),)
    small, large = Reached(6.4, 10_000, 7_900_000), Reached(6.6, 10_000, 7_900_000)
    other = Reached(0.9, 500, 100_000)
    assert judge_loss(curve, (), GROUNDTHINK, SUBJECT, small).verdict == "pass"
    assert judge_loss(curve, (), GROUNDTHINK, SUBJECT, large).verdict == "fail"
    assert judge_loss(curve, (), GROUNDTHINK, SUBJECT, other).verdict == "not judged"
    assert judge_baseline(curve, other, GROUNDTHINK, SUBJECT).verdict == "not judged"
    good = Reached(0.92, 10_000, 1)
    assert judge_baseline(curve, good, GROUNDTHINK, SUBJECT).verdict == "pass"
    assert judge_baseline(curve, small, GROUNDTHINK, SUBJECT).verdict == "fail"


def test_what_stops_a_run_can_be_waived_and_strictness_adds_to_it() -> None:
    dead, unlike = balanced(0.0), balanced(*(20.0,) * 5)
    for verdicts, config, stopped in (
        ((dead, unlike), ValidationConfig(), [dead]),
        ((dead, unlike), ValidationConfig(strict=True), [dead, unlike]),
        ((dead, unlike), ValidationConfig(strict=True, waive=("G4",)), []),
        ((dead,), None, []),
    ):
        assert list(holding(verdicts, config)) == stopped
    with pytest.raises(GateFailedError, match=r"G4 failed: .*resume with --waive G4"):
        require_passed((dead,), ValidationConfig())


def test_gates_are_waived_by_name_in_any_case() -> None:
    assert ValidationConfig(waive=("g3.5",)).waive == ("G3.5",)
    with pytest.raises(ValueError, match="G9"):
        ValidationConfig(waive=("G9",))
