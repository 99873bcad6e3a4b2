"""Asking the program that lists and places files on the far side."""

import json
from collections.abc import Mapping
from errno import ENOSPC
from pathlib import Path, PurePosixPath
from typing import Any

import paramiko
from pydantic import JsonValue

from deploy.remote import far_side
from deploy.remote.connection import Connection, FarCommandFailed, FarStream

INCOMING = "incoming"
PYTHON3 = ("python3", "-I", "-S")
"""What runs our programs there: the standard library is enough for them."""


class FarDiskFull(ValueError):  # noqa: N818
    """There is no room left on the far side."""


class FarProgram:
    """The program in the folder `home` there, which is sent with the first question."""

    def __init__(self, connection: Connection, home: str) -> None:
        self.connection, self.home = connection, home
        self._sent = False

    def at(self, path: str) -> str:
        """A path below home, as SFTP and commands take it."""
        return f"{self.home}/{path}"

    def ask(self, verb: str, root: str = ".", given: bytes = b"", **request: JsonValue) -> Any:  # noqa: ANN401
        """The far side's answer, however often the connection breaks meanwhile.

        Raises:
            ValueError: it says what is wrong.
        """
        return self.connection.steadily(lambda: json.loads(self.once(verb, root, given, request)))

    def once(self, verb: str, root: str, given: bytes, request: Mapping[str, JsonValue]) -> bytes:
        """The bytes of the answer, over the connection as it is."""
        words, line = self._question(verb, root, request)
        try:
            return self.connection.run(words, line + given, folder=self.home)
        except FarCommandFailed as error:
            raise self._explained(error) from error

    def stream(self, verb: str, root: str, request: Mapping[str, JsonValue]) -> FarStream:
        """The answer as it comes, over the connection as it is."""
        words, line = self._question(verb, root, request)
        return self.connection.stream(words, line, folder=self.home)

    def _question(
        self, verb: str, root: str, request: Mapping[str, JsonValue]
    ) -> tuple[list[str], bytes]:
        if not self._sent:
            self.send_program(Path(far_side.__file__))
            self._sent = True
        line = json.dumps({"root": root, "incoming": INCOMING, **request}).encode() + b"\n"
        return [*PYTHON3, Path(far_side.__file__).name, verb], line

    def send_program(self, path: Path) -> None:
        """Send a program of ours into home, whole or not at all."""
        sftp, name = self.connection.sftp(), self.at(path.name)
        try:
            make_folder(sftp, self.home)
            with sftp.open(f"{name}.part", "wb") as file:
                file.write(path.read_bytes())
            sftp.posix_rename(f"{name}.part", name)
        except OSError as error:
            if not self.connection.is_up():
                raise
            raise FarDiskFull(
                f"{self.connection.address}: nothing can be written to {self.home} "
                f"({error}); free some of its disk"
            ) from error

    def _explained(self, error: FarCommandFailed) -> Exception:
        address = self.connection.address
        try:
            problem = json.loads(error.printed)
        except ValueError:
            return RuntimeError(f"{address}: {error}")
        if problem["errno"] == ENOSPC:
            return FarDiskFull(f"{address}: {problem['problem']}")
        return ValueError(f"{address}: {problem['problem']}")


def make_folder(sftp: paramiko.SFTPClient, path: str) -> None:
    """And those above it, unless they are there."""
    try:
        sftp.stat(path)
    except FileNotFoundError:
        above = str(PurePosixPath(path).parent)
        if above not in {path, "."}:
            make_folder(sftp, above)
        sftp.mkdir(path)
