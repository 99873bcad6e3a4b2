"""Ray and the workers in it, one actor a device slot. The only module that imports it."""

import logging
import os
import re
import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import psutil

from orchestrator.ahead import Ahead
from orchestrator.bare_ray import bare
from orchestrator.cluster_fit import Node, gpu_share
from orchestrator.kept_signal import kept
from orchestrator.ray_head import Head, LocalHead, RemoteHead, children_at, kill
from orchestrator.ray_head import answers as somebody_answers
from orchestrator.seat import Seat
from state.results import Outcome
from trainer.ranks.devices import SEEN_BY_ALL

if TYPE_CHECKING:
    from orchestrator.guest import Delivery, Greeting, Missing, Piece

# Ray reads its settings when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "token")
# By default Ray gives its workers the lowest priority, and any other process starves them.
os.environ.setdefault("RAY_worker_niceness", "0")
# What stands in for an agent notices by its input that Ray has ended.
os.environ.setdefault("RAY_enable_pipe_based_agent_to_parent_health_check", "1")
# Ray shows each worker its own GPU, and a host that is spread over several needs the others too.
os.environ.setdefault(SEEN_BY_ALL, os.environ.get("CUDA_VISIBLE_DEVICES", ""))

import ray
from ray._private import node, services
from ray.exceptions import AuthenticationError, RayError, RayTaskError

# Only task records and metrics rows pass through the store; weights are files.
OBJECT_STORE_BYTES = 128 * 1024 * 1024
LOCAL_GPUS = None if Path("/proc/driver/nvidia").exists() else 0
"""Of this machine; None lets Ray look for them."""
HOST_AND_PORT = re.compile(r"[^/]+:\d+")

_Answer = TypeVar("_Answer")
Worker: TypeAlias = Any
"""The handle of an actor that is a `Seat`. By Ray's types it has no method."""
Answer: TypeAlias = "list[Outcome] | Delivery | Missing"
Reference: TypeAlias = "ray.ObjectRef[Answer]"
Greetings: TypeAlias = "ray.ObjectRef[Greeting]"
Loading = ray.ObjectRef[None]

START_SECONDS = 120.0
"""For workers that are started ahead to be given a place and to answer."""


class Crew(NamedTuple):
    """A Ray, and workers in it that wait for a run."""

    head: Head
    workers: list[Worker]
    loading: Loading
    """Of torch, in the first of them."""
    processes: list[psutil.Process]
    """Those of a local Ray."""


_AHEAD: dict[tuple[int, str], Ahead[Crew]] = {}
"""What is being started and no engine has taken, by slots and address. A process has one Ray."""


def start_ahead(slots: int, address: str) -> None:
    """Start in a thread what an engine of these slots at this address will take."""
    _AHEAD[slots, address] = Ahead(lambda: open_crew(slots, address))


def take_ahead(slots: int, address: str) -> Ahead[Crew] | None:
    """What is being started for an engine of these slots, from now on the caller's."""
    return _AHEAD.pop((slots, address), None)


def end_ahead() -> None:
    """Shut down what no engine took."""
    while _AHEAD:
        _, ahead = _AHEAD.popitem()
        # Why it could not be started concerns nobody any more, and it has cleaned up.
        with suppress(Exception):
            shut_down(ahead.result().processes)
        ahead.end()


def open_crew(slots: int, address: str, seconds: float = START_SECONDS) -> Crew:
    """Workers in a Ray of their own, or in one that runs at `address`; the first loads torch.

    Most of it is waiting, and other threads go on meanwhile.

    Raises:
        RuntimeError: no Ray answers, or it has no room for the workers.
    """
    try:
        if not ray.is_initialized():
            # Ray answers it with pages of its own; a run, or nobody yet, answers it here.
            with kept(signal.SIGTERM):
                _connect(slots, address)
        gcs_address = str(ray.get_runtime_context().gcs_address)
        head: Head = LocalHead() if address == "local" else RemoteHead(gcs_address)
        workers = new_workers(slots, address, seconds)
    except BaseException:
        shut_down(_processes())
        raise
    # A run's first task is alone. On a small machine the other workers would hold this one up.
    return Crew(head, workers, workers[0].load.remote(), _processes())


def new_workers(count: int, address: str, seconds: float) -> list[Worker]:
    """Workers of a Ray that has been started, once all of them answer.

    Raises:
        RuntimeError: one does not, or cannot.
    """
    workers = [new_worker(address, count) for _ in range(count)]
    answers: list[ray.ObjectRef[None]] = [one.__ray_ready__.remote() for one in workers]
    ready, missing = ray.wait(answers, num_returns=count, timeout=seconds)
    if missing:
        raise RuntimeError(
            f"Ray at {address} started {len(ready)} of {count} workers within {seconds:.0f} s; "
            f"give it {count} free CPUs or lower --workers, then resume"
        )
    try:
        ray.get(ready)
    except RayError as error:
        raise RuntimeError(
            f"a worker cannot start in Ray at {address}: {_first_line(error)}"
        ) from error
    return workers


def new_worker(address: str, slots: int) -> Worker:
    """A worker as soon as Ray has a place for it: in a cluster of several machines, as far from
    the others as can be, and with its share of the GPUs where there are any.
    """
    if address == "local":
        own = 0 if LOCAL_GPUS == 0 else gpu_share(nodes(), slots)
        return ray.remote(num_cpus=1, num_gpus=own, max_restarts=0)(Seat).remote()
    from orchestrator.guest import GuestSeat

    share = gpu_share(nodes(), slots)
    seat = ray.remote(num_cpus=1, num_gpus=share, max_restarts=0, scheduling_strategy="SPREAD")(
        GuestSeat
    )
    return seat.remote(ray.get, own_node)


def nodes() -> list[Node]:
    """What the nodes of the Ray that we are connected to offer."""
    offers = [one["Resources"] for one in ray.nodes() if one["Alive"]]  # type: ignore[no-untyped-call]
    return [Node(int(one.get("CPU", 0)), int(one.get("GPU", 0))) for one in offers]


def own_node() -> str:
    """The node of Ray that this process is at."""
    return str(ray.get_runtime_context().get_node_id())


def node_answers(node: str) -> bool:
    """Somebody listens there. Ray itself takes half a minute to notice that nobody does."""
    for one in ray.nodes():  # type: ignore[no-untyped-call]
        if one["NodeID"] == node:
            place = f"{one['NodeManagerAddress']}:{one['NodeManagerPort']}"
            return bool(one["Alive"]) and somebody_answers(place)
    return False


def put(piece: "Piece") -> "ray.ObjectRef[Piece]":
    """For every node of Ray to fetch."""
    return ray.put(piece)


def known(answer: Answer) -> Reference:
    """For what is known already, as if a worker had answered it."""
    return ray.put(answer)


class WorkerDied(Exception):  # noqa: N818
    """Of a task: it has no outcome because its worker is gone. One line says why."""


def done_within(
    seconds: float, running: Sequence[ray.ObjectRef[_Answer]]
) -> list[ray.ObjectRef[_Answer]]:
    """Those of `running` that have ended, waiting for the first at most so long."""
    done, _ = ray.wait(list(running), timeout=seconds)
    return done


def wait_for(loading: Sequence[Loading], seconds: float) -> None:
    """Until all have ended, however they ended, at most so long."""
    ray.wait(list(loading), num_returns=len(loading), timeout=seconds)


def answer_of(reference: ray.ObjectRef[_Answer]) -> _Answer:
    """What a worker has answered; of a task that has ended its outcome.

    Raises:
        WorkerDied: there is none.
        Exception: what the task raised, which concerns the whole run.
    """
    try:
        answer: _Answer = ray.get(reference)
    except RayTaskError as error:
        raise error.cause from None
    except RayError as error:
        raise WorkerDied(_first_line(error)) from error
    return answer


def dismiss(worker: Worker) -> None:
    """End its process, whatever it does."""
    ray.kill(worker)


def shut_down(processes: list[psutil.Process]) -> None:
    """Stop Ray, and those of its processes that do not end by themselves."""
    if ray.is_initialized():
        ray.shutdown()
    kill(processes)


@contextmanager
def brief_ray(address: str = "local") -> Iterator[None]:
    """A local Ray of one slot, or one that runs, to look at."""
    with kept(signal.SIGTERM):
        _connect(1, address)
    try:
        yield
    finally:
        ray.shutdown()


def _connect(slots: int, address: str) -> None:
    """Raises RuntimeError where there is no Ray, or none that knows us."""
    try:
        if address == "local":
            _start_local(slots)
            return
        # Ray itself tries for minutes.
        if HOST_AND_PORT.fullmatch(address) and not somebody_answers(address):
            raise ConnectionError("connection refused")
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except AuthenticationError as error:
        raise RuntimeError(
            f"Ray at {address} refused us; put its token into a file of mode 0600, name that in "
            "RAY_AUTH_TOKEN_PATH and resume"
        ) from error
    except (ConnectionError, RayError) as error:
        raise RuntimeError(
            f"no Ray answers at {address} ({_first_line(error)}); start it and resume"
        ) from error


def _start_local(slots: int) -> None:
    # Ray listens on every interface whatever one asks for. Without a token of our own it would
    # write one that every user of the machine can read.
    if os.environ["RAY_AUTH_MODE"] == "token" and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    with bare(node.Node, services) as is_bare:
        try:
            _init_local(slots)
        except Exception:
            if not is_bare:
                raise
        else:
            return
    # A version of Ray that cannot be started like that is started whole.
    kill(_processes())
    _init_local(slots)


def _init_local(slots: int) -> None:
    ray.init(
        address="local",
        num_cpus=slots,
        num_gpus=LOCAL_GPUS,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )


def _processes() -> list[psutil.Process]:
    """Of the local Ray that this process started."""
    return children_at(Path(ray.__file__).parent)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
