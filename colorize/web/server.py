"""The web server: the page and the HTTP API behind the guard, as one application in one process."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn

from colorize.base import share_heaps
from colorize.batch import configure_process
from colorize.web.api import build_api
from colorize.web.guard import App, Guard
from colorize.web.service import ColorizeService
from colorize.web.settings import WebSettings

BACKLOG = 128  # connections that may wait to be accepted
SHUTDOWN_SECONDS = 3  # for responses that are on their way when the process is asked to end


def build_app(service: ColorizeService) -> App:
    """Return the whole ASGI application: the HTTP API, the page at ``/``, and the guard around both."""
    from colorize.web.page import mount_page

    app = build_api(service)
    return Guard(mount_page(app, service), service.settings)


def serve(settings: WebSettings) -> None:
    """Serve page and HTTP API until the process is stopped.

    Raises:
        OSError: The address cannot be listened on.
        ValueError: The weights or the device cannot be used.
    """
    share_heaps()
    listener = _listen(settings)  # before the weights are loaded: an address in use is reported at once
    with listener:
        configure_process(settings)
        service = ColorizeService(settings)
        try:
            service.warm_up()
            app = build_app(service)
            host, port = listener.getsockname()[:2]
            url_host = f"[{host}]" if ":" in host else host
            print(
                f"colorize: http://{url_host}:{port}{settings.root_path}/ (Ctrl-C ends it)", file=sys.stderr, flush=True
            )
            config = uvicorn.Config(
                app, log_level="warning", server_header=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS
            )
            uvicorn.Server(config).run([listener])
        finally:
            service.close()


def _listen(settings: WebSettings) -> socket.socket:
    """Return a socket that listens on the address of the settings."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        message = f"{settings.host}:{settings.port}: {reason.lower()}; choose another --host or --port"
        raise OSError(message) from error
    return listener
