"""HTTP services in this process, and requests of a client."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from fastapi.testclient import TestClient

from colorize.engine import Colorizer
from colorize.network import Network
from colorize.web import WebSettings
from colorize.web.api import build_api
from colorize.web.guard import Guard
from colorize.web.service import ColorizeService


@contextlib.contextmanager
def serve_clients(network: Network) -> Iterator[Callable[..., TestClient]]:
    """Yield a function that starts a service by ``WebSettings`` and returns a client; all are closed at the end."""
    services = []

    def make(**settings) -> TestClient:
        colorizer = Colorizer(network, render_size=64)
        service = ColorizeService(WebSettings(weights="small", **settings), colorizer)
        services.append(service)
        client = TestClient(Guard(build_api(service), service.settings), base_url="http://localhost")
        client.service = service
        return client

    yield make
    for service in services:
        service.close()


def post(client, content: bytes, name: str = "aunt.jpg", **fields):
    """Upload a photo to be coloured, with form fields, and return the response."""
    return client.post("/v1/colorize", files={"photo": (name, content)}, data=fields)


def folders(client) -> list[str]:
    """Return the names of the folders of the service's jobs."""
    return [path.name for path in client.service.jobs.folder.iterdir()]
