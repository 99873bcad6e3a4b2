"""Files that are written whole or not at all, and those that nobody else may read."""

import json
from collections.abc import Mapping

from deploy.remote.connection import Connection


def write_file(connection: Connection, path: str, text: str, mode: int = 0o600) -> None:
    """Replace a file of the far side."""

    def write() -> None:
        sftp, part = connection.sftp(), f"{path}.part"
        # Its mode is set before there is anything to read in it.
        with sftp.open(part, "wb") as file:
            file.chmod(mode)
            file.write(text.encode())
        sftp.posix_rename(part, path)

    connection.steadily(write)


def write_secrets(connection: Connection, path: str, values: Mapping[str, str]) -> None:
    """Write an environment as a JSON object that only its owner can read: never a command line.

    Raises:
        ValueError: a name or a value cannot be part of an environment.
    """
    for name, value in values.items():
        if not name.isidentifier() or "\0" in value:
            raise ValueError(f"{name!r} cannot be set in an environment; use letters, digits and _")
    write_file(connection, path, json.dumps(dict(values)))
