"""A Ray of two servers and the workers."""

import psutil
import pytest

from orchestrator.bare_ray import AGENTS, NOBODY, PORTS, UNUSED, bare, without_agents


@pytest.mark.ray
def test_a_local_ray_is_two_servers_and_the_workers_and_all_of_it_ends() -> None:
    from orchestrator import workers

    crew = workers.open_crew(1, "local")
    names = {process.name() for process in crew.processes}
    python = [name for name in names if name.startswith("python") or "Agent" in name]
    assert {"gcs_server", "raylet"} <= names
    assert python == []
    assert sum("ray::" in name for name in names) == 1
    workers.shut_down(crew.processes)
    _, left = psutil.wait_procs(crew.processes, timeout=10)
    assert left == []


def test_a_ray_that_does_not_start_bare_is_started_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import services

    from orchestrator import workers

    hooked: list[bool] = []
    start = services.start_ray_process

    def starting(_slots: int) -> None:
        hooked.append(services.start_ray_process is not start)
        if hooked[-1]:
            raise TimeoutError("the node timed out")

    monkeypatch.setenv("RAY_AUTH_TOKEN", "5ec2e7a0" * 8)
    monkeypatch.setattr(workers, "_init_local", starting)
    workers._start_local(1)
    assert hooked == [True, False]


COMMAND = [
    "raylet",
    "--node_id=1",
    *(f"--{name}=python agent.py --a=b" for name in AGENTS),
    *(f"--{name}=0" for name in PORTS[:-1]),
    "--num_prestart_python_workers=2",
    "--head",
]


def test_a_command_without_agents_keeps_all_else() -> None:
    changed = without_agents(COMMAND, "/bin/cat")
    assert changed[:3] == ["raylet", "--node_id=1", "--head"]
    assert sorted(changed[3:]) == sorted(
        [
            *(f"--{name}=/bin/cat" for name in AGENTS),
            *(f"--{name}={NOBODY}" for name in PORTS),
            "--num_prestart_python_workers=0",
        ]
    )
    assert without_agents(changed, "/bin/cat") == changed


class Machine:
    """Ray's class of that kind."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start_monitor(self) -> None:
        self.started.append("monitor")

    def start_api_server(self, *, include_dashboard: bool) -> None:
        self.started.append("dashboard" if include_dashboard else "no dashboard")

    def start_log_monitor(self) -> None:
        self.started.append("log monitor")


class Services:
    """Ray's module of that kind."""

    def __init__(self) -> None:
        self.start_ray_process = start_process


def start_process(command: list[str], kind: str, *, fate_share: bool) -> list[str]:
    return [*command, kind, str(fate_share)]


def start_all(machine: Machine) -> None:
    machine.start_monitor()
    machine.start_api_server(include_dashboard=False)
    machine.start_log_monitor()


def test_ray_is_bare_only_while_it_starts() -> None:
    machine, services = Machine(), Services()
    before = [getattr(Machine, name) for name in UNUSED]
    with bare(Machine, services) as is_bare:
        assert is_bare
        start_all(machine)
        raylet = services.start_ray_process(COMMAND, "raylet", fate_share=True)
        server = services.start_ray_process(COMMAND, "gcs_server", fate_share=True)
    assert machine.started == []
    assert raylet[-2:] == ["raylet", "True"]
    assert not any("agent.py" in word for word in raylet)
    assert server == [*COMMAND, "gcs_server", "True"]
    assert [getattr(Machine, name) for name in UNUSED] == before
    assert services.start_ray_process is start_process


def test_a_ray_that_is_built_otherwise_starts_whole() -> None:
    class Without:
        """It has none of the methods."""

    machine = Machine()
    with bare(Without, Services()) as is_bare:
        assert not is_bare
        start_all(machine)
    assert len(machine.started) == 3
