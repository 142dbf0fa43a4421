"""The HTTP service: photos at once, films as jobs. Errors are JSON with the sentences of the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, File, Form, HTTPException, Request, Response, UploadFile
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from colorize.base import VIDEO_SUFFIXES
from colorize.engine import Hint
from colorize.web.requests import ColorSettings, PhotoRequest
from colorize.web.responses import checked, media_type_of, outcome_of, receive, result_of
from colorize.web.schema import (
    PROBLEMS,
    AiLabelField,
    ForceField,
    PhotoFormat,
    RenderSizeField,
    SaturationField,
    SquareField,
    StrengthField,
    WeightsField,
)
from colorize.web.service import ColorizeService


def add_photo_routes(app: FastAPI, studio: ColorizeService) -> None:
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
        note: AiLabelField = True,
    ) -> Response:
        look = ColorSettings(weights or studio.settings.weights, strength, saturation, render_size, square)
        marks = checked(lambda: [Hint.parse(text) for text in mark or []])
        suffix = f".{format}" if format else None
        wish = PhotoRequest(look, marks, suffix, quality, force, note)
        if Path(photo.filename or "").suffix.lower() in VIDEO_SUFFIXES:
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
