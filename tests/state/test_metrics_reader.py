"""Reading: what dashboards are told, also of a run that has only begun."""

import threading
from collections.abc import Callable

from state.metrics_store import MetricsStore
from state.records import Decision, Sample, StepMetrics

Steps = Callable[..., list[StepMetrics]]


def advance(generation: int) -> Decision:
    return Decision(phase="cambrian", generation=generation, kind="advance", reason="done")


def test_an_empty_store_has_answers(store: MetricsStore) -> None:
    assert store.latest_run() is None
    assert store.summary("run") is None
    assert store.ledger("run") is None
    lists = (store.phases, store.members, store.decisions, store.losses, store.synchrony)
    more = (store.batteries, store.samples, store.events, store.findings, store.generations)
    assert all(read("run") == () for read in (*lists, *more))


def test_the_summary_of_a_run_that_has_only_begun_has_gaps(store: MetricsStore) -> None:
    store.record_run("run", {}, "gelu(x)", "text")
    summary = store.summary("run")
    assert summary is not None
    assert (summary.phase, summary.step, summary.best_bits_per_byte) == (None, None, None)
    assert summary.num_decisions == 0


def test_the_summary_says_where_the_run_stands(store: MetricsStore, steps: Steps) -> None:
    store.record_run("run", {}, "gelu(x)", "text")
    store.record_steps("run", steps(7))
    for generation, best in enumerate((2.5, 2.0, 2.25)):
        store.record_generation("run", "cambrian", generation, {"best_bits_per_byte": best})
        store.record_decision("run", generation, advance(generation))
    summary = store.summary("run")
    assert summary is not None
    assert (summary.phase, summary.generation, summary.step) == ("cambrian", 2, 7)
    assert (summary.best_bits_per_byte, summary.num_decisions) == (2.0, 3)


def test_what_a_control_reaches_is_not_the_runs_own(store: MetricsStore, steps: Steps) -> None:
    store.record_run("run", {}, "gelu(x)", "text")
    store.record_steps("run", steps(4))
    own = store.last_point("run")
    late = [one.model_copy(update={"phase": "control"}) for one in steps(9, generation=3)]
    store.record_steps("run", late)
    store.record_generation("run", "homeostasis", 2, {"best_bits_per_byte": 2.5})
    store.record_generation("run", "control", 3, {"best_bits_per_byte": 2.0})
    summary, stored = store.summary("run"), store.run("run")
    assert summary is not None
    assert stored is not None
    assert (summary.best_bits_per_byte, stored.best_bits_per_byte) == (2.5, 2.5)
    assert store.last_point("run") == own


def test_the_latest_run_is_the_one_begun_last(store: MetricsStore) -> None:
    for run_id in ("b", "a"):
        store.record_run(run_id, {}, "x", "text")
    store.update_run("b", {"created_at": "2020-01-01T00:00:00+00:00"})
    assert store.latest_run() == "a"


def test_phases_come_in_order_with_or_without_their_own_row(store: MetricsStore) -> None:
    store.record_generation("run", "primordial", 0, {"best_bits_per_byte": 3.0})
    store.record_generation("run", "primordial", 1, {})
    store.record_generation("run", "cambrian", 2, {"best_bits_per_byte": 2.5, "diversity": 0.5})
    store.record_phase("run", "oxidation", 3, {"lr_scale": 0.5})
    first, second, third = store.phases("run")
    assert (first.phase, first.first_generation, first.last_generation) == ("primordial", 0, 1)
    assert (first.best_bits_per_byte, first.num_generations) == (3.0, 2)
    assert (second.phase, second.settings) == ("cambrian", {})
    assert (third.phase, third.first_generation, third.last_generation) == ("oxidation", 3, None)
    assert third.settings == {"lr_scale": 0.5}


def test_a_generation_keeps_all_that_was_said_of_it(store: MetricsStore) -> None:
    summary = {"diversity": 0.5, "population": 4, "best_bits_per_byte": None, "note": "x"}
    store.record_generation("run", "cambrian", 0, summary)
    (generation,) = store.generations("run")
    assert (generation.diversity, generation.population) == (0.5, 4)
    assert generation.best_bits_per_byte is None
    assert generation.summary == summary


def test_the_last_ones_come_oldest_first(store: MetricsStore) -> None:
    for index in range(5):
        store.record_event("run", index, "tick", {"n": index})
        store.record_decision("run", index, advance(index))
        sample = Sample(prompt="p", temperature=1, text=str(index), ended=False)
        store.record_samples("run", "cambrian", index, 10, [sample])
    assert [event.data for event in store.events("run", last=2)] == [{"n": 3}, {"n": 4}]
    assert [made.generation for made in store.decisions("run", limit=2)] == [3, 4]
    assert [drawn.sample.text for drawn in store.samples("run", last=2)] == ["3", "4"]
    assert len(store.events("run")) == 5


def test_losses_are_the_steps_that_have_one(store: MetricsStore, steps: Steps) -> None:
    nan = steps(1, first=4)[0].model_copy(update={"loss": None, "skipped": True})
    store.record_steps("run", [*steps(3), nan, *steps(2, member_id="b")])
    assert [(point.step, point.member_id) for point in store.losses("run")] == [
        (1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "a"),
    ]  # fmt: skip
    assert [point.loss for point in store.losses("run", ["b"])] == [1, 0.5]
    assert store.losses("run", []) == ()


def test_a_thinned_curve_keeps_its_spikes_and_its_order(store: MetricsStore, steps: Steps) -> None:
    curve = steps(1000)
    curve[617] = curve[617].model_copy(update={"loss": 50.0})
    curve[618] = curve[618].model_copy(update={"loss": -50.0})
    store.record_steps("run", curve)
    points = store.losses("run", limit=40)
    assert 20 <= len(points) <= 40
    assert {50.0, -50.0} <= {point.loss for point in points}
    assert [point.step for point in points] == sorted(point.step for point in points)
    assert points[0].step == 1
    assert len(store.losses("run", limit=1000)) == 1000


def test_members_of_one_generation(store: MetricsStore) -> None:
    assert store.members("run", generation=3) == ()


def test_threads_may_share_a_reader(store: MetricsStore, steps: Steps) -> None:
    store.record_steps("run", steps(100))
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(len(store.steps("run")))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [100] * 8
