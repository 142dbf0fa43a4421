"""The HTTP route of photos: a photo is uploaded, coloured, and returned in the same response."""

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
from colorize.web.responses import media_type, result_path, store_upload, value_errors_as_422, wait_for_outcome
from colorize.web.schema import (
    ERROR_RESPONSES,
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


def add_photo_routes(app: FastAPI, service: ColorizeService) -> None:
    """Add ``POST /v1/colorize`` to an application."""

    @app.post(
        "/v1/colorize",
        summary="Colour a photo",
        response_class=FileResponse,
        responses={
            **ERROR_RESPONSES,
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
        hint: Annotated[list[str] | None, Form(description="x,y,#rrggbb[,radius]; several may be given")] = None,
        format: Annotated[PhotoFormat | None, Form(description="Of the result; default: the photo's own")] = None,
        quality: Annotated[int, Form(ge=1, le=100, description="Of lossy formats")] = 95,
        force: ForceField = False,
        ai_label: AiLabelField = True,
    ) -> Response:
        color_settings = ColorSettings(weights or service.settings.weights, strength, saturation, render_size, square)
        with value_errors_as_422():
            hints = [Hint.parse(text) for text in hint or []]
        suffix = f".{format}" if format else None
        photo_request = PhotoRequest(color_settings, hints, suffix, quality, force, ai_label)
        if Path(photo.filename or "").suffix.lower() in VIDEO_SUFFIXES:
            raise HTTPException(422, f"{photo.filename}: a film by its name; send it to /v1/videos")
        job, source = await store_upload(service, "photo", photo, "photo")
        try:
            with value_errors_as_422():
                await asyncio.to_thread(service.submit_photo, job, source, photo_request)
            outcome = await wait_for_outcome(request, job)
            result = result_path(job, outcome)
        except BaseException:
            service.jobs.forget(job)
            raise
        return FileResponse(
            result,
            filename=result.name,
            media_type=media_type(result),
            background=BackgroundTask(service.jobs.forget, job),
        )
