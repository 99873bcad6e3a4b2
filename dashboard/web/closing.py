"""Ends streams of events when the server stops: they would hold it open for ever."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EndStreams:
    """ASGI middleware: an answer that is a stream of events ends with the server."""

    def __init__(self, app: ASGIApp, closing: asyncio.Event) -> None:
        """`closing` is set when the server begins to stop."""
        self._app = app
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; of a stream, until the server stops."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        streams = asyncio.Event()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_stream(message):
                streams.set()
            await send(message)

        answering = asyncio.ensure_future(self._app(scope, receive, watched))
        ending = asyncio.ensure_future(self._ended(streams))
        try:
            await asyncio.wait({answering, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            if not answering.done():
                answering.cancel()
        try:
            await answering
        except asyncio.CancelledError:
            if not self._closing.is_set():
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _ended(self, streams: asyncio.Event) -> None:
        await streams.wait()
        await self._closing.wait()


def _is_stream(message: Message) -> bool:
    headers = dict(message.get("headers", ()))
    return bytes(headers.get(b"content-type", b"")).startswith(b"text/event-stream")
