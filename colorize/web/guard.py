"""The guard in front of page and service: it checks host, origin, password and size of all that a client asks for.

It is plain ASGI, so one class covers both applications.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from colorize.web.settings import MEGABYTE, WebSettings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

OPEN_PATHS = ("/healthz",)  # a health check knows no password
POLICY_VIOLATION = 1008  # of the reasons for which a websocket is closed (RFC 6455, 7.4.1)
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"SAMEORIGIN"),
    # The page is complete in itself: nothing is loaded from or sent to any other machine.
    (
        b"content-security-policy",
        b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'; base-uri 'self'",
    ),
)


class Guard:
    """An ASGI application that passes requests and websockets on to another one, or refuses them with a line."""

    def __init__(self, app: App, settings: WebSettings) -> None:
        """Put the guard in front of an application.

        Args:
            app: Page and service.
            settings: Of the process: hosts, password and limits.
        """
        self.app, self.settings = app, settings
        self._limit = int(settings.max_upload_mb * MEGABYTE)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one ASGI connection: an HTTP request, a websocket, or the start and end of the process.

        Raises:
            ValueError: It is of another kind.
        """
        kind = scope["type"]
        if kind == "lifespan":
            await self.app(scope, receive, send)
            return
        if kind not in ("http", "websocket"):
            raise ValueError(f"connections of type {kind!r} are not served")
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if kind == "websocket":
            if refusal is not None:
                await _refuse_websocket(scope, receive, send, *refusal)
                return
            await self.app(scope, receive, send)
            return
        if refusal is not None:
            await _answer(send, *refusal)
            return
        limited = _UploadLimit(receive, send, self._limit)
        await self.app(scope, limited.receive, limited.send)

    def _refusal(self, scope: MutableMapping[str, Any], headers: dict[bytes, str]) -> tuple[int, str] | None:
        """Return HTTP status and message of a refusal; None: the request may pass."""
        host = headers.get(b"host", "")
        if not self.settings.allows_host(host):
            return 421, f"host {host!r} is not this server; start it with --allow-host {host.split(':')[0] or 'NAME'}"
        origin = headers.get(b"origin")
        # Our own pages' forms say "null", for they send no referrer; of a websocket it is a page that hides its origin.
        # A page of a stranger can hide its origin too (sandbox); browsers say beside it whether it is another site's.
        is_own = headers.get(b"sec-fetch-site", "same-origin") in ("same-origin", "none")
        unknown = (None, "null") if scope["type"] == "http" and is_own else (None,)
        if origin not in unknown and not self.settings.allows_host(urlsplit(origin or "").netloc):
            return 403, f"requests of pages from {origin} are not answered"
        if self.settings.auth and scope["path"] not in OPEN_PATHS and not self._has_password(headers):
            return 401, "user and password are needed"
        length = headers.get(b"content-length", "0")
        if length.isdigit() and int(length) > self._limit:
            return 413, _too_large(self._limit)
        return None

    def _has_password(self, headers: dict[bytes, str]) -> bool:
        kind, _, value = headers.get(b"authorization", "").partition(" ")
        if kind.lower() != "basic" or self.settings.auth is None:
            return False
        try:
            given = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, ":".join(self.settings.auth).encode())


class _UploadLimit:
    """Counts the bytes of a request's body, whatever length was announced; answers 413 if there are too many."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self._limit = receive, send, limit
        self._count = 0
        self._started = self._refused = False

    async def receive(self) -> Message:
        if self._count > self._limit:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._count += len(message.get("body", b""))
        if self._count > self._limit and not self._started:
            self._refused = True
            await _answer(self._send, 413, _too_large(self._limit))
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        if self._refused:
            return
        if message["type"] == "http.response.start":
            self._started = True
            present = {name.lower() for name, _ in message.get("headers", ())}
            added = [header for header in HEADERS if header[0] not in present]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await self._send(message)


def _too_large(limit: int) -> str:
    return f"an upload of more than {limit / MEGABYTE:g} MB; --max-upload-mb allows more"


async def _answer(send: Send, status: int, message: str, kind: str = "http.response") -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close"), *HEADERS]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="colorize", charset="UTF-8"'))
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": json.dumps({"detail": message}).encode()})


async def _refuse_websocket(
    scope: MutableMapping[str, Any], receive: Receive, send: Send, status: int, message: str
) -> None:
    """Refuse a websocket before it is opened: with the answer of a request, or where the server cannot, with 403."""
    await receive()  # websocket.connect
    if "websocket.http.response" in scope.get("extensions", {}):
        await _answer(send, status, message, "websocket.http.response")
    else:
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": message})
