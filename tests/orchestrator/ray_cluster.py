"""A Ray of several nodes on this machine; those that join do not see the folder of the runs, and
have an address of their own where namespaces of the network can be made.
"""

import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.orchestrator.network import network_if_allowed

RAY = Path(sys.executable).with_name("ray")
TRIES = 3
START = (
    *("--disable-usage-stats", "--num-cpus", "1", "--num-gpus", "0"),
    *("--object-store-memory", "100000000"),
)


class RayCluster:
    """Processes of Ray, each node's with a mark of its own in its environment."""

    def __init__(self, folder: Path, runs: Path) -> None:
        # Ray's sockets lie in it, and their names may not be long.
        self._temporary = tempfile.mkdtemp(prefix="ray-")
        self.folder, self.runs = folder, runs
        self.network = network_if_allowed()
        """None: all nodes are at 127.0.0.1."""
        self.port = _free_port()
        self.environment = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_failure_threshold": "3",
            "OMP_NUM_THREADS": "1",
        }
        self._marks: list[str] = []
        self._spaces: dict[int, str] = {}

    @property
    def address(self) -> str:
        """Of the head."""
        return f"{self._head}:{self.port}"

    @property
    def _head(self) -> str:
        return self.network.address if self.network else "127.0.0.1"

    def start_head(self) -> None:
        """One CPU, on our own disk."""
        head = ["--head", "--port", str(self.port), "--include-dashboard", "false"]
        head += ["--node-ip-address", self._head, "--temp-dir", self._temporary]
        self._start([str(RAY), "start", *head, *START])

    def join(self) -> int:
        """One CPU more, where the folder of the runs is another; the node's number."""
        space, address = self.network.join() if self.network else ("", "127.0.0.1")
        command = [str(RAY), "start", "--address", self.address, "--node-ip-address", address]
        joined = shlex.join([*command, *START])
        hidden = f"mount -t tmpfs none {shlex.quote(str(self.runs))} && exec {joined}"
        inside = ["ip", "netns", "exec", space] if space else []
        node = self._start([*inside, "unshare", "--mount", "sh", "-c", hidden])
        self._spaces |= {node: space} if space else {}
        return node

    def cut(self, node: int) -> None:
        """As a machine whose cable is pulled: its processes go on and nobody hears of them."""
        assert self.network is not None
        self.network.cut(self._spaces[node])

    def scratch(self, node: int) -> Path:
        """Its folder of temporary files."""
        return self.folder / f"tmp{node}"

    def kill(self, node: int) -> int:
        """As a machine that loses its power; how many processes it had."""
        killed = 0
        for process in self._processes(node):
            with suppress(psutil.Error):
                process.kill()
                killed += 1
        return killed

    def stop(self) -> None:
        """Leave nothing behind. Never `ray stop`, which ends every Ray of this machine."""
        for node in range(len(self._marks)):
            self.kill(node)
        if self.network is not None:
            self.network.close()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _start(self, command: list[str]) -> int:
        """A node's number. Ray gives it half a minute to register; a busy machine takes longer."""
        said = ""
        for _ in range(TRIES):
            node = len(self._marks)
            self._marks.append(secrets.token_hex(8))
            self.scratch(node).mkdir(exist_ok=True)
            own = {"NODE_OF_A_TEST": self._marks[node], "TMPDIR": str(self.scratch(node))}
            done = subprocess.run(
                command,
                env={**self.environment, **own},
                capture_output=True,
                text=True,
                check=False,
                timeout=200,
            )
            if done.returncode == 0:
                return node
            said = (done.stdout + done.stderr)[-1000:]
            self.kill(node)
            self._marks.pop()
        pytest.fail(f"Ray does not start: {said}")

    def _processes(self, node: int) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("NODE_OF_A_TEST") == self._marks[node]:
                    found.append(process)
        return found


def require_namespaces() -> None:
    """Skip where a folder cannot be hidden from a process."""
    command = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    try:
        failed = subprocess.run(command, capture_output=True, check=False).returncode
    except OSError:
        failed = 1
    if failed:
        pytest.skip("this account may not hide a folder from a process")


def wait_for(condition: object, seconds: float = 60.0) -> None:
    """Until it holds."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
