"""The HTTP API as a FastAPI application: photos are answered at once, films are jobs, errors are JSON in one line.

The messages of errors are those of the command line.
"""

from __future__ import annotations

import re

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.routing import Route

from colorize import __version__
from colorize.web.forms import refuse_other_fields
from colorize.web.jobs import QueueFullError
from colorize.web.multipart import upload_route
from colorize.web.photo_routes import add_photo_routes
from colorize.web.schema import ERROR_RESPONSES, EVERYWHERE, Health, WeightsList
from colorize.web.service import ColorizeService
from colorize.web.threads import with_threads
from colorize.web.video_routes import add_video_routes

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def build_api(service: ColorizeService) -> FastAPI:
    """Return the application with all routes of the HTTP API."""
    app = FastAPI(
        title="colorize",
        version=__version__,
        summary="Black-and-white photographs and films in colour",
        docs_url=None,  # these two pages load their scripts from another machine
        redoc_url=None,
        lifespan=with_threads,
        responses=EVERYWHERE,
    )
    app.router.route_class = upload_route(service.jobs)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(QueueFullError, _full)
    app.add_exception_handler(Exception, _unexpected)
    add_photo_routes(app, service)
    add_video_routes(app, service)

    @app.get("/healthz", summary="Whether the process is well")
    async def healthz() -> Health:
        return Health(waiting=service.jobs.waiting)

    @app.get("/v1/weights", summary="Weights that a client may name", responses={401: ERROR_RESPONSES[401]})
    async def weights() -> WeightsList:
        return WeightsList(weights=service.weights)

    _refuse_other_methods(app)
    refuse_other_fields(app)
    return app


def _refuse_other_methods(app: FastAPI) -> None:
    """Answer a method that a path does not have with 405, before the page, which is at all paths, answers with 404."""
    methods: dict[str, set[str]] = {}
    for route in app.routes:
        if isinstance(route, APIRoute):
            methods.setdefault(route.path, set()).update(route.methods or ())

    for path, own in methods.items():
        allowed = ", ".join(sorted(own))

        async def refuse(request: Request, allowed: str = allowed) -> Response:
            message = f"{request.method} is not for {request.url.path}; send {allowed.replace(', ', ' or ')}"
            return JSONResponse({"detail": message}, 405, {"Allow": allowed, "Connection": "close"})

        app.router.routes.append(Route(path, refuse, methods=sorted({*METHODS} - own), include_in_schema=False))


async def _invalid(request: Request, error: Exception) -> Response:
    """Answer 422 with one line that names the fields that are wrong."""
    assert isinstance(error, RequestValidationError)
    reasons = []
    for details in error.errors():
        name = ".".join(str(part) for part in details["loc"] if part not in ("body", "query", "path"))
        given = details.get("input")
        if details["type"] == "value_error" and "UploadFile" in details["msg"]:
            reasons.append(f"{name}: a text where a file is expected; curl sends a file with -F {name}=@FILE")
            continue
        shown = f" {given!r}" if isinstance(given, str | int | float) else ""
        reasons.append(f"{name or 'form'}{re.sub(r'[^ -~]', '?', shown[:80])}: {details['msg'].lower()}")
    return JSONResponse({"detail": "; ".join(reasons)}, 422)


async def _unexpected(request: Request, error: Exception) -> Response:
    """Answer 500 with a line that shows nothing of the machine; the error is raised again for the log."""
    return JSONResponse({"detail": "an unexpected error; the server's log says more"}, 500)


async def _full(request: Request, error: Exception) -> Response:
    """Answer 429 with the time after which to try again; the rest of the upload is not read."""
    assert isinstance(error, QueueFullError)
    return JSONResponse({"detail": str(error)}, 429, {"Retry-After": str(error.retry_after), "Connection": "close"})
