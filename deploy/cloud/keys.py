"""Keys: the pair that opens a machine, and the keys that the machine is known by."""

import os
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from deploy.cloud.instance import HostKey

KINDS = frozenset(
    {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-rsa",
    }
)


def new_pair(path: Path) -> str:
    """Write a private key that only its owner can read; returns the public one."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    write_private(path, text)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def public_half(path: Path) -> str:
    """Of a private key that the user gives.

    Raises:
        ValueError: it is no private key, or wants a passphrase.
    """
    try:
        key = load_ssh_private_key(path.read_bytes(), None)
        found = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    except OSError as error:
        raise ValueError(f"--ssh-key {path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(
            f"--ssh-key {path} is no private key of OpenSSH without a passphrase; leave it out "
            "and one is made for this machine"
        ) from None
    return found.decode()


def write_known_hosts(path: Path, host: str, port: int, keys: Iterable[HostKey]) -> None:
    """Who may answer at that address, and nobody else.

    Raises:
        ValueError: a key is none.
    """
    name = host if port == 22 else f"[{host}]:{port}"
    lines = [f"{name} {one.kind} {one.key}\n" for one in keys if one.kind in KINDS]
    for line in lines:
        try:
            load_ssh_public_key(line.partition(" ")[2].encode())
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError(f"{line[:80].strip()!r} is no host key; ask again") from None
    write_private(path, "".join(lines).encode())


def write_private(path: Path, content: bytes) -> None:
    """Replace the file by one that only its owner can read, from its first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
