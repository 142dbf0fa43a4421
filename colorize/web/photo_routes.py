"""The HTTP route of photos: a photo is uploaded, coloured, and returned in the same response."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, File, HTTPException, Request, Response, UploadFile
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from colorize.base import VIDEO_SUFFIXES
from colorize.batch import FileOptions, PhotoOptions
from colorize.engine import HINTS_SUFFIX, ColorSettings
from colorize.web.forms import check_field_names, form
from colorize.web.requests import ColorizeRequest
from colorize.web.responses import (
    REFERENCE_HELP,
    SentFile,
    result_path,
    store_beside,
    store_references,
    store_upload,
    value_errors_as_422,
    wait_for_outcome,
)
from colorize.web.schema import ERROR_RESPONSES, WeightsField
from colorize.web.service import ColorizeService

PHOTO_HELP = "JPEG, PNG, TIFF, JPEG 2000, JPEG XL, WebP, BMP, AVIF, HEIC, or what else the command line reads"
HINT_HELP = (
    "The colour of a place, in pixels of the upright photo; may be given several times; x,y,#rrggbb[,radius], or of a "
    "brush's line x,y,x,y,...,#rrggbb[,radius]"
)
NOTE_HEADER = "Colorize-Note"
"""Header of a coloured photo, once for each line about what of the file was left out or changed; a URL's %-encoding."""


def add_photo_routes(app: FastAPI, service: ColorizeService) -> None:
    """Add ``POST /v1/colorize`` to an application."""

    @app.post(
        "/v1/colorize",
        summary="Colour a photo",
        dependencies=[Depends(check_field_names)],
        response_class=FileResponse,
        responses={
            **ERROR_RESPONSES,
            200: {
                "description": "The photo in colour",
                "headers": {
                    NOTE_HEADER: {
                        "description": "What of the file was left out or changed, %-encoded UTF-8; one header a line",
                        "schema": {"type": "string"},
                    }
                },
                "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
            },
        },
    )
    async def colorize(
        request: Request,
        photo: Annotated[UploadFile, File(description=PHOTO_HELP)],
        colors: Annotated[ColorSettings, Depends(form(ColorSettings))],
        options: Annotated[PhotoOptions, Depends(form(PhotoOptions, {"hint": HINT_HELP}))],
        file_options: Annotated[FileOptions, Depends(form(FileOptions))],
        hints: Annotated[UploadFile | None, File(description="A file of hints, NAME.hints.json; see hint")] = None,
        reference: Annotated[list[UploadFile] | None, File(description=REFERENCE_HELP)] = None,
        weights: WeightsField = None,
    ) -> Response:
        if Path(photo.filename or "").suffix.lower() in VIDEO_SUFFIXES:
            raise HTTPException(422, f"{photo.filename}: a film by its name; send it to /v1/videos")
        job, source = await store_upload(service, "photo", photo, "photo")
        try:
            if hints is not None:
                options = replace(options, hint_file=await store_beside(job, hints, f"photo{HINTS_SUFFIX}"))
            options = replace(options, references=await store_references(job, reference or ()))
            photo_request = ColorizeRequest(
                weights or service.settings.weights, colors, replace(file_options, photo=options)
            )
            with value_errors_as_422():
                await asyncio.to_thread(service.submit_photo, job, source, photo_request)
            outcome = await wait_for_outcome(request, job)
            result = result_path(job, outcome)
        except BaseException:
            service.jobs.forget(job)
            raise
        response = SentFile(result, BackgroundTask(service.jobs.forget, job))
        for note in outcome.notes:
            response.headers.append(NOTE_HEADER, quote(note, safe=" ():;,/"))
        return response
