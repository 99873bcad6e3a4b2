"""One run, killed at random instants and resumed each time, beside one that was left alone."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from orchestrator.kill_test.contents import (
    Contents,
    contents,
    differences,
    sound_contents,
    torn,
)
from orchestrator.kill_test.instruments import cost, read_steps
from orchestrator.kill_test.lives import EngineName, Lives, Victim
from orchestrator.kill_test.small_run import Mode, Scratch, begin, copied
from state.base import Record
from state.run_folder import RunFolder
from state.seeds import generator

KILLS_OF_A_RUN = 5
"""More would leave no time between them in which the run gets anywhere."""
BUDGET = 600
KILLED_SHARE = 0.8
"""Of the time that a run works; the rest is left so that a faster one does not end before."""
STARTING_SHARE = 0.2
"""Of the kills, those that meet a program that is starting."""


class Hit(NamedTuple):
    """A kill that is planned."""

    victim: Victim
    starting: bool
    """The seconds count from the start of the process, else from its first step."""
    seconds: float


class Kill(Record):
    """One SIGKILL and what it cost."""

    victim: Victim
    at_seconds: float
    """From the first start of the run, all its processes together."""
    resumed_after_seconds: float | None
    """From the next start (or, for a worker, from its death) to the end of the first step that
    was new; None where none was left or another kill came before."""
    repeated_steps: int
    """Steps that were taken again."""


class KilledRun(Record):
    """A run that was killed until it was let finish."""

    engine: EngineName
    seed: int
    kills: tuple[Kill, ...]
    num_orphans: int
    """Processes that dead controllers had left when the run was over; they were killed then."""
    differences: tuple[str, ...]
    """To the run that was left alone; empty when all is equal."""


class Reference(NamedTuple):
    """The run that was left alone, and the point where all others start."""

    engine: EngineName
    base: RunFolder
    expected: Contents
    starting_seconds: float
    """From its start to its first step."""
    working_seconds: float
    """From there to its end."""


class Death(NamedTuple):
    """A kill that took place."""

    victim: Victim
    at: float
    num_steps: int
    """Before it."""


Tell = Callable[[str], None]


def uninterrupted(
    scratch: Scratch, engine: EngineName, budget: int = BUDGET, mode: Mode = "phases"
) -> Reference:
    """Begin a run, and see a copy of it through."""
    base = begin(scratch, f"{engine}-base", budget=budget, generation=0, mode=mode)
    folder = copied(base, scratch.run("uninterrupted"))
    with Lives(scratch, folder, engine) as lives:
        lives.finish()
        first, ended = read_steps(lives.log)[0].at, time.monotonic()
    starting_seconds = first - lives.started_at
    return Reference(engine, base, sound_contents(folder), starting_seconds, ended - first)


def killed_runs(
    scratch: Scratch, reference: Reference, *, kills: int, tell: Tell
) -> list[KilledRun]:
    """Runs with so many kills together; a run may end before it has had all of its own."""
    runs: list[KilledRun] = []
    for seed in range(2 * kills):
        left = kills - sum(len(one.kills) for one in runs)
        if left > 0:
            share = min(left, KILLS_OF_A_RUN)
            runs.append(killed_run(scratch, reference, seed=seed, kills=share, tell=tell))
    return runs


def killed_run(
    scratch: Scratch, reference: Reference, *, seed: int, kills: int, tell: Tell
) -> KilledRun:
    """Kill a copy of the run `kills` times, let it finish, and compare."""
    folder = copied(reference.base, scratch.run("killed"))
    with Lives(scratch, folder, reference.engine) as lives:
        starts, deaths, damage = [lives.started_at], list[Death](), list[str]()
        for hit in plan(seed, kills, reference):
            if not (hit.starting or lives.take_a_step()) or not lives.live(hit.seconds):
                break
            lives.kill(hit.victim)
            deaths.append(Death(hit.victim, time.monotonic(), lives.num_steps()))
            tell(f"{hit.victim} killed after {deaths[-1].at - starts[-1]:.1f} s")
            if lives.status is not None:
                damage += (f"{name}: torn by a kill" for name in torn(folder))
                lives.start()
            starts.append(lives.started_at)
        damage += _finished(lives, reference.expected)
        num_orphans = lives.reap()
    return KilledRun(
        engine=reference.engine,
        seed=seed,
        kills=tuple(_kills(lives, starts, deaths)),
        num_orphans=num_orphans,
        differences=tuple(damage),
    )


def plan(seed: int, kills: int, reference: Reference) -> Iterator[Hit]:
    """Random instants of the time that the run works, some moved to where it starts.

    A worker is never killed twice in a row: a task that loses two is given up, as it should be.
    """
    draw = generator(seed, "kills")
    seconds = KILLED_SHARE * reference.working_seconds
    instants = [0.0, *sorted(seconds * draw.random() for _ in range(kills))]
    victim: Victim = "controller"
    for earlier, later in pairwise(instants):
        victim = _next_victim(reference.engine, victim, draw.random())
        starting = victim != "worker" and draw.random() < STARTING_SHARE
        starting_seconds = reference.starting_seconds * draw.random()
        yield Hit(victim, starting, starting_seconds if starting else later - earlier)


def _next_victim(engine: EngineName, before: Victim, drawn: float) -> Victim:
    if engine == "inline":
        return "controller"
    others: tuple[Victim, ...] = ("controller", "tree")
    among = others if before == "worker" else (*others, "worker")
    return among[int(drawn * len(among))]


def _finished(lives: Lives, expected: Contents) -> tuple[str, ...]:
    """Let it work to the end; what is not as it should be then."""
    try:
        lives.finish()
        return differences(expected, contents(lives.folder))
    except (OSError, RuntimeError, ValueError) as error:
        return (f"cannot be resumed or read: {error}",)


def _kills(lives: Lives, starts: list[float], deaths: list[Death]) -> Iterator[Kill]:
    steps = read_steps(lives.log)
    ends = [*(death.num_steps for death in deaths[1:]), len(steps)]
    for death, started, end in zip(deaths, starts[1:], ends, strict=True):
        survives = death.victim == "worker"
        dead = set() if survives else {step.pid for step in steps[: death.num_steps]}
        found = cost(steps, death.num_steps, end, dead)
        first = found.first_new_at
        yield Kill(
            victim=death.victim,
            at_seconds=death.at - starts[0],
            resumed_after_seconds=None if first is None else first - started,
            repeated_steps=found.repeated_steps,
        )
