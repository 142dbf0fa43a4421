"""The tab for a film: a contact sheet first, then the whole film, with progress, time left and an end at any time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import gradio as gr

from colorize.base import VIDEO_SUFFIXES, parse_time
from colorize.film import VideoOptions
from colorize.motion import TemporalOptions
from colorize.web.command_lines import video_command
from colorize.web.controls import (
    PRIVATE,
    color_controls,
    command_box,
    duration,
    enable_with,
    progress_bar,
    sentence,
    set_event,
    settings_of,
    status_line,
)
from colorize.web.jobs import WebJob
from colorize.web.requests import VideoRequest
from colorize.web.uploads import Upload, UploadHandler, name_of, problem

PREVIEW_FRAMES = 6
TELL_SECONDS = 0.5  # between two looks at how far a film is
STEADINESS = [
    ("fast: colours are carried along the motion", "fast"),
    ("best: every frame is painted, then smoothed; slower", "best"),
    ("off: each frame by itself; flickers", "off"),
]


class VideoTab:
    """One film."""

    def __init__(self, uploads: UploadHandler) -> None:
        """Add the tab's components and events."""
        self._uploads = uploads
        self._stop_event = gr.State(None)
        with gr.Row():
            with gr.Column(min_width=300):
                self._source = gr.File(
                    label="Your film", file_types=["video", *sorted(VIDEO_SUFFIXES)], height=160, elem_id="film"
                )
                with gr.Row():
                    self._look_first = gr.Button(
                        "Preview a few frames", min_width=120, interactive=False, elem_id="preview-film"
                    )
                    self._color = gr.Button(
                        "Colour the film", variant="primary", min_width=120, interactive=False, elem_id="color-film"
                    )
                self._stop = gr.Button("Cancel", variant="stop", interactive=False, elem_id="cancel-film")
                self._force = gr.Checkbox(label="Colour it anyway, though it is in colour already", value=False)
                with gr.Accordion("Settings", open=False):
                    self._color_words = color_controls(uploads.service)
                    self._steady = gr.Radio(STEADINESS, value="fast", label="Steadiness of the colours")
                    self._start = gr.Textbox(label="From", info="seconds or h:mm:ss; empty: the beginning", value="")
                    self._end = gr.Textbox(label="To", info="seconds or h:mm:ss; empty: the end", value="")
            with gr.Column(min_width=300):
                self._status = status_line()
                self._sheet = gr.Image(
                    label="Preview",
                    interactive=False,
                    type="filepath",
                    buttons=["fullscreen"],
                    elem_id="preview",
                    alt_text="a few frames of the film, in colour",
                )
                self._video = gr.Video(
                    label="The film in colour", interactive=False, autoplay=False, buttons=[], elem_id="video"
                )
                self._download = gr.DownloadButton("Download", interactive=False, elem_id="download-film")
                self._command = command_box()
        self._listen()

    def _listen(self) -> None:
        ready, busy = gr.update(interactive=True), gr.update(interactive=False)
        controls = [self._source, self._look_first, self._color, self._stop]
        enable_with(self._source, [self._look_first, self._color])
        inputs = [self._source, *self._color_words, self._start, self._end, self._force]
        for button, work, extra, outputs, name, told in (
            (
                self._look_first,
                self._preview,
                [],
                [self._sheet, self._status, self._command, self._stop_event],
                "preview_film",
                "Colour a few frames of a film. Returns a sheet of them, a sentence, a command line.",
            ),
            (
                self._color,
                self._colorize,
                [self._steady],
                [self._video, self._download, self._status, self._command, self._stop_event],
                "colorize_film",
                "Colour a film. Returns it twice, to play and to keep, a sentence, a command line.",
            ),
        ):
            begun = button.click(lambda: (busy, busy, busy, ready), None, controls, api_visibility=PRIVATE)
            begun.then(
                work,
                [*inputs, *extra],
                outputs,
                preprocess=False,
                api_name=name,
                api_description=told,
                concurrency_limit=None,
                show_progress="hidden",
            ).then(
                lambda file: (ready, ready, ready, busy, gr.update(interactive=bool(file))),
                self._download,
                [*controls, self._download],
                preprocess=False,
                api_visibility=PRIVATE,
            )
        self._stop.click(set_event, self._stop_event, self._stop, api_visibility=PRIVATE, concurrency_limit=None)

    async def _preview(
        self,
        video: Upload | None,
        weights: str,
        strength: float,
        saturation: float,
        render_size: int,
        start: str,
        end: str,
        force: bool,
    ) -> AsyncIterator[tuple]:
        """Make a contact sheet."""
        options = _options("fast", start, end)
        color_settings = settings_of(weights, strength, saturation, render_size)
        request = VideoRequest(color_settings, options, force=bool(force), preview=PREVIEW_FRAMES)
        job, source = await self._uploads.take("film", video)
        try:
            yield None, progress_bar("Colouring a few frames", 0, None), "", job.cancel
            await self._uploads.submit(lambda: self._uploads.service.video(job, source, request))
            await asyncio.wait({asyncio.wrap_future(job.future)})
            outcome, sheets = self._uploads.finish(job)
        finally:
            self._uploads.service.jobs.forget(job)
        if outcome.status == "failed":
            raise problem(outcome.message)
        words = "A few frames of the film. If you like them, colour the film." if sheets else "cancelled"
        yield sheets[0] if sheets else None, sentence(words), video_command(name_of(video or {}), request), None

    async def _colorize(
        self,
        video: Upload | None,
        weights: str,
        strength: float,
        saturation: float,
        render_size: int,
        start: str,
        end: str,
        force: bool,
        steady: str,
    ) -> AsyncIterator[tuple]:
        """Colour a film and tell how far it is."""
        color_settings = settings_of(weights, strength, saturation, render_size)
        request = VideoRequest(color_settings, _options(steady, start, end), force=bool(force))
        job, source = await self._uploads.take("film", video)
        command = video_command(name_of(video or {}), request)
        try:
            yield None, None, progress_bar("Waiting", 0, None), command, job.cancel
            await self._uploads.submit(lambda: self._uploads.service.video(job, source, request))
            future, told = asyncio.wrap_future(job.future), ""
            while not (await asyncio.wait({future}, timeout=TELL_SECONDS))[0]:
                bar = _tell(job)
                if bar != told:
                    yield None, None, bar, command, job.cancel
                told = bar
            outcome, results = self._uploads.finish(job)
        finally:
            self._uploads.service.jobs.forget(job)
        if outcome.status == "failed":
            raise problem(outcome.message)
        if not results:
            skipped = outcome.status == "skipped"
            words = f"{outcome.message} Or tick 'Colour it anyway'." if skipped else "cancelled"
            yield None, None, sentence(words, "bad"), command, None
            return
        notes = "".join(sentence(note) for note in outcome.notes)
        yield results[0], results[0], sentence(outcome.message, "good") + notes, command, None


def _options(steady: str, start: str, end: str) -> VideoOptions:
    """Return the options of a film.

    Raises:
        gr.Error: A time or a mode is not one.
    """
    times = []
    for text in (start, end):
        try:
            times.append(parse_time(text.strip()) if text and text.strip() else None)
        except ValueError as error:
            raise problem(f"{text}: not a time; write seconds or h:mm:ss, such as 90 or 1:30") from error
    first, last = times[0] or 0.0, times[1]
    if last is not None and last <= first:
        raise problem(f"the end, {last:g} s, is not after the beginning, {first:g} s")
    try:
        return VideoOptions(start=first, end=last, temporal=TemporalOptions(steady))  # type: ignore[arg-type]
    except ValueError as error:
        raise problem(str(error)) from error


def _tell(job: WebJob) -> str:
    """Return how far a film is, and how long it will take."""
    progress = job.progress
    if job.begun is None:
        return progress_bar("Waiting: another film is coloured first", 0, None)
    if progress is None:
        return progress_bar("Looking at the film", 0, None)
    if progress.stage == "joining":
        return progress_bar("Joining pictures and sound", 0, None)
    total = f" of about {progress.total}" if progress.total else ""
    left = job.seconds_left
    time = f", {duration(left)} left" if left is not None else ""
    return progress_bar(f"{progress.done}{total} frames{time}", progress.done, progress.total)
