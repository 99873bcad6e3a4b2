"""A Ray of its two servers and the workers, without what else it would start beside them.

A local Ray starts a dashboard, an autoscaler, a log monitor and two agents, each a Python process
that loads Ray, and lets no worker start before the agents answer. Nobody here asks any of them
anything, and all together they take longer than the rest; Ray has no setting that leaves them out.
Nothing in here imports Ray: whoever does passes what is changed while Ray starts.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Protocol

UNUSED = ("start_monitor", "start_api_server", "start_log_monitor")
"""Methods of Ray's node, each of which starts one process."""
AGENTS = ("dashboard_agent_command", "runtime_env_agent_command")
PORTS = (
    "metrics-agent-port",
    "metrics_export_port",
    "runtime_env_agent_port",
    "dashboard_agent_listen_port",
)
"""Where the agents would be found; Ray waits for those that have no number."""
NOBODY = 1
"""A port at which no user's program can listen."""
PRESTARTED = {"num_prestart_python_workers": "0"}
"""Ray would hold the process that it starts for, all threads of it, until they have started."""

Start = Callable[..., object]


class Services(Protocol):
    """Ray's module that starts processes."""

    @property
    def start_ray_process(self) -> Start: ...


@contextmanager
def bare(node: type, services: Services) -> Iterator[bool]:
    """While it is open, Ray starts bare; False where this Ray is not built as expected.

    `node` is Ray's class of a machine.
    """
    stand_in = shutil.which("cat")
    known = all(hasattr(node, name) for name in UNUSED) and hasattr(services, "start_ray_process")
    if stand_in is None or not known:
        yield False
        return
    with ExitStack() as undoing:
        for name in UNUSED:
            _replace(node, name, _nothing, undoing)
        starting = _starting_without_agents(services.start_ray_process, stand_in)
        _replace(services, "start_ray_process", starting, undoing)
        yield True


def without_agents(command: Sequence[str], stand_in: str) -> list[str]:
    """The command of Ray's server of a machine, with agents that do nothing and no worker yet.

    `stand_in` reads its input, which is a pipe from the server, and ends where the server does.
    """
    replaced = dict.fromkeys(AGENTS, stand_in) | dict.fromkeys(PORTS, str(NOBODY)) | PRESTARTED
    own = [word for word in command if _name(word) not in replaced]
    return own + [f"--{name}={value}" for name, value in replaced.items()]


def _starting_without_agents(start: Start, stand_in: str) -> Start:
    """Ray's function that starts a process, given its command and its kind first."""

    @wraps(start)
    def starting(command: Sequence[str], kind: str, *others: object, **named: object) -> object:
        own = without_agents(command, stand_in) if kind == "raylet" else command
        return start(own, kind, *others, **named)

    return starting


def _name(word: str) -> str:
    """Of a flag with its value."""
    return word.partition("=")[0].removeprefix("--")


def _nothing(*_given: object, **_named: object) -> None:
    return None


def _replace(owner: object, name: str, value: object, undoing: ExitStack) -> None:
    undoing.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)
