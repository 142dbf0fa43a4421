"""A small file server that misbehaves on demand, for tests of downloads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BLOCK_BYTES = 1 << 16


@dataclass
class Behaviour:
    """How the server behaves, and what was asked of it.

    Attributes:
        content: Bytes of the file under ``/file``.
        cuts: After how many bytes each of the next connections is closed; those after them are complete.
        ranges: Whether Range headers are obeyed.
        announce: A false Content-Length; None: the true one.
        status: Error status in place of the file, for the next ``failures`` requests.
        failures: How many requests still fail.
        kind: Content-Type.
        moved: Where ``/moved`` leads to.
        pause: Seconds that it waits before each block of 64 KiB.
        gate: Waited for before the file is sent; None: it is sent at once.
        requests: The Range header of each request so far, None where there was none.
    """

    content: bytes
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    announce: int | None = None
    status: int = 200
    failures: int = 0
    kind: str = "application/octet-stream"
    moved: str = "/file"
    pause: float = 0.0
    gate: threading.Event | None = None
    requests: list[str | None] = field(default_factory=list)


@contextmanager
def serve(behaviour: Behaviour) -> Iterator[str]:
    """Yield the server's address; ``/file`` is the file, ``/moved`` leads to it, all else is not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, behaviour)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, behaviour: Behaviour) -> None:
    if handler.path == "/moved":
        handler.send_response(302)
        handler.send_header("Location", behaviour.moved)
        handler.end_headers()
        return
    if handler.path != "/file":
        handler.send_error(404)
        return
    wanted = handler.headers["Range"]
    behaviour.requests.append(wanted)
    if behaviour.failures:
        behaviour.failures -= 1
        handler.send_error(behaviour.status)
        return
    start = 0
    if wanted and behaviour.ranges:
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(behaviour.content):
            handler.send_error(416)
            return
    if behaviour.gate:
        behaviour.gate.wait(10)
    body = behaviour.content[start:]
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(behaviour.content) - 1}/{len(behaviour.content)}")
    handler.send_header("Content-Length", str(len(body) if behaviour.announce is None else behaviour.announce))
    handler.send_header("Content-Type", behaviour.kind)
    handler.end_headers()
    sent = body[: behaviour.cuts.pop(0)] if behaviour.cuts else body
    with suppress(ConnectionError):  # of a client that was killed
        for begin in range(0, len(sent), BLOCK_BYTES):
            if behaviour.pause:
                time.sleep(behaviour.pause)
            handler.wfile.write(sent[begin : begin + BLOCK_BYTES])
