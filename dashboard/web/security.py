"""Who may ask what: host names, origins, secrets, sizes, and what browsers are told to refuse.

A page elsewhere on the web can make a browser on this machine send requests here. It cannot read
the answers, unless its name is rebound to this machine's address: therefore names are checked.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import json
import socket
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.web.settings import ServerSettings

READING = frozenset({"GET", "HEAD"})

DRAIN_SECONDS = 3.0
DRAIN_BODIES = 4
"""So many of the largest bodies are taken of one that is refused."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        # Plotly sets styles on what it draws.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Refused(Exception):  # noqa: N818
    """A request that is not answered."""

    def __init__(self, status: int, detail: str, challenge: str = "") -> None:
        """`challenge` says how to identify oneself."""
        super().__init__(detail)
        self.status, self.detail, self.challenge = status, detail, challenge


class Body:
    """A request's body, of which only so much is handed on."""

    def __init__(self, receive: Receive, limit: int) -> None:
        """`limit` is in bytes."""
        self._receive = receive
        self._limit = limit
        self._num_bytes = 0
        self._ended = False

    async def receive(self) -> Message:
        """As ASGI's.

        Raises:
            Refused: there is more than the limit.
        """
        message = await self._next()
        if self._num_bytes > self._limit:
            raise _too_large(self._limit)
        return message

    async def drain(self) -> None:
        """Take some of what is still coming: who is cut off while sending reads no answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._ended and self._num_bytes <= DRAIN_BODIES * self._limit:
                    await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._num_bytes += len(message.get("body", b""))
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message


class Guard:
    """ASGI middleware: refuses what may not be, and bounds what is read of a body."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._settings = settings
        self._names = {name.lower() for name in _own_names(settings)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with one line of JSON."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        body = Body(receive, self._settings.max_body_bytes)

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._require_allowed(scope["method"], Headers(scope=scope))
            # Of what nobody reads the size is no matter, and streams ask when they end.
            reading = scope["method"] in READING
            await self._app(scope, receive if reading else body.receive, with_headers)
        except Refused as refusal:
            if started:
                raise
            await body.drain()
            await _answer(refusal, with_headers)

    def _require_allowed(self, method: str, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._is_own(host):
            raise Refused(
                421,
                f"host {host[:100]!r} is not a name of this server; "
                "start it with --allow-host NAME to answer under it",
            )
        if method in READING:
            self._require_reader(headers)
            return
        _require_same_origin(headers, host)
        self._require_writer(headers)
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise Refused(400, "Content-Length is no number")
        if len(length) > 18 or int(length) > self._settings.max_body_bytes:
            raise _too_large(self._settings.max_body_bytes)

    def _require_writer(self, headers: Headers) -> None:
        secret = self._settings.remote_secret
        if secret is None or not self._settings.takes_reports:
            raise Refused(
                403, "this server is read-only; start it with SYMBIO_REMOTE_SECRET to report to it"
            )
        if not _matches(_given(headers), [secret.get_secret_value()]):
            raise Refused(401, "the secret is missing or wrong", 'Bearer realm="symbio-auto"')

    def _require_reader(self, headers: Headers) -> None:
        if self._settings.read_secret is None:
            return
        secrets = (self._settings.read_secret, self._settings.remote_secret)
        known = [secret.get_secret_value() for secret in secrets if secret is not None]
        if not _matches(_given(headers), known):
            raise Refused(
                401, "reading needs the secret", 'Basic realm="symbio-auto", charset="UTF-8"'
            )

    def _is_own(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.netloc != host or "@" in host or not name:
            return False
        if name in self._names:
            return True
        with suppress(ValueError):
            # An address cannot be rebound as a name can.
            ipaddress.ip_address(name)
            return True
        return False


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body has more than {limit} bytes; send it in parts")


def _own_names(settings: ServerSettings) -> Iterable[str]:
    names = {"localhost", settings.host, *settings.allowed_hosts}
    if not is_loopback(settings.host):
        names.add(socket.gethostname())
    return names


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server there."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost"


def _require_same_origin(headers: Headers, host: str) -> None:
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        raise Refused(403, f"a page of {origin[:100]!r} may not write here")
    if origin is None and headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise Refused(403, "another page may not write here")


def _given(headers: Headers) -> str:
    """The secret of a bearer, or the password of a basic Authorization header."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        with suppress(binascii.Error, ValueError):
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    return ""


def _matches(given: str, known: Iterable[str]) -> bool:
    """In a time that says nothing of how much was right."""
    data = given.encode("utf-8", "surrogatepass")
    same = [hmac.compare_digest(data, secret.encode()) for secret in known]
    return any(same)


async def _answer(refusal: Refused, send: Send) -> None:
    body = json.dumps({"detail": refusal.detail}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # What is left of the body will not be read.
        (b"connection", b"close"),
    ]
    if refusal.challenge:
        headers.append((b"www-authenticate", refusal.challenge.encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
