"""One SSH connection that is made again when it breaks. Who answers must be known beforehand."""

import shlex
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import paramiko
from paramiko.ssh_exception import (
    AuthenticationException,
    BadHostKeyException,
    NoValidConnectionsError,
    SSHException,
)

from deploy.remote.identity import known_hosts, line_of, private_key

_Result = TypeVar("_Result")

LOST = (SSHException, NoValidConnectionsError, ConnectionError, TimeoutError, EOFError)
"""What says that a connection is gone, or cannot be made just now."""


class Address(NamedTuple):
    """A machine, who we are there, and how both sides prove it."""

    host: str
    port: int
    user: str
    key_path: Path
    known_hosts_path: Path

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


class Timing(NamedTuple):
    """Seconds."""

    answer: float = 15.0
    """For a connection to be made, and again for who is at its other end to be proved."""
    keepalive: float = 15.0
    silence: float = 120.0
    """Without a byte while one is expected: the connection counts as lost."""
    first_pause: float = 0.5
    longest_pause: float = 30.0
    patience: float = 300.0
    """Nobody has answered for so long: we give up."""
    key_patience: float = 0.0
    """From the beginning on a key may be refused: a machine that has just started answers before
    it knows the keys that it was given."""


USUAL = Timing()
PIECE_BYTES = 1 << 18
LONGEST_KEY_PAUSE = 5.0
"""Seconds between two tries with a key that is refused."""
USEFUL_SECONDS = 5.0
"""A connection that lives no longer is not one: it may break for the same reason every time."""


class KeyRefused(ValueError):  # noqa: N818
    """The machine does not take the key, or not yet."""


class FarCommandFailed(RuntimeError):  # noqa: N818
    """A command ended with an error there; one line says which."""

    def __init__(self, message: str, exit_code: int, printed: bytes) -> None:
        super().__init__(message)
        self.exit_code, self.printed = exit_code, printed


class FarStream:
    """The output of a command there."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def read(self, num_bytes: int) -> bytes:
        """The next bytes, at most so many; none where the command has ended.

        Raises:
            ConnectionError: it has not, but no more comes.
        """
        piece = self._channel.recv(min(num_bytes, PIECE_BYTES))
        if not piece and self._channel.recv_exit_status() == -1:
            raise ConnectionError("the connection broke while a command ran")
        return piece

    def close(self) -> None:
        """Nobody reads on."""
        self._channel.close()


class Connection:
    """To one machine. Nothing is asked of an agent, and no key is looked for."""

    def __init__(
        self,
        address: Address,
        timing: Timing = USUAL,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`told` hears a line about what is waited for.

        Raises:
            ValueError: the key or the known hosts cannot be used.
        """
        self.address, self.timing, self._told = address, timing, told
        self._keys_known_at = time.monotonic() + timing.key_patience
        self._waits_for_key = False
        self._key = private_key(address.key_path)
        self._known_hosts = known_hosts(address.known_hosts_path)
        self._client: paramiko.SSHClient | None = None
        self._sftp: paramiko.SFTPClient | None = None

    def close(self) -> None:
        """Safe to call twice."""
        client, self._client, self._sftp = self._client, None, None
        if client is not None:
            with suppress(*LOST, OSError):
                client.close()

    def steadily(self, action: Callable[[], _Result]) -> _Result:
        """Do it, again and again while the connection breaks under it. It must bear that.

        Raises:
            ConnectionError: nobody has answered for too long.
            ValueError: who answers is not whom we know, or does not take our key.
        """
        pause, since = self.timing.first_pause, time.monotonic()
        while True:
            try:
                return action()
            except KeyRefused:
                pause = min(pause, LONGEST_KEY_PAUSE)
                if not self._may_learn_key(pause):
                    raise
            except (*LOST, OSError) as error:
                if not isinstance(error, LOST) and self.is_up():
                    raise
                if self._was_alive_after(since):
                    pause, since = self.timing.first_pause, time.monotonic()
                self.close()
                if time.monotonic() + pause - since > self.timing.patience:
                    raise ConnectionError(
                        f"nobody answers at {self.address} ({line_of(error)}); see whether the "
                        "machine runs and port 22 is open to you"
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, self.timing.longest_pause)

    def _may_learn_key(self, pause: float) -> bool:
        """After the pause a machine that has just started may know the key that it refused."""
        if time.monotonic() + pause > self._keys_known_at:
            return False
        if not self._waits_for_key:
            self._waits_for_key = True
            self._told(f"{self.address} answers and does not know our key yet; trying again")
        return True

    def sftp(self) -> paramiko.SFTPClient:
        """The file side of the connection, opened once."""
        client = self._connected()
        if self._sftp is None:
            self._sftp = client.open_sftp()
            channel = self._sftp.get_channel()
            assert channel is not None
            channel.settimeout(self.timing.silence)
        return self._sftp

    def channel(self, words: Sequence[str], folder: str = "") -> paramiko.Channel:
        """A command that has been started there, every word of it quoted."""
        transport = self._connected().get_transport()
        assert transport is not None
        channel = transport.open_session(timeout=self.timing.answer)
        channel.settimeout(self.timing.silence)
        enter = f"cd {shlex.quote(folder)} && exec " if folder else "exec "
        channel.exec_command(enter + shlex.join(words))
        return channel

    def run(
        self, words: Sequence[str], given: bytes = b"", *, folder: str = "", silence: float = 0
    ) -> bytes:
        """What the command prints, once it has ended; `silence` in place of the usual seconds.

        Raises:
            FarCommandFailed: it ended with an error.
        """
        channel = self.channel(words, folder)
        with channel:
            if silence:
                channel.settimeout(silence)
            channel.sendall(given)
            channel.shutdown_write()
            with channel.makefile("rb") as out, channel.makefile_stderr("rb") as errors:
                printed, said = out.read(), errors.read()
            code = channel.recv_exit_status()
        if code == -1:
            raise ConnectionError("the connection broke while a command ran")
        if code:
            lines = (said or printed).decode(errors="replace").strip().splitlines()
            message = lines[-1] if lines else f"{words[0]} ended with {code}"
            raise FarCommandFailed(message, code, printed)
        return printed

    def stream(self, words: Sequence[str], given: bytes, *, folder: str = "") -> "FarStream":
        """What the command prints, as it comes."""
        channel = self.channel(words, folder)
        channel.sendall(given)
        channel.shutdown_write()
        return FarStream(channel)

    def _was_alive_after(self, moment: float) -> bool:
        """The connection that broke was made after `moment`, and was of use."""
        lived = self._client is not None and time.monotonic() - self._made_at > USEFUL_SECONDS
        return lived and self._made_at > moment

    def is_up(self) -> bool:
        """It was made and has not broken, as far as is known.

        A channel that closes may be the first sign of it, a moment before the transport knows.
        """
        transport = self._client.get_transport() if self._client is not None else None
        files = self._sftp.get_channel() if self._sftp is not None else None
        whole = files is None or not files.closed
        return transport is not None and transport.is_active() and whole

    def _connected(self) -> paramiko.SSHClient:
        if self._client is not None and self.is_up():
            return self._client
        self.close()
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        for host, keys in self._known_hosts.items():
            for kind, key in keys.items():
                client.get_host_keys().add(host, kind, key)
        try:
            self._connect(client)
        except BaseException:
            client.close()
            raise
        self._client, self._made_at = client, time.monotonic()
        return client

    def _connect(self, client: paramiko.SSHClient) -> None:
        address, seconds = self.address, self.timing.answer
        try:
            client.connect(
                address.host,
                port=address.port,
                username=address.user,
                pkey=self._key,
                timeout=seconds,
                banner_timeout=seconds,
                auth_timeout=seconds,
                channel_timeout=seconds,
                allow_agent=False,
                look_for_keys=False,
            )
        except BadHostKeyException as error:
            raise ValueError(
                f"{address} shows another host key than {address.known_hosts_path} has: somebody "
                "else may be answering; fetch the machine's keys again if it was made anew"
            ) from error
        except AuthenticationException as error:
            if any(word in str(error).lower() for word in ("timeout", "eof")):
                raise ConnectionError("it broke while keys were compared") from error
            raise KeyRefused(
                f"{address} does not take the key {address.key_path}; give the one whose public "
                "half the machine knows"
            ) from error
        except SSHException as error:
            if "known_hosts" in str(error):
                raise ValueError(
                    f"{address} is not in {address.known_hosts_path}: whoever answers is not "
                    "trusted unseen; put the machine's host key there"
                ) from error
            raise
        except socket.gaierror as error:
            raise ConnectionError(f"{address.host}: {error.strerror}") from error
        transport = client.get_transport()
        assert transport is not None
        transport.set_keepalive(int(self.timing.keepalive))
        _notice_silence(transport, self.timing.silence)


def _notice_silence(transport: paramiko.Transport, seconds: float) -> None:
    """Let the system end a connection whose packets nobody confirms, where it can."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None and isinstance(transport.sock, socket.socket):
        with suppress(OSError):
            transport.sock.setsockopt(socket.IPPROTO_TCP, option, int(1000 * seconds))
