"""A worker of the study: takes the next run that nobody has made, until there is none.

python -m benchmarks.study.work --corpora FOLDER --scratch FOLDER

Start one a core; stop them at any time, a run that was cut off is made again.
"""

import argparse
import os
import time
from pathlib import Path
from typing import assert_never

from pydantic import JsonValue

from benchmarks.study.collect import load_results
from benchmarks.study.fusion import train_fused
from benchmarks.study.jobs import Job
from benchmarks.study.nulls import Nulls, make_nulls
from benchmarks.study.panels import measure_panel
from benchmarks.study.plan import distinct, plan
from benchmarks.study.specs import Panel, Spec
from benchmarks.study.training import Run
from benchmarks.study.trials import Trial, make_trial
from benchmarks.study.workplace import Workplace

PATIENCE_SECONDS = 20


def main() -> None:
    """Work through the plan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, required=True, help="folder of the text files")
    parser.add_argument("--scratch", type=Path, default=Path("runs/study"))
    parser.add_argument("--arm", default="", help="only arms whose name starts with this")
    arguments = parser.parse_args()
    os.nice(3)
    workplace = Workplace(arguments.corpora, arguments.scratch, load_results())
    while jobs := open_jobs(workplace, arguments.arm):
        if not any(take(job, workplace) for job in jobs):
            time.sleep(PATIENCE_SECONDS)


def open_jobs(workplace: Workplace, arm: str) -> list[Job]:
    """What is to be made, in order: runs without a result, and runs whose weights one of those
    needs and this machine does not hold.
    """
    jobs = distinct(plan())
    asked = {job.work.key for job in jobs if job.arm.startswith(arm)}
    missing = {key for key in asked if workplace.result(key) is None}
    for job in reversed(jobs):
        if job.work.key in missing:
            missing |= {need.key for need in job.work.needs if not workplace.holds(need.key)}
    return [job for job in jobs if job.work.key in missing]


def take(job: Job, workplace: Workplace) -> bool:
    """Make the run unless it is made, in other hands, or waits for others."""
    name = job.work.key
    if not all(workplace.holds(need.key) for need in job.work.needs):
        return False
    if not workplace.claim(name):
        return False
    try:
        if workplace.holds(name):
            return False
        print(f"{time.strftime('%H:%M:%S')} {job.arm:20} {name}", flush=True)
        result = make(job, workplace)
        workplace.finish(name, {"arm": job.arm, **result})
        print(f"{time.strftime('%H:%M:%S')} {job.arm:20} {result['bits_per_byte']:.4f}", flush=True)
    finally:
        workplace.release(name)
    return True


def make(job: Job, workplace: Workplace) -> dict[str, JsonValue]:
    """The result of a run or of a measurement."""
    match job.work:
        case Panel():
            return measure_panel(job.work, workplace)
        case Trial():
            return make_trial(job.work, workplace)
        case Nulls():
            return make_nulls(job.work, workplace)
        case Spec():
            fused = job.work.fused > 1
            return train_fused(job.work, workplace) if fused else Run(job.work, workplace).train()
        case _:
            assert_never(job.work)


if __name__ == "__main__":
    main()
