"""When a run's course reaches a target, and which schedule is the shortest that does."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.time_to_quality import course, first_at, row, shortest
from state.records import Evaluation
from state.results import TrainingResult

COURSES = st.dictionaries(st.integers(1, 2000), st.floats(0.5, 5), min_size=1, max_size=20)


@given(COURSES, st.floats(0.5, 5))
def test_nothing_before_the_first_step_is_at_the_target(
    nats: dict[int, float], target: float
) -> None:
    step = first_at(nats, target)
    before = [value for at, value in nats.items() if step is None or at < step]
    assert all(value > target for value in before)
    assert step is None or nats[step] <= target


def measured(nats: float) -> tuple[Evaluation, ...]:
    return (Evaluation(split="search", nats=10 * nats, tokens=10, num_bytes=10, blocks=()),)


def test_a_course_adds_up_its_tasks_and_takes_the_better_of_weights_and_mean() -> None:
    done = [
        trained(20, evaluations=measured(3.0)),
        trained(5),
        trained(15, evaluations=measured(2.0), averaged_evaluations=measured(1.5)),
        trained(20, evaluations=measured(1.0), averaged_evaluations=measured(1.25)),
    ]
    assert course(done) == {20: 3.0, 40: 1.5, 60: 1.0}


def trained(steps: int, **measures: tuple[Evaluation, ...]) -> TrainingResult:
    plain = TrainingResult(task_id="model", status="trained", steps=steps)
    return plain.model_copy(update=dict(measures))


def test_a_schedule_counts_where_every_seed_reaches_the_target() -> None:
    good, bad = {100: 2.0, 200: 1.8}, {100: 2.0, 200: 1.95}
    rows = [row(200, [good, bad], 1.9), row(400, [good, good], 1.9), row(600, [good], 1.9)]
    assert [one["seeds that reach it"] for one in rows] == ["1 of 2", "2 of 2", "1 of 1"]
    assert [one["share of nanoGPT's"] for one in rows] == [None, 0.1, 0.1]
    assert shortest(rows) == 400
    assert shortest(rows[:1]) is None
