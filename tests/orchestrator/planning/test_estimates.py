"""Seconds, memory, disk and money follow from what was measured."""

import pytest

from orchestrator.planning.messages import Answer
from orchestrator.planning.plan import Plan, plan_of
from orchestrator.planning.probe import rates_of
from orchestrator.planning.rates import Rates, Speed
from orchestrator.planning.storage import RAY_WORKER_BYTES, disk_of, memory_of
from orchestrator.planning.view import WIDTH, as_text
from orchestrator.planning.wall import TextSize, error_of, phase_seconds, total
from orchestrator.planning.workload import Workload
from tests.builders import make_config
from tests.phase_ends import config_of

TEXT = TextSize(train_tokens=100_000, search_tokens=10_000, test_tokens=20_000)
RATES = Rates(
    member=Speed(step_seconds=0.1, spread=0.02, look_token_seconds=1e-5),
    single=Speed(step_seconds=0.06, spread=0.01, look_token_seconds=6e-6),
    store_seconds=0.05,
    battery_seconds=0.5,
    reference_seconds=1.0,
    start_seconds=5.0,
    checkpoint_bytes=3_000_000,
    activation_bytes=50_000_000,
    worker_bytes=400_000_000,
    windows=16,
    busy=0.1,
)


def planned(
    control: tuple[str, ...] = (),
    price: float | None = None,
    rates: dict[str, object] | None = None,
) -> Plan:
    return plan_of(
        config_of(30.0, budget=2000, control=control),
        TEXT,
        RATES.model_copy(update=rates or {}),
        num_bytes=400_000,
        is_estimate=False,
        cores=2,
        price_per_hour=price,
        notes=("model tiny (as asked)",),
    )


def test_a_phase_takes_its_steps_looks_and_batteries() -> None:
    work = Workload(
        name="cambrian",
        member_steps=100,
        member_tasks=5,
        single_steps=50,
        single_tasks=2,
        single_looks=3,
        test_looks=1,
        batteries=2,
        whole_batteries=1,
    )
    found = phase_seconds(work, RATES, TEXT)
    assert found.training == pytest.approx(100 * 0.1 + 50 * 0.06)
    assert found.evaluation == pytest.approx(5 * 0.1 + 3 * 0.06 + 0.12)
    assert found.battery == pytest.approx(2 * 0.5 + 3 * 0.5)
    assert found.other == pytest.approx(7 * 0.05)
    assert found.total == pytest.approx(13 + 0.8 + 2.5 + 0.35, abs=1e-6)


def test_the_range_holds_the_estimate_and_grows_with_what_is_not_known() -> None:
    parts = [phase_seconds(Workload(name="a", single_steps=1000), RATES, TEXT)]
    calm = total(parts, RATES, cores=2)
    assert calm.low < calm.likely < calm.high
    uneasy = RATES.model_copy(update={"busy": 3.0})
    assert error_of(uneasy, cores=2) > error_of(RATES, cores=2)
    assert error_of(uneasy, cores=16) == error_of(RATES, cores=16)
    jumpy = RATES.model_copy(update={"member": RATES.member.model_copy(update={"spread": 0.9})})
    assert total(parts, jumpy, cores=2).high == pytest.approx(1.9 * calm.likely)


def test_the_whole_is_the_sum_of_its_parts_and_a_baseline_comes_on_top() -> None:
    plain, beside = planned().time, planned(control=("gelu",)).time
    assert plain is not None
    assert beside is not None
    assert plain.run.likely == pytest.approx(sum(part.total for part in plain.parts))
    assert plain.control is None
    assert beside.control is not None
    assert beside.run.likely == pytest.approx(plain.run.likely + beside.control.likely)
    assert beside.control == plain.one_control
    assert [part.name for part in beside.parts][-2:] == ["control gelu", "closing"]


def test_twice_as_slow_steps_take_twice_the_training() -> None:
    slow: dict[str, object] = {
        "member": RATES.member.model_copy(update={"step_seconds": 0.2}),
        "single": RATES.single.model_copy(update={"step_seconds": 0.12}),
    }
    one, two = planned().time, planned(rates=slow).time
    assert one is not None
    assert two is not None
    for fast, late in zip(one.parts, two.parts, strict=True):
        assert late.training == pytest.approx(2 * fast.training)
        assert late.evaluation == pytest.approx(fast.evaluation)


def test_money_is_hours_times_the_price_and_only_asked_for() -> None:
    assert planned().price is None
    found = planned(price=3.6, control=("gelu",))
    assert found.price is not None
    assert found.time is not None
    assert found.time.control is not None
    assert found.price.run.likely == pytest.approx(found.time.run.likely / 1000)
    assert found.price.control is not None
    assert found.price.control.likely == pytest.approx(found.time.control.likely / 1000)
    assert "price" in as_text(found)
    assert "price" not in as_text(planned())


def test_memory_counts_every_worker_and_disk_is_bounded_by_keep_gb() -> None:
    ray = config_of(30.0, budget=100_000, engine={"engine": "ray", "workers": 4})
    four, one = memory_of(ray, "gelu(x)", RATES, 4), memory_of(ray, "gelu(x)", RATES, 1)
    assert four.everything is not None
    assert one.everything is not None
    assert four.everything - one.everything == 3 * (RATES.worker_bytes + RAY_WORKER_BYTES)
    assert four.model.weights == 4 * four.model.parameters
    assert memory_of(ray, "gelu(x)", None, 4).everything is None
    work = [Workload(name="a", checkpoints=100_000)]
    little = disk_of(config_of(30.0, keep_gb=0.0), work, RATES, 400_000)
    much = disk_of(config_of(30.0, keep_gb=2.0), work, RATES, 400_000)
    assert little.checkpoints is not None
    assert much.checkpoints is not None
    assert much.checkpoints - little.checkpoints == 2_000_000_000


def test_the_answers_of_all_processes_make_the_rates() -> None:
    beside = [answer(step_seconds=0.1), answer(step_seconds=0.3, worker_bytes=7)]
    alone = answer(step_seconds=0.05, store_seconds=0.5, checkpoint_bytes=99)
    rates = rates_of(beside, alone, start_seconds=4.0, busy=0.5)
    assert rates.member.step_seconds == pytest.approx(0.2)
    assert rates.single.step_seconds == 0.05
    assert (rates.store_seconds, rates.checkpoint_bytes, rates.worker_bytes) == (0.5, 99, 7)


def answer(**changes: float) -> Answer:
    base = Answer(
        steps=5,
        windows=16,
        step_seconds=0.1,
        spread=0.0,
        look_token_seconds=1e-5,
        worker_bytes=5,
        accelerator_bytes=0,
    )
    return base.model_copy(update=changes)


@pytest.mark.parametrize("control", [(), ("gelu", "0.8*silu(x)*relu(x) + 0.2*x")])
def test_the_page_fits_the_terminal_and_names_every_phase(control: tuple[str, ...]) -> None:
    plan = planned(control=control, price=2.0, rates={"busy": 4.0, "windows": 3})
    page = as_text(plan)
    assert all(len(line) <= WIDTH for line in page.splitlines()), page
    for phase in plan.phases:
        assert f"\n{phase.phase:14}{phase.steps:>8,}" in page
    assert page.isascii()
    assert ("--control gelu adds" in page) == (not control)
    assert "measured on 3 of the 16 windows" in page
    assert "the machine is busy (load 4.0)" in page


def test_without_a_measurement_nothing_is_said_of_time() -> None:
    plan = plan_of(
        make_config(data={"train_tokens": 100_000}),
        TEXT,
        None,
        num_bytes=400_000,
        is_estimate=True,
        cores=2,
        price_per_hour=2.0,
        notes=(),
    )
    assert (plan.time, plan.price, plan.memory.worker, plan.disk.everything) == (None,) * 4
    page = as_text(plan)
    assert "time" not in page.split("\n\n")[2]
    assert "about 100,000 train" in page
