"""The HTTP service: photos at once, films as jobs. Errors are JSON with the sentences of the command line."""

from __future__ import annotations

import re

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from colorize import __version__
from colorize.web.jobs import QueueFullError
from colorize.web.photo_routes import add_photo_routes
from colorize.web.schema import PROBLEMS, Health, WeightsList
from colorize.web.service import ColorizeService
from colorize.web.video_routes import add_video_routes


def build_api(service: ColorizeService) -> FastAPI:
    """Return the application with the service's routes."""
    app = FastAPI(
        title="colorize",
        version=__version__,
        summary="Black-and-white photographs and films in colour",
        docs_url=None,  # these two pages load their scripts from another machine
        redoc_url=None,
    )
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(QueueFullError, _full)
    add_photo_routes(app, service)
    add_video_routes(app, service)

    @app.get("/healthz", summary="Whether the process is well")
    async def healthz() -> Health:
        return Health(waiting=service.jobs.waiting)

    @app.get("/v1/weights", summary="Weights that a client may name", responses={401: PROBLEMS[401]})
    async def weights() -> WeightsList:
        return WeightsList(weights=service.weights)

    return app


async def _invalid(request: Request, error: Exception) -> Response:
    """Say in one line which fields are wrong."""
    assert isinstance(error, RequestValidationError)
    lines = []
    for fault in error.errors():
        name = ".".join(str(part) for part in fault["loc"] if part not in ("body", "query", "path"))
        given = fault.get("input")
        shown = f" {given!r}" if isinstance(given, str | int | float) else ""
        lines.append(f"{name or 'form'}{re.sub(r'[^ -~]', '?', shown[:80])}: {fault['msg'].lower()}")
    return JSONResponse({"detail": "; ".join(lines)}, 422)


async def _full(request: Request, error: Exception) -> Response:
    assert isinstance(error, QueueFullError)
    return JSONResponse({"detail": str(error)}, 429, {"Retry-After": str(error.retry_after)})
