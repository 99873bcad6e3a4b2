"""A run on a rented machine: checked here, rented, sent, started, watched, fetched."""

import argparse
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deploy.cloud.faults import Busy
from deploy.cloud.machine import label_of
from deploy.cloud.record import Rental
from orchestrator.commands.gcp.far import code_root, session_at
from orchestrator.commands.gcp.order import ensure, quoted_order
from orchestrator.commands.gcp.place import Place, costs_on, place_of
from orchestrator.commands.gcp.watching import see_through
from orchestrator.commands.gcp.words import Send, environment_sent, file_words, flag_words
from orchestrator.commands.reporting import wanted_of
from orchestrator.flags import Flag, Switch
from state.nearest import quoted
from state.pasted import pasted

if TYPE_CHECKING:
    from deploy.remote.session import Session
    from orchestrator.config import RunConfig

_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Kind(NamedTuple):
    """What differs between `gcp run` and `gcp train`."""

    words: tuple[str, ...]
    """In front of all others."""
    stem: str
    """Of the name of a run that was given none."""
    flags: Sequence[Flag]
    switches: Sequence[Switch]
    files: tuple[str, ...]
    """Arguments that are files of settings."""
    configured: Callable[[argparse.Namespace], "RunConfig"]
    """Refuses here what would be refused there."""


RESUMED_WITH = frozenset({"--budget", "--iters", "--workers"})
"""What a run on another machine may be given besides."""


class Job(NamedTuple):
    """A run that is asked for."""

    name: str
    local: Path
    """Its folder here."""
    data: tuple[Path, ...]
    resumes: bool


def see_to(arguments: argparse.Namespace, kind: Kind) -> int:
    """All of it; returns the exit code."""
    wanted_of(arguments)
    job = _job(arguments, kind)
    place = place_of(arguments)
    quoted_order(place, arguments, job.name)
    rental = ensure(place, arguments, job.name)
    with costs_on(rental):
        rental, address = place.renting.reachable(rental)
        with session_at(place, rental, address) as far:
            rental = _start(place, rental, far, arguments, kind, job)
    print(f"{job.name} works on {place.name}, whatever becomes of this connection")
    if arguments.detach:
        print("look on:   symbio-auto gcp status --watch")
        print("read on:   symbio-auto gcp logs -f")
        print("fetch it:  symbio-auto gcp fetch")
        return 0
    return see_through(place, rental, arguments.max_restarts)


def _start(
    place: Place,
    rental: Rental,
    far: "Session",
    arguments: argparse.Namespace,
    kind: Kind,
    job: Job,
) -> Rental:
    """Send what is missing there and let the supervisor begin."""
    busy = far.status()
    if busy.works:
        raise Busy(
            f"{place.name} works on {busy.run or 'a run'}; look on: symbio-auto gcp status "
            "--watch, or end it: symbio-auto gcp kill"
        )
    words = _sent(far, arguments, kind, job)
    far.start(words, environment_sent(arguments.notify))
    rental = place.renting.folder.write(
        rental.model_copy(
            update={
                "run": job.name,
                "local": str(job.local.resolve()),
                "stage": "works",
                "fetched": False,
                "restarts": 0,
            }
        )
    )
    place.renting.label(rental, label_of(job.name))
    return rental


def _sent(far: "Session", arguments: argparse.Namespace, kind: Kind, job: Job) -> list[str]:
    """Code, data, settings or the run itself; gives the words of the command."""
    send: Send = far.send_file
    if job.resumes:
        far.push(code_root(), None, job.local if job.local.is_dir() else None)
        words = [f"--resume=runs/{job.name}"]
        # A run that began on a processor is to use the device that was rented for it.
        words += ["--device=auto"]
        own = [flag for flag in kind.flags if flag.name in RESUMED_WITH]
        return [*kind.words, *words, *flag_words(arguments, own, (), send), "--plain"]
    there = []
    for path in job.data:
        pushed = far.push(code_root(), path, None)
        assert pushed.data is not None
        there.append(pushed.data)
    words = ["--data", *there, f"--run-dir=runs/{job.name}"]
    words += file_words(arguments, kind.files, send)
    words += flag_words(arguments, kind.flags, kind.switches, send)
    return [*kind.words, *words, "--plain"]


def _job(arguments: argparse.Namespace, kind: Kind) -> Job:
    """What is asked for, refused here if it would be refused there.

    Raises:
        ValueError: it would be, or the run's folder is taken.
    """
    given = vars(arguments)
    if arguments.resume:
        local = arguments.resume
        local = local.parent if local.name in {"state.json", "state.json.prev"} else local
        return Job(_named(local.name), local, (), resumes=True)
    for flag in ("train.init_from", "engine.ray_address"):
        if given.get(flag):
            name = flag.rpartition(".")[2].replace("_", "-")
            raise ValueError(f"--{name} is a place on this side, which a far machine has not")
    config = kind.configured(arguments)
    from orchestrator.resolve import corpus_bytes

    corpus_bytes(config.data.paths)
    if "run_dir" in given:
        local = Path(given["run_dir"])
    else:
        local = Path("runs") / f"{kind.stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if local.exists() and any(local.iterdir()):
        raise ValueError(
            f"{local} exists here, and the run would be fetched into it; choose another --run-dir, "
            f"or go on with it: symbio-auto gcp run --resume {pasted(local)}"
        )
    data = tuple(map(Path, config.data.paths))
    files = tuple(filter(None, (given.get(name) for name in kind.files)))
    for sent in (data, files):
        _require_names(sent)
    return Job(_named(local.name), local, data, resumes=False)


def _require_names(paths: Sequence[Path]) -> None:
    """There they lie side by side."""
    names = [path.name for path in paths]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(
            f"two files that are sent are called {quoted(min(twice))}; give one another name"
        )


def _named(name: str) -> str:
    if not _RUN_NAME.fullmatch(name):
        raise ValueError(
            f"{quoted(name)} cannot name a run on another machine; use letters, digits, dots and "
            "dashes"
        )
    return name
