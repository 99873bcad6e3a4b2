"""A real sshd on 127.0.0.1, with a host key and a user key of its own."""

import getpass
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import paramiko
import psutil
import pytest

from deploy.remote.connection import Address

# SHLVL: a shell inside another one reads none of the user's own files, which may take long.
CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/pid
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
SetEnv SHLVL=1 PATH={path}
"""


class Sshd:
    """Listens from `start` to `stop`, always at the same port."""

    def __init__(self, folder: Path) -> None:
        self.program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if self.program is None:
            pytest.skip("no sshd is installed")
        folder.mkdir(parents=True)
        self.folder, self.port = folder, _free_port()
        for name in ("host_key", "user_key", "other_key"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(command, check=True)
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        self.known_hosts = folder / "known_hosts"
        self.write_known_hosts(self.known_hosts, "host_key")
        text = CONFIG.format(port=self.port, folder=folder, path=_path())
        (folder / "sshd_config").write_text(text, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        """As we know it."""
        return Address(
            "127.0.0.1", self.port, getpass.getuser(), self.folder / "user_key", self.known_hosts
        )

    def write_known_hosts(self, path: Path, key: str) -> None:
        """Say that this machine has the key of that name."""
        kind, public = (self.folder / f"{key}.pub").read_text(encoding="utf-8").split()[:2]
        path.write_text(f"[127.0.0.1]:{self.port} {kind} {public}\n", encoding="utf-8")

    def start(self) -> None:
        """Return once it answers."""
        Path("/run/sshd").mkdir(exist_ok=True)
        assert self.program is not None
        command = [self.program, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log)
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        pytest.skip("sshd does not start here: " + (self.folder / "log").read_text()[-300:])

    def sessions(self) -> list[psutil.Process]:
        """The processes that serve a connection each."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=False)

    def drop(self) -> int:
        """Break every connection, as a machine would that lost its network; how many."""
        dropped = 0
        for one in self.sessions():
            with suppress(psutil.NoSuchProcess):
                for process in [*one.children(recursive=True), one]:
                    if "sshd" in process.name():
                        process.kill()
                        dropped += 1
        return dropped

    def stop(self) -> None:
        """Nobody listens any more; what was started through it lives."""
        if self._process is not None:
            self.drop()
            self._process.terminate()
            self._process.wait()


def public_key(path: Path) -> paramiko.PKey:
    """Of a private key's file."""
    return paramiko.PKey.from_path(path)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _path() -> str:
    """Where programs are, a Python that starts without a wrapper first."""
    return f"{Path(sys.executable).resolve().parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin"
