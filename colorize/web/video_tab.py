"""The tab for one film: a contact sheet as a preview, then the whole film, with progress, time left and cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from colorize.base import VIDEO_SUFFIXES
from colorize.batch import FileOptions
from colorize.engine import ColorSettings
from colorize.film import VideoOptions
from colorize.web.command_lines import command_line
from colorize.web.controls import (
    IN_COLOR,
    PRIVATE,
    command_box,
    enable_while_uploaded,
    end_after,
    format_duration,
    page_error,
    progress_html,
    request_stop,
    run_after,
    status_html,
    status_line,
    weights_control,
)
from colorize.web.jobs import WebJob
from colorize.web.live_photos import LivePhotos
from colorize.web.reference_controls import reference_controls, reference_options
from colorize.web.requests import ColorizeRequest
from colorize.web.setting_controls import control_names, page_request, setting_controls, takes_controls
from colorize.web.uploads import Upload, UploadHandler, until_end, upload_name, wait_for_end, with_references_in
from colorize.web.video_scenes import FOLDER, Scene, VideoScenes

PREVIEW_FRAMES = 6  # on the contact sheet
SETTINGS = (ColorSettings, VideoOptions, FileOptions)


class VideoTab:
    """The tab's components and event handlers."""

    def __init__(self, uploads: UploadHandler, live: LivePhotos) -> None:
        """Add the tab's components and events."""
        self._uploads = uploads
        self._stop_event = gr.State(None)
        with gr.Row():
            with gr.Column(min_width=300):
                self._source = gr.File(
                    label="Your film", file_types=["video", *sorted(VIDEO_SUFFIXES)], height=160, elem_id="film"
                )
                with gr.Row():
                    self._preview_button = gr.Button(
                        "Preview a few frames", min_width=120, interactive=False, elem_id="preview-film"
                    )
                    self._color_button = gr.Button(
                        "Colour the film", variant="primary", min_width=120, interactive=False, elem_id="color-film"
                    )
                self._stop_button = gr.Button("Cancel", variant="stop", visible=False, elem_id="cancel-film")
                file_controls = setting_controls(FileOptions)
                self._force = file_controls[control_names(FileOptions).index("force")]
                self._force.visible = False  # it is asked where a film is in colour already
                with gr.Accordion("Make it like a photo in colour", open=False):
                    self._reference = reference_controls("film-reference")
                with gr.Accordion("Settings", open=False):
                    self._controls = [weights_control(uploads.service), *setting_controls(ColorSettings, VideoOptions)]
                self._controls += file_controls
                with gr.Accordion("The same on the command line", open=False):
                    self._command = command_box()
            with gr.Column(min_width=300):
                self._status = status_line()
                self._sheet = gr.Image(
                    label="Preview",
                    interactive=False,
                    type="filepath",
                    buttons=["fullscreen"],
                    visible=False,
                    elem_id="preview",
                    alt_text="a few frames of the film, in colour",
                )
                self._video = gr.Video(
                    label="The film in colour",
                    interactive=False,
                    autoplay=False,
                    buttons=[],
                    visible=False,
                    elem_id="video",
                )
                self._download = gr.DownloadButton(
                    "Download", variant="primary", visible=False, elem_id="download-film"
                )
        self._scenes = VideoScenes(uploads, live)
        self._connect_events()

    def _connect_events(self) -> None:
        enabled, disabled = gr.update(interactive=True), gr.update(interactive=False)
        stoppable, hidden = gr.update(visible=True, interactive=True), gr.update(visible=False)
        controls = [self._source, self._preview_button, self._color_button, self._stop_button]
        enable_while_uploaded(self._source, [self._preview_button, self._color_button])
        for button, handler, outputs, name, description in (
            (
                self._preview_button,
                self._preview,
                [self._sheet, self._status, self._command, self._stop_event],
                "preview_video",
                "Colour a few frames of a film. Returns a sheet of them, a sentence, a command line.",
            ),
            (
                self._color_button,
                self._colorize,
                [self._video, self._download, self._status, self._command, self._stop_event],
                "colorize_video",
                "Colour a film. Returns it twice, to play and to keep, a sentence, a command line.",
            ),
        ):
            click = button.click(
                lambda: (disabled, disabled, disabled, stoppable), None, controls, api_visibility=PRIVATE
            )
            coloring = click.then(
                handler,
                [
                    self._source,
                    *([self._scenes.scenes] if handler == self._colorize else []),
                    *(*self._reference, *self._controls),
                ],
                outputs,
                preprocess=False,
                api_name=name,
                api_description=description,
                concurrency_limit=None,
                show_progress="hidden",
            )
            end_after(coloring, self._status)
            run_after(
                coloring,
                lambda file, sheet, status: (
                    *(enabled, enabled, enabled, hidden, gr.update(visible=bool(file)), gr.update(visible=bool(file))),
                    gr.update(visible=bool(sheet)),
                    gr.update(visible=True) if IN_COLOR in (status or "") else gr.skip(),
                ),
                [self._download, self._sheet, self._status],
                [*controls, self._download, self._video, self._sheet, self._force],
            )
        self._scenes.connect(self._source, [*self._reference, *self._controls], _request)
        self._stop_button.click(
            request_stop, self._stop_event, self._stop_button, api_visibility=PRIVATE, concurrency_limit=None
        )

    @takes_controls(*SETTINGS)
    async def _preview(
        self,
        video: Upload | None,
        reference: Upload | None = None,
        reference_strength: float = 1.0,
        weights: str = "",
        *values: Any,
    ) -> AsyncIterator[tuple]:
        """Make a contact sheet, and yield updates of the outputs before and after it."""
        request = _request(reference, reference_strength, weights, *values)
        request = replace(request, options=replace(request.options, preview=PREVIEW_FRAMES))
        job, source = await self._uploads.new_job("film", video)
        try:
            yield None, progress_html("Colouring a few frames", 0, None), "", job.cancel
            own = await asyncio.to_thread(with_references_in, job, request)
            await self._uploads.submit(lambda: self._uploads.service.submit_video(job, source, own))
            await wait_for_end(job)
            outcome, sheets = self._uploads.collect_results(job)
        finally:
            self._uploads.service.jobs.forget(job)
        if outcome.status == "failed":
            raise page_error(outcome.message)
        status = "A few frames of the film. If you like them, colour the film." if sheets else "cancelled"
        notes = "".join(status_html(note) for note in outcome.notes)
        yield (
            sheets[0] if sheets else None,
            status_html(status) + notes,
            command_line([upload_name(video or {})], _named(request, [])),
            None,
        )

    @takes_controls(*SETTINGS)
    async def _colorize(
        self,
        video: Upload | None,
        scenes: list[Scene],
        reference: Upload | None = None,
        reference_strength: float = 1.0,
        weights: str = "",
        *values: Any,
    ) -> AsyncIterator[tuple]:
        """Colour a film, and yield updates of the outputs while its progress changes."""
        request = _request(reference, reference_strength, weights, *values)
        job, source = await self._uploads.new_job("film", video)
        try:
            command = command_line([upload_name(video or {})], _named(request, scenes))
            yield None, None, progress_html("Waiting", 0, None), command, job.cancel
            request = await asyncio.to_thread(with_references_in, job, request)
            request = await asyncio.to_thread(self._scenes.request_with_key_frames, job, scenes or [], request)
            await self._uploads.submit(lambda: self._uploads.service.submit_video(job, source, request))
            last_bar = ""
            async for _ in until_end(job):
                bar = _progress_bar(job)
                if bar != last_bar:
                    yield None, None, bar, command, job.cancel
                last_bar = bar
            outcome, results = self._uploads.collect_results(job)
        finally:
            self._uploads.service.jobs.forget(job)
        if outcome.status == "failed":
            raise page_error(outcome.message)
        if not results:
            skipped = outcome.status == "skipped"
            status = f"{outcome.message} Or tick 'Colour it anyway'." if skipped else "cancelled"
            yield None, None, status_html(status, "bad"), command, None
            return
        notes = "".join(status_html(note) for note in outcome.notes)
        yield results[0], results[0], status_html(outcome.message, "good") + notes, command, None


def _request(reference: Upload | None, strength: Any, weights: str, *values: Any) -> ColorizeRequest:
    """Return the request of a film that the controls' values make."""
    return page_request(weights, SETTINGS, values, video=reference_options(reference, strength))


def _named(request: ColorizeRequest, scenes: Sequence[Scene] | None) -> ColorizeRequest:
    """Return a request with its references and the folder of its key frames as the command line would name them."""
    video = request.options.video
    video = replace(video, references=[Path(path.name) for path in video.references])
    if any(scene.is_key_frame for scene in scenes or ()):
        video = replace(video, keyframes=Path(FOLDER))
    return replace(request, options=replace(request.options, video=video))


def _progress_bar(job: WebJob) -> str:
    """Return a progress bar with a job's frames and the time left, as HTML."""
    progress = job.progress
    if job.started_at is None:
        return progress_html("Waiting: another film is coloured first", 0, None)
    if progress is None:
        return progress_html("Looking at the film", 0, None)
    if progress.stage == "joining":
        return progress_html("Joining pictures and sound", 0, None)
    total = f" of about {progress.total}" if progress.total else ""
    left = job.seconds_left
    time = f", {format_duration(left)} left" if left is not None else ""
    return progress_html(f"{progress.done}{total} frames{time}", progress.done, progress.total)
