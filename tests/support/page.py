"""The page, served on a free port in this process, and Gradio clients of it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from gradio_client import Client

from colorize.engine import Colorizer
from colorize.network import Network
from colorize.web import WebSettings, build_app
from colorize.web.service import ColorizeService

TIMEOUT = 60  # seconds until a test gives up


@contextlib.contextmanager
def serve_page(network: Network, settings: WebSettings | None = None) -> Iterator[tuple[str, ColorizeService]]:
    """Serve a page, and yield its address and its service; both are closed at the end."""
    folder = os.environ.get("GRADIO_TEMP_DIR")  # of another page, which reads it at every call
    colorizer = Colorizer(network, render_size=64)
    service = ColorizeService(settings or WebSettings(weights="small"), colorizer)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build_app(service), log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        end = time.monotonic() + TIMEOUT
        while not server.started:
            assert thread.is_alive() and time.monotonic() < end, "the server does not start"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", service
    finally:
        server.should_exit = True
        thread.join(TIMEOUT)
        listener.close()
        service.close()
        if folder is not None:
            os.environ["GRADIO_TEMP_DIR"] = folder


def visit(url: str, downloads: Path) -> Iterator[Client]:
    """Yield a gradio_client that keeps its downloads in a folder; it is closed at the end."""
    client = Client(url, download_files=str(downloads), verbose=False, analytics_enabled=False)
    yield client
    client.close()
