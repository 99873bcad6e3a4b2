"""Who we are there, and whom we know: the private key and the known hosts, as files."""

from pathlib import Path

import paramiko
from paramiko.ssh_exception import SSHException


def private_key(path: Path) -> paramiko.PKey:
    """
    Raises:
        ValueError: it is no private key without a passphrase, or others can read it.
    """
    try:
        mode = path.stat().st_mode
        key = paramiko.PKey.from_path(path)
    except paramiko.PasswordRequiredException as error:
        raise ValueError(f"key {path} wants a passphrase; give one that has none") from error
    except (OSError, ValueError, SSHException, paramiko.pkey.UnknownKeyType) as error:
        raise ValueError(f"key {path} cannot be used: {line_of(error)}; give another") from error
    if mode & 0o077:
        raise ValueError(f"key {path} can be read by others; chmod 600 {path}")
    return key


def known_hosts(path: Path) -> paramiko.HostKeys:
    """
    Raises:
        ValueError: they cannot be read.
    """
    try:
        return paramiko.HostKeys(str(path))
    except (OSError, SSHException) as error:
        raise ValueError(
            f"known hosts {path} cannot be read: {line_of(error)}; "
            "write the machine's host key there"
        ) from error


def line_of(error: BaseException) -> str:
    """What went wrong, without where."""
    reason = getattr(error, "strerror", None) or str(error)
    return (reason.splitlines() or [type(error).__name__])[0]
