"""The gate: pass unless shown to be worse."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config import GateConfig
from orchestrator.gates.phase_gate import Deficit, judge, paired_deficit
from state.records import Evaluation
from tests.builders import make_evaluation

CONFIG = GateConfig()


def worse(low: float) -> Deficit:
    return Deficit(mean=low + 0.01, low=low, high=low + 0.02)


def verdict(deficit: Deficit | None, refusal: str = "") -> str:
    return judge(deficit, config=CONFIG, refusal=refusal).verdict


def test_the_first_phase_passes() -> None:
    assert verdict(None) == "pass"


def test_not_shown_to_be_worse_passes() -> None:
    assert verdict(worse(0.005)) == "pass"
    assert verdict(worse(-0.02)) == "pass"


def test_shown_to_be_worse_is_retried_then_reverted() -> None:
    assert verdict(worse(0.006)) == "retry"
    assert verdict(worse(0.006), refusal="this was the second attempt") == "revert"


def test_a_phase_that_is_not_begun_again_says_why() -> None:
    gate = judge(worse(0.006), config=CONFIG, refusal="this was the second attempt")
    assert gate.reason.endswith("slack 0.50%; this was the second attempt")
    assert gate.numbers["low"] == 0.006
    assert gate.numbers["slack"] == CONFIG.bits_per_byte_slack


def test_a_refusal_does_not_matter_to_a_phase_that_passes() -> None:
    gate = judge(worse(0.0), config=CONFIG, refusal="this was the second attempt")
    assert gate.verdict == "pass"
    assert "second attempt" not in gate.reason


@given(low=st.floats(-0.2, 0.2), width=st.floats(0, 0.2), refusal=st.sampled_from(["", "no room"]))
def test_the_lower_bound_alone_decides(low: float, width: float, refusal: str) -> None:
    deficit = Deficit(mean=low + width / 2, low=low, high=low + width)
    passes = low <= CONFIG.bits_per_byte_slack
    wanted = "pass" if passes else "revert" if refusal else "retry"
    assert verdict(deficit, refusal) == wanted


def test_the_interval_is_paired_over_the_blocks() -> None:
    """Blocks differ wildly, but the candidate is 2 % worse on each: the interval is tight."""
    reference = uneven(1.0)
    deficit = paired_deficit(uneven(1.02), reference, CONFIG, seed=1)
    assert abs(deficit.mean - 0.02) < 1e-9
    assert deficit.high - deficit.low < 1e-9


def test_a_noisy_difference_is_not_shown_to_be_worse() -> None:
    reference = make_evaluation(2.0)
    nats = reference.blocks[0][0]
    blocks = tuple((nats * (1.2 if n % 2 else 0.82), 500) for n in range(16))
    noisy = reference.model_copy(update={"blocks": blocks, "nats": sum(b[0] for b in blocks)})
    deficit = paired_deficit(noisy, reference, CONFIG, seed=1)
    assert deficit.mean > CONFIG.bits_per_byte_slack
    assert deficit.low < CONFIG.bits_per_byte_slack


def test_the_interval_is_the_same_for_the_same_seed() -> None:
    first, second = (
        paired_deficit(make_evaluation(2.1), uneven(1.0), CONFIG, seed=5) for _ in range(2)
    )
    assert first == second


def uneven(factor: float) -> Evaluation:
    flat = make_evaluation(2.0)
    blocks = tuple(
        (nats * factor * (1 + n / 4), size) for n, (nats, size) in enumerate(flat.blocks)
    )
    return flat.model_copy(update={"blocks": blocks, "nats": sum(nats for nats, _ in blocks)})
