"""The HTTP service: photos at once, films as jobs. Errors are JSON with the sentences of the command line."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, File, Form, HTTPException, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.background import BackgroundTask

from colorize import __version__
from colorize.containers import FILM_SUFFIXES
from colorize.film_options import FilmOptions
from colorize.marks import Mark
from colorize.temporal import TemporalOptions
from colorize.web.answers import checked, describe, find_film, media_type_of, outcome_of, receive, result_of
from colorize.web.jobs import QueueFullError
from colorize.web.schema import (
    MISSING,
    PROBLEMS,
    CodecName,
    FilmFormat,
    FilmJob,
    ForceField,
    Health,
    NoteField,
    PhotoFormat,
    Problem,
    RenderSizeField,
    SaturationField,
    SquareField,
    StrengthField,
    WeightsField,
    WeightsList,
)
from colorize.web.settings import Look
from colorize.web.studio import FilmWish, PhotoWish, Studio


def build_service(studio: Studio) -> FastAPI:
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
    _add_photo(app, studio)
    _add_films(app, studio)

    @app.get("/healthz", summary="Whether the process is well")
    async def healthz() -> Health:
        return Health(waiting=studio.jobs.waiting)

    @app.get("/v1/weights", summary="Weights that a client may name", responses={401: PROBLEMS[401]})
    async def weights() -> WeightsList:
        return WeightsList(weights=studio.weights)

    return app


def _add_photo(app: FastAPI, studio: Studio) -> None:
    @app.post(
        "/v1/colorize",
        summary="Colour a photo",
        response_class=FileResponse,
        responses={
            **PROBLEMS,
            200: {
                "description": "The photo in colour",
                "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
            },
        },
    )
    async def colorize(
        request: Request,
        photo: Annotated[UploadFile, File(description="JPEG, PNG, TIFF, WebP, BMP, AVIF or HEIC")],
        weights: WeightsField = None,
        strength: StrengthField = 1,
        saturation: SaturationField = 1,
        render_size: RenderSizeField = None,
        square: SquareField = False,
        mark: Annotated[list[str] | None, Form(description="x,y,#rrggbb[,radius]; several may be given")] = None,
        format: Annotated[PhotoFormat | None, Form(description="Of the result; default: the photo's own")] = None,
        quality: Annotated[int, Form(ge=1, le=100, description="Of lossy formats")] = 95,
        force: ForceField = False,
        note: NoteField = True,
    ) -> Response:
        look = Look(weights or studio.settings.weights, strength, saturation, render_size, square)
        marks = checked(lambda: [Mark.parse(text) for text in mark or []])
        suffix = f".{format}" if format else None
        wish = PhotoWish(look, marks, suffix, quality, force, note)
        if Path(photo.filename or "").suffix.lower() in FILM_SUFFIXES:
            raise HTTPException(422, f"{photo.filename}: a film by its name; send it to /v1/videos")
        job, source = await receive(studio, "photo", photo, "photo")
        try:
            await asyncio.to_thread(checked, lambda: studio.photo(job, source, wish))
            outcome = await outcome_of(request, job)
            result = result_of(job, outcome)
        except BaseException:
            studio.jobs.forget(job)
            raise
        return FileResponse(
            result,
            filename=result.name,
            media_type=media_type_of(result),
            background=BackgroundTask(studio.jobs.forget, job),
        )


def _add_films(app: FastAPI, studio: Studio) -> None:
    @app.post("/v1/videos", summary="Begin to colour a film", status_code=202, responses=PROBLEMS)
    async def begin(
        response: Response,
        video: Annotated[UploadFile, File(description="Any film that FFmpeg's libraries read")],
        weights: WeightsField = None,
        strength: StrengthField = 1,
        saturation: SaturationField = 1,
        render_size: RenderSizeField = None,
        square: SquareField = False,
        format: Annotated[FilmFormat, Form(description="Container of the result")] = "mp4",
        codec: Annotated[CodecName | None, Form(description="Of the pictures; default: the container's usual")] = None,
        crf: Annotated[float | None, Form(ge=0, le=63, allow_inf_nan=False, description="Lower is better")] = None,
        temporal: Annotated[Literal["off", "fast", "best"], Form(description="How colours are kept steady")] = "fast",
        start: Annotated[float, Form(ge=0, le=1e7, allow_inf_nan=False, description="Seconds")] = 0,
        end: Annotated[float | None, Form(gt=0, le=1e7, allow_inf_nan=False, description="Seconds")] = None,
        force: ForceField = False,
        note: NoteField = True,
    ) -> FilmJob:
        if end is not None and end <= start:
            raise HTTPException(422, f"end {end:g} is not after start {start:g} (seconds)")
        options = FilmOptions(codec=codec, crf=crf, start=start, end=end, temporal=TemporalOptions(temporal), mark=note)
        look = Look(weights or studio.settings.weights, strength, saturation, render_size, square)
        wish = FilmWish(look, options, f".{format}", force)
        job, source = await receive(studio, "film", video, "film.mp4")
        try:
            await asyncio.to_thread(checked, lambda: studio.film(job, source, wish))
        except BaseException:
            studio.jobs.forget(job)
            raise
        response.headers["Location"] = f"{studio.settings.root_path}/v1/videos/{job.id}"
        return describe(job, studio.settings.root_path)

    @app.get("/v1/videos/{id}", summary="How far a film is", responses=MISSING)
    async def status(id: str) -> FilmJob:
        return describe(find_film(studio, id), studio.settings.root_path)

    @app.get(
        "/v1/videos/{id}/result",
        summary="Fetch a coloured film; it is deleted afterwards",
        response_class=FileResponse,
        responses={
            **MISSING,
            409: {"model": Problem, "description": "It is not done yet, or there will be none"},
            200: {
                "description": "The film in colour",
                "content": {"video/*": {"schema": {"type": "string", "format": "binary"}}},
            },
        },
    )
    async def result(id: str) -> Response:
        job = find_film(studio, id)
        if job.ended is None:
            raise HTTPException(409, "the film is not done yet; ask for its status")
        if job.result is None:
            raise HTTPException(409, describe(job).message or "the film was not coloured")
        return FileResponse(
            job.result,
            filename=job.result.name,
            media_type=media_type_of(job.result),
            background=BackgroundTask(studio.jobs.forget, job),
        )

    @app.delete("/v1/videos/{id}", summary="Cancel a film, or delete it", status_code=204, responses=MISSING)
    async def cancel(id: str) -> None:
        await asyncio.to_thread(studio.jobs.forget, find_film(studio, id))


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
