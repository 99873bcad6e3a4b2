"""Which task runs where, and in which order outcomes are given back."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.assignments import Assignments
from orchestrator.task_runner import failed
from state.results import Outcome
from state.tasks import EnsembleTask, Task


def task(number: int, threads: int = 1) -> Task:
    return EnsembleTask(task_id=f"task{number}", models=(), threads=threads)


def outcome(one: Task) -> Outcome:
    return Outcome(result=failed(one, "nothing was measured"))


def batch_of(*threads: int, slots: int = 2) -> Assignments[int]:
    return Assignments([task(number, width) for number, width in enumerate(threads)], slots)


def start(batch: Assignments[int], handle: int) -> int | None:
    slot = batch.next_slot()
    if slot is not None:
        batch.start(handle, slot, limit_seconds=60)
    return slot


def test_tasks_of_one_thread_fill_the_slots() -> None:
    batch = batch_of(1, 1, 1)
    assert [start(batch, handle) for handle in range(3)] == [0, 1, None]


def test_a_task_of_all_threads_waits_until_it_is_alone() -> None:
    batch = batch_of(1, 2, 1)
    assert start(batch, 0) == 0
    assert start(batch, 1) is None
    batch.end(0, [outcome(batch.job(0)[0])])
    assert start(batch, 1) == 0
    assert start(batch, 2) is None


def test_a_second_attempt_comes_first_and_runs_alone() -> None:
    batch = batch_of(1, 1, 1, 1)
    start(batch, 0)
    start(batch, 1)
    batch.put_back(0, counts=True)
    assert start(batch, 2) is None, "a neighbour still runs"
    batch.end(1, [outcome(batch.job(1)[0])])
    assert start(batch, 2) == 0
    assert batch.job(2)[0].task_id == "task0"
    assert start(batch, 3) is None, "it is to be alone"


def test_an_attempt_that_does_not_count_is_no_attempt() -> None:
    batch = batch_of(1, 1)
    start(batch, 0)
    batch.put_back(0, counts=False)
    assert batch.attempts == [0, 0]
    assert [start(batch, handle) for handle in (1, 2)] == [0, 1]


def pairs_of(count: int, slots: int = 2) -> Assignments[int]:
    jobs = [range(first, min(first + 2, count)) for first in range(0, count, 2)]
    return Assignments([task(number) for number in range(count)], slots, jobs)


def test_tasks_of_one_job_take_one_slot() -> None:
    batch = pairs_of(5)
    assert [start(batch, handle) for handle in range(3)] == [0, 1, None]
    assert [one.task_id for one in batch.job(1)] == ["task2", "task3"]
    batch.end(1, [outcome(one) for one in batch.job(1)])
    assert start(batch, 2) == 1
    assert [one.task_id for one in batch.job(2)] == ["task4"]


def test_a_job_that_comes_apart_is_begun_anew_one_task_after_the_other() -> None:
    batch = pairs_of(4)
    start(batch, 0)
    assert not batch.begins_anew()
    batch.take_apart(0)
    for handle, name in enumerate(("task0", "task1"), start=1):
        assert batch.begins_anew()
        assert start(batch, handle) == 0
        assert [one.task_id for one in batch.job(handle)] == [name]
        assert start(batch, 9) is None, "it is to be alone"
        batch.end(handle, [outcome(one) for one in batch.job(handle)])
    assert not batch.begins_anew()
    assert batch.attempts == [2, 2, 0, 0]


def test_what_one_member_of_a_job_lacks_is_done_by_itself() -> None:
    batch = pairs_of(2)
    start(batch, 0)
    first, second = batch.job(0)
    batch.end(0, [None, outcome(second)])
    assert start(batch, 1) == 0
    assert batch.job(1) == [first]
    batch.end(1, [outcome(first)])
    assert [one.result.task_id for one in batch.in_order()] == ["task0", "task1"]


@given(
    threads=st.lists(st.integers(1, 4), max_size=8),
    slots=st.integers(1, 3),
    order=st.lists(st.integers(0, 7), min_size=8, max_size=8),
)
def test_every_task_ends_once_in_order_whatever_ends_first(
    threads: list[int], slots: int, order: list[int]
) -> None:
    batch = batch_of(*threads, slots=slots)
    handle = 0
    while batch.waiting or batch.running:
        while start(batch, handle) is not None:
            handle += 1
        used = {attempt.slot for attempt in batch.running.values()}
        assert len(used) == len(batch.running) <= slots
        ready = sorted(batch.running)
        ended = ready[order[len(batch.outcomes)] % len(ready)]
        batch.end(ended, [outcome(one) for one in batch.job(ended)])
    names = [one.result.task_id for one in batch.in_order()]
    assert names == [f"task{number}" for number in range(len(threads))]
