"""Where a run's news goes: the server's address and the secret, which no line may show."""

import hashlib
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

URL_VARIABLES = ("SYMBIO_REMOTE_URL", "ALPHA_REMOTE_URL")
"""The second one is the original's name."""
SECRET_VARIABLES = ("SYMBIO_REMOTE_SECRET", "ALPHA_REMOTE_SECRET")

_SPOKEN = re.compile(r"[!-~]{1,4096}")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_PATH = re.compile(r"[!-~]*")


class Destination(NamedTuple):
    """A server that takes reports."""

    scheme: str
    host: str
    port: int
    prefix: str
    """Path before `/api`, without a slash at its end."""
    secret: str

    @property
    def name(self) -> str:
        """Tells servers apart without naming them."""
        address = f"{self.scheme}://{self.host}:{self.port}{self.prefix}"
        return hashlib.sha256(address.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Destination({self.name})"

    def redacted(self, text: str) -> str:
        """`text` without the secret and the host."""
        for hidden, shown in ((self.secret, "SECRET"), (self.host, "SERVER")):
            text = text.replace(hidden, shown)
        return text


def destination_of(
    environment: Mapping[str, str], url: str | None = None, flag: str = "--to"
) -> Destination | None:
    """The server at `url`, which `flag` gave, else the environment's; None where there is none.

    Raises:
        ValueError: the address cannot be used, or there is no secret that can be sent.
    """
    source = flag
    if url is None:
        source, url = _first(environment, URL_VARIABLES)
    if not url:
        return None
    found = _parsed(url, source)
    name, secret = _first(environment, SECRET_VARIABLES)
    if not secret:
        raise ValueError(
            f"{source} names a server and {SECRET_VARIABLES[0]} is not set; give it the secret "
            "that the server was started with"
        )
    if not _SPOKEN.fullmatch(secret):
        raise ValueError(f"{name} must be printable ASCII without blanks; choose another secret")
    return found._replace(secret=secret)


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    """The first variable that says something, stripped."""
    given = ((name, environment.get(name, "").strip()) for name in names)
    return next((one for one in given if one[1]), (names[0], ""))


def _parsed(url: str, source: str) -> Destination:
    """The address is not quoted in a refusal: it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unusable(source) from None
    host = parts.hostname or ""
    known = parts.scheme in {"http", "https"} and _HOST.fullmatch(host)
    if not known or parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise _unusable(source)
    if parts.username is not None:
        raise ValueError(
            f"{source} holds a user name, and the server knows only the secret in "
            f"{SECRET_VARIABLES[0]}; leave it out"
        )
    default = 443 if parts.scheme == "https" else 80
    return Destination(parts.scheme, host, port or default, parts.path.rstrip("/"), "")


def _unusable(source: str) -> ValueError:
    return ValueError(
        f"{source} is not the address of a server; give one such as https://runs.example.org:8420"
        + (", or --no-remote" if source in URL_VARIABLES else "")
    )
