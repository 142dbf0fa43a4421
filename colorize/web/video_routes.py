"""The HTTP routes of films: a film is uploaded as a job, which is asked for its status, fetched and cancelled."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, FastAPI, File, Form, HTTPException, Response, UploadFile
from fastapi.responses import FileResponse

from colorize.base import DEFAULT_VIDEO_SUFFIX
from colorize.batch import FileOptions
from colorize.engine import ColorSettings
from colorize.film import VideoOptions
from colorize.web.forms import check_field_names, form
from colorize.web.jobs import WebJob
from colorize.web.requests import ColorizeRequest
from colorize.web.responses import (
    REFERENCE_HELP,
    FileOnce,
    store_key_frames,
    store_references,
    store_upload,
    value_errors_as_422,
)
from colorize.web.schema import ERROR_RESPONSES, JOB_ERROR_RESPONSES, Problem, VideoFormat, VideoJob, WeightsField
from colorize.web.service import ColorizeService


def video_status(job: WebJob, root_path: str = "") -> VideoJob:
    """Return the status of a film's job as the service answers it.

    Args:
        job: Of a film.
        root_path: Path under which a proxy shows the service; the result's path begins with it.
    """
    progress, outcome = job.progress, job.outcome
    message, notes = "", []
    if job.status == "cancelled":
        message = "cancelled"
    elif outcome is not None:
        message, notes = outcome.message, list(outcome.notes)
    elif progress is not None:
        notes = [job.client_message(note) for note in progress.notes]
    return VideoJob(
        id=job.id,
        status=job.status,
        done=progress.done if progress else 0,
        total=progress.total if progress else None,
        seconds_left=job.seconds_left if job.status == "working" else None,
        message=message,
        notes=notes,
        result=f"{root_path}/v1/videos/{job.id}/result" if job.result else None,
    )


def find_video(service: ColorizeService, id: str) -> WebJob:
    """Return the job of a film by its id.

    Raises:
        HTTPException: 404: there is none by this id.
    """
    job = service.jobs.find(id)
    if job is None or job.kind != "film":
        raise HTTPException(404, f"{id}: there is no such job, or not any more")
    return job


def add_video_routes(app: FastAPI, service: ColorizeService) -> None:
    """Add the routes under ``/v1/videos`` to an application."""

    @app.post(
        "/v1/videos",
        summary="Begin to colour a film",
        status_code=202,
        responses=ERROR_RESPONSES,
        dependencies=[Depends(check_field_names)],
    )
    async def begin(
        response: Response,
        video: Annotated[UploadFile, File(description="Any film that FFmpeg's libraries read")],
        colors: Annotated[ColorSettings, Depends(form(ColorSettings))],
        options: Annotated[VideoOptions, Depends(form(VideoOptions))],
        file_options: Annotated[FileOptions, Depends(form(FileOptions))],
        weights: WeightsField = None,
        format: Annotated[VideoFormat, Form(description="Container of the result")] = DEFAULT_VIDEO_SUFFIX[1:],
        keyframes: Annotated[
            list[UploadFile] | None,
            File(description="Painted frames, named by number or time, whose colours their scenes take"),
        ] = None,
        reference: Annotated[list[UploadFile] | None, File(description=REFERENCE_HELP)] = None,
    ) -> VideoJob:
        job, source = await store_upload(service, "film", video, "film.mp4")
        try:
            folder = await store_key_frames(job, keyframes or ())
            references = await store_references(job, reference or ())
            chosen = replace(file_options, video=replace(options, keyframes=folder, references=references))
            request = ColorizeRequest(weights or service.settings.weights, colors, chosen)
            with value_errors_as_422():
                await asyncio.to_thread(service.submit_video, job, source, request, f".{format}")
        except BaseException:
            service.jobs.forget(job)
            raise
        response.headers["Location"] = f"{service.settings.root_path}/v1/videos/{job.id}"
        return video_status(job, service.settings.root_path)

    @app.get("/v1/videos/{id}", summary="How far a film is", responses=JOB_ERROR_RESPONSES)
    async def status(id: str) -> VideoJob:
        return video_status(find_video(service, id), service.settings.root_path)

    @app.get(
        "/v1/videos/{id}/result",
        summary="Fetch a coloured film; it is deleted once it was sent whole",
        response_class=FileResponse,
        responses={
            **JOB_ERROR_RESPONSES,
            409: {"model": Problem, "description": "It is not done yet, or there will be none"},
            200: {
                "description": "The film in colour",
                "content": {"video/*": {"schema": {"type": "string", "format": "binary"}}},
            },
        },
    )
    async def result(id: str) -> Response:
        job = find_video(service, id)
        if job.ended_at is None:
            raise HTTPException(409, "the film is not done yet; ask for its status")
        if job.result is None:
            raise HTTPException(409, video_status(job).message or "the film was not coloured")
        return FileOnce(job.result, lambda: service.jobs.forget(job))

    @app.delete(
        "/v1/videos/{id}", summary="Cancel a film, or delete it", status_code=204, responses=JOB_ERROR_RESPONSES
    )
    async def cancel(id: str) -> None:
        await asyncio.to_thread(service.jobs.forget, find_video(service, id))
