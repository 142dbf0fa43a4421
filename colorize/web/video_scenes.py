"""The film tab's scenes: a picture of each, in which a visitor gives it colours, and sees them spread before the film.

A scene's picture becomes a key frame: dots and strokes on it, or a picture that was painted in another program.
"""

from __future__ import annotations

import asyncio
import html
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from colorize.base import ImageError, format_time
from colorize.film import LIST, preview_options
from colorize.photo import read_photo, write_photo
from colorize.web.controls import (
    PRIVATE,
    choice_of_pictures,
    end_after,
    page_error,
    progress_html,
    request_stop,
    status_html,
    status_line,
)
from colorize.web.hint_editor import easel, easel_error, easel_photo, easel_value, edited_hints, read_hint_lines
from colorize.web.jobs import WebJob
from colorize.web.latest import Latest
from colorize.web.live_photos import LivePhotos
from colorize.web.previews import write_preview
from colorize.web.requests import ColorizeRequest
from colorize.web.uploads import Upload, UploadHandler, link_or_copy, upload_name, wait_for_end, with_references_in

THUMBNAIL_SIDE = 480  # longest side in pixels
FOLDER = "keyframes"  # of a job, and in the command line
MAX_SHOWN = 200  # scenes in the gallery


@dataclass(frozen=True)
class Scene:
    """A scene of the film, and what a visitor has said of its colours.

    Attributes:
        name: Of a key frame, such as ``000123_00-00-05.125.png``.
        seconds: From the film's beginning to that frame.
        picture: That frame as the network colours it.
        thumbnail: What the gallery shows.
        hints: Dots and strokes on the picture, one a line.
        painted: A painted picture of the frame, which counts in place of the dots; None: there is none.
    """

    name: str
    seconds: float
    picture: Path
    thumbnail: Path
    hints: str = ""
    painted: Path | None = None

    @property
    def is_key_frame(self) -> bool:
        """Whether its colours were given."""
        return bool(self.hints or self.painted)

    def caption(self, number: int) -> str:
        """Return what stands below it in the gallery."""
        minutes = format_time(self.seconds).split(".")[0]
        return f"{number} · {minutes}" + (" · your colours" if self.is_key_frame else "")


class VideoScenes:
    """The components of the scenes, and their event handlers.

    Attributes:
        scenes: The visitor's scenes of the film, ``Scene``s.
    """

    def __init__(self, uploads: UploadHandler, live: LivePhotos) -> None:
        """Add the components."""
        self._uploads, self._live = uploads, live
        self.scenes = gr.State([])
        self._latest, self._chosen, self._stop_event = gr.State(Latest()), gr.State(-1), gr.State(None)
        with gr.Accordion("I know a scene's colours", open=False, elem_id="scenes-part"):
            gr.Markdown("Give one picture of a scene its colours: they are carried through that whole scene.")
            with gr.Row():
                self._list_button = gr.Button("Show the scenes", interactive=False, elem_id="show-scenes")
                self._stop_button = gr.Button("Stop", variant="stop", visible=False, elem_id="stop-scenes")
            self._gallery = choice_of_pictures("Scenes: choose one", "scenes", columns=4, visible=False)
            with gr.Column(visible=False, elem_id="scene-work") as self._work:
                self._easel = easel("scene-easel")
                with gr.Row():
                    self._try_button = gr.Button("See it move", variant="primary", elem_id="try-scene")
                    self._save = gr.DownloadButton("Save the picture, to paint it elsewhere", elem_id="save-scene")
                    self._load = gr.UploadButton(
                        "Take a picture that was painted", file_types=["image"], elem_id="load-scene"
                    )
                    self._drop = gr.Button("Leave this scene as it was", interactive=False, elem_id="drop-scene")
            self._status = status_line()
            self._preview = gr.Video(
                label="Two seconds of it",
                interactive=False,
                autoplay=True,
                loop=True,
                buttons=[],
                visible=False,
                elem_id="scene-preview",
            )

    def connect(self, film: gr.File, asked: Sequence[Any], ask: Callable[..., ColorizeRequest]) -> None:
        """Add the events.

        Args:
            film: The upload.
            asked: The components of reference, weights and settings.
            ask: Returns the request that their values make.
        """
        self._ask = ask
        quiet: dict[str, Any] = {"preprocess": False, "api_visibility": PRIVATE, "show_progress": "hidden"}
        chosen = [self._easel, self._work, self._save, self._drop, self._preview]
        film.change(
            _begin_anew,
            [film, self._latest, self._stop_event],
            [
                *(self.scenes, self._chosen, self._list_button, self._gallery, self._easel, self._work, self._status),
                *(self._preview, self._stop_button, self._stop_event),
            ],
            **quiet,
        )
        listed = self._list_button.click(
            self._list,
            [film, self._latest, self._stop_event, *asked],
            [
                *(self.scenes, self._chosen, self._gallery, self._work, self._status),
                *(self._stop_button, self._stop_event),
            ],
            concurrency_limit=None,
            trigger_mode="multiple",  # "once" drops it while those of the film before are looked for
            **quiet,
        )
        # "multiple", and what is out of date is left out: "always_last" sends the data of an earlier event.
        self._gallery.select(
            self._choose,
            [self._latest, self.scenes, *asked],
            [self._chosen, *chosen],
            concurrency_limit=4,
            trigger_mode="multiple",
            **quiet,
        )
        self._easel.input(
            self._paint,
            [self._latest, self.scenes, *asked],
            [self._easel, self._gallery, self._drop],
            concurrency_limit=4,
            trigger_mode="multiple",
            **quiet,
        )
        on_scene = [self._latest, self.scenes, self._chosen, *asked]
        self._drop.click(self._forget, on_scene, [self._gallery, *chosen], **quiet)
        tried = [
            self._gallery,
            self._preview,
            self._status,
            self._stop_button,
            self._stop_event,
            self._drop,
        ]
        taken = self._load.upload(self._take, [self._load, film, *on_scene], tried, concurrency_limit=None, **quiet)
        tried_out = self._try_button.click(self._try, [film, *on_scene], tried, concurrency_limit=None, **quiet)
        for event in (listed, taken, tried_out):
            end_after(event, self._status, (self._stop_button, gr.update(visible=False)), (self._stop_event, None))
        self._stop_button.click(request_stop, self._stop_event, self._stop_button, api_visibility=PRIVATE)

    def request_with_key_frames(
        self, job: WebJob, scenes: Sequence[Scene], request: ColorizeRequest
    ) -> ColorizeRequest:
        """Return a film's request with the key frames of its scenes, which are written into the job's folder.

        Raises:
            gr.Error: Their pictures are not kept any longer.
        """
        given = [scene for scene in scenes if scene.is_key_frame]
        if not given:
            return request
        folder = job.folder / "in" / FOLDER
        folder.mkdir()
        try:
            for scene in given:
                if scene.painted:
                    link_or_copy(scene.painted, folder / f"{Path(scene.name).stem}{scene.painted.suffix.lower()}")
                else:
                    self._write_key_frame(scene, request, folder / scene.name)
        except OSError as error:
            raise page_error("the pictures of the scenes are not kept any longer; show the scenes again") from error
        video = replace(request.options.video, keyframes=folder)
        return replace(request, options=replace(request.options, video=video))

    def _write_key_frame(self, scene: Scene, request: ColorizeRequest, target: Path) -> None:
        live = self._live.find(scene.picture, _photo_request(request))
        photo = read_photo(scene.picture)
        ab = live.hinted.predict_ab(read_hint_lines(scene.hints))
        write_photo(target, photo.with_colors(live.colorizer.compose(photo.picture, ab, photo.space), ai_label=False))

    async def _list(
        self, film: Upload | None, latest: Latest, former: threading.Event | None, *values: Any
    ) -> AsyncIterator[tuple]:
        """Find the scenes, and yield them with what is shown, before and after; none is chosen any more.

        Nothing changes if there is another film by then, or they were asked for anew.
        """
        request = self._ask(*values)
        latest.ask()
        latest.film, latest.search = str((film or {}).get("path", "")), object()
        own_search, skipped = latest.search, (gr.skip(),) * 7  # else Gradio ends with what was yielded last
        request_stop(former)
        options = replace(request.options, export_keyframes=1, force=True)
        hidden, stop = gr.update(visible=False), gr.update(visible=True, interactive=True)
        job, source = await self._uploads.new_job("film", film)
        try:
            bar = progress_html("Looking for the scenes; a long film takes a while", 0, None)
            yield [], -1, gr.update(value=None, visible=False), hidden, bar, stop, job.cancel
            own = replace(request, options=options)
            await self._uploads.submit(lambda: self._uploads.service.submit_video(job, source, own))
            await wait_for_end(job)
            if latest.search is not own_search:
                yield skipped
                return
            outcome, files = self._uploads.collect_results(job)
        finally:
            self._uploads.service.jobs.forget(job)
        if outcome.status != "done":
            text = "stopped" if outcome.status == "stopped" else outcome.message
            yield [], -1, hidden, hidden, status_html(text, "bad"), hidden, None
            return
        scenes = await asyncio.to_thread(self._read_scenes, files)
        if latest.search is not own_search:
            yield skipped
            return
        more = f"; the first {MAX_SHOWN} are shown" if len(scenes) > MAX_SHOWN else ""
        number = "1 scene: touch its picture." if len(scenes) == 1 else f"{len(scenes)} scenes{more}. Choose one."
        scenes = scenes[:MAX_SHOWN]
        yield scenes, -1, _shown(scenes), hidden, status_html(number, "good"), hidden, None

    def _read_scenes(self, files: Sequence[Path]) -> list[Scene]:
        """Return the scenes of exported key frames."""
        store, by_name = self._uploads.store, {file.name: file for file in files}
        scenes = []
        for entry in json.loads(by_name[LIST].read_bytes())["frames"]:
            picture = by_name[entry["file"]]
            thumbnail = write_preview(self._uploads.service, picture, store.new_path("scene.jpg"), THUMBNAIL_SIDE)
            scenes.append(Scene(entry["file"], entry["time"], picture, thumbnail))
        return scenes

    async def _choose(self, event: gr.SelectData, latest: Latest, scenes: list[Scene], *values: Any) -> tuple:
        """Return the number of the scene that was touched, and the values of what is shown of it.

        Nothing changes if another one was touched by then.
        """
        number = event.index
        if not isinstance(number, int) or not 0 <= number < len(scenes):
            raise page_error("there are no scenes yet; let them be shown first")
        request, key = self._ask(*values), str(scenes[number].picture)
        asked = latest.ask(key)
        shown = await asyncio.to_thread(self._open, scenes[number], request, latest.page_number(key))
        return (number, *shown) if latest.is_last(asked) else (gr.skip(),) * (1 + len(shown))

    def _open(self, scene: Scene, request: ColorizeRequest, number: int) -> tuple:
        """Return the values of easel, work, save and leave buttons and preview for a scene.

        Args:
            scene: That is shown.
            request: Of the film.
            number: As in ``easel_value``.
        """
        return (
            self._easel_of(scene, request, number),
            gr.update(visible=True),
            gr.update(value=str(scene.painted or scene.picture)),
            gr.update(interactive=scene.is_key_frame),
            gr.update(value=None, visible=False),
        )

    def _easel_of(self, scene: Scene, request: ColorizeRequest, number: int = -1) -> dict[str, Any]:
        try:
            hints, own = read_hint_lines(scene.hints), _photo_request(request)
            live, picture = self._live.find(scene.picture, own), self._live.draw(scene.picture, own, hints)
            if scene.painted:
                picture = scene.thumbnail
            return easel_value(scene.picture, live, picture, hints, number)
        except gr.Error as error:
            return easel_error(html.unescape(str(error.message)))
        except (ValueError, OSError) as error:
            return easel_error(str(error).replace(f"{scene.picture.parent}/", ""))

    async def _paint(self, event: gr.EventData, latest: Latest, scenes: list[Scene], *values: Any) -> tuple:
        """Take the dots and strokes of the easel, and return the values of easel, gallery and leave button.

        Nothing changes if newer ones were set by then. The scene is the easel's: the visitor may have chosen another
        one, which is not shown yet.
        """
        skipped, (edited, text, page_number) = (gr.skip(),) * 3, edited_hints(event)
        number = next((number for number, scene in enumerate(scenes) if easel_photo(scene.picture) == edited), None)
        if number is None:
            return skipped
        scene, key = scenes[number], str(scenes[number].picture)
        edit = latest.begin_edit(key, page_number)
        if not edit:
            return skipped
        changed = replace(scene, hints=text, painted=None)
        shown: dict[str, Any] = {"error": ""}
        try:
            shown = await asyncio.to_thread(self._easel_of, changed, self._ask(*values))
        except gr.Error as error:  # a setting is wrong
            shown = easel_error(html.unescape(str(error.message)))
        finally:
            is_last = latest.end_edit(key, edit, None if "error" in shown else text)
        if not is_last:
            return skipped
        is_chosen = latest.photo == key
        if "error" in shown:
            return shown if is_chosen else gr.skip(), gr.skip(), gr.skip()
        changed = replace(changed, thumbnail=Path(shown["picture"]))
        scenes[number] = changed  # in place: what others set of other scenes meanwhile stays
        if not is_chosen:
            return gr.skip(), _shown(scenes) if _are_shown(scenes, latest) else gr.skip(), gr.skip()
        shown["number"] = latest.page_number(key)
        return shown, _shown(scenes), gr.update(interactive=changed.is_key_frame)

    async def _forget(self, latest: Latest, scenes: list[Scene], number: int, *values: Any) -> tuple:
        """Forget the colours of a scene, and return the values of gallery and what is shown of it.

        Nothing changes if newer ones were set by then.
        """
        request, scene = self._ask(*values), replace(_at(scenes, number), hints="", painted=None)
        key = str(scene.picture)
        edit = latest.begin_edit(key)  # what is being drawn comes too late
        preview = self._uploads.store.new_path("scene.jpg")
        thumbnail = await asyncio.to_thread(
            write_preview, self._uploads.service, scene.picture, preview, THUMBNAIL_SIDE
        )
        scene = replace(scene, thumbnail=thumbnail)
        work = await asyncio.to_thread(self._open, scene, request, -1)
        if not latest.end_edit(key, edit, ""):
            return (gr.skip(),) * (1 + len(work))
        scenes[number] = scene
        if latest.photo != key:  # another one was chosen
            return _shown(scenes) if _are_shown(scenes, latest) else gr.skip(), *((gr.skip(),) * len(work))
        return _shown(scenes), {**work[0], "number": latest.page_number(key)}, *work[1:]

    async def _take(
        self,
        picture: Upload | None,
        film: Upload | None,
        latest: Latest,
        scenes: list[Scene],
        number: int,
        *values: Any,
    ) -> AsyncIterator[tuple]:
        """Take a painted picture of a scene if two seconds can be coloured with it, and yield what is shown."""
        before = scene = _at(scenes, number)
        skipped = (gr.skip(),) * 2
        if not picture:
            raise page_error("there is no picture; choose one first")
        painted = self._uploads.store.new_path(upload_name(picture))
        try:
            await asyncio.to_thread(link_or_copy, Path(picture["path"]), painted)
            preview = self._uploads.store.new_path("scene.jpg")
            thumbnail = await asyncio.to_thread(write_preview, self._uploads.service, painted, preview, THUMBNAIL_SIDE)
        except (ImageError, OSError) as error:
            text = str(error).replace(f"{painted.parent}/", "")
            yield *skipped, status_html(text, "bad"), gr.skip(), None, gr.skip()
            return
        scene = replace(scene, painted=painted, thumbnail=thumbnail)
        async for update, is_good in self._spread(film, latest, scenes, scene, self._ask(*values)):
            is_taken = is_good and scenes[number] is before  # no other colours were set meanwhile
            if is_taken:
                scenes[number] = scene
            yield _shown(scenes) if is_taken else gr.skip(), *update

    async def _try(
        self, film: Upload | None, latest: Latest, scenes: list[Scene], number: int, *values: Any
    ) -> AsyncIterator[tuple]:
        """Colour two seconds of a scene, and yield gallery, preview, status, stop button, flag and leave button."""
        async for update, _ in self._spread(film, latest, scenes, _at(scenes, number), self._ask(*values)):
            yield gr.skip(), *update

    async def _spread(
        self, film: Upload | None, latest: Latest, scenes: list[Scene], scene: Scene, request: ColorizeRequest
    ) -> AsyncIterator[tuple[tuple, bool]]:
        """Colour two seconds of a scene; yield preview, status, stop button, flag and leave button, and if all is done.

        Nothing is shown in the end if there is another film by then.
        """
        hidden, stop = gr.update(visible=False), gr.update(visible=True, interactive=True)
        if not scene.is_key_frame:
            line = status_html("Give this picture a colour first: touch a place in it.", "bad")
            yield (gr.skip(), line, hidden, None, gr.skip()), False
            return
        job, source = await self._uploads.new_job("film", film)
        try:
            bar = progress_html("Colouring two seconds of this scene", 0, None)
            yield (gr.skip(), bar, stop, job.cancel, gr.skip()), False
            own = await asyncio.to_thread(with_references_in, job, request)
            own = await asyncio.to_thread(self.request_with_key_frames, job, [scene], own)
            folder = own.options.video.keyframes
            assert folder is not None  # of a scene that is a key frame
            video = preview_options(own.options.video, folder, scene.seconds)
            own = replace(own, options=replace(own.options, video=video, force=True))
            await self._uploads.submit(lambda: self._uploads.service.submit_video(job, source, own))
            await wait_for_end(job)
            outcome, results = self._uploads.collect_results(job)
        finally:
            self._uploads.service.jobs.forget(job)
        if not _are_shown(scenes, latest):  # nor is the stop button this one's any more
            yield (gr.skip(),) * 5, False
        elif results:
            text = "This is how it spreads. Go on with another scene, or colour the film."
            preview, status = gr.update(value=str(results[0]), visible=True), status_html(text, "good")
            is_chosen = latest.photo == str(scene.picture)
            yield (preview, status, hidden, None, gr.update(interactive=True) if is_chosen else gr.skip()), True
        else:
            text = "stopped" if outcome.status == "stopped" else outcome.message.removeprefix(f"{FOLDER}/")
            yield (gr.skip(), status_html(text, "bad"), hidden, None, gr.skip()), False


def _photo_request(request: ColorizeRequest) -> ColorizeRequest:
    """Return the request of a frame by itself, at full strength: the film's is applied to what is carried."""
    return replace(request, colors=replace(request.colors, strength=1.0))


def _shown(scenes: Sequence[Scene]) -> dict:
    """Return the update of the gallery."""
    pictures = [(str(scene.thumbnail), scene.caption(number)) for number, scene in enumerate(scenes, 1)]
    return gr.update(value=pictures, visible=True)


def _at(scenes: Sequence[Scene], number: int) -> Scene:
    if not 0 <= number < len(scenes):
        raise page_error("no scene is chosen; choose one first")
    return scenes[number]


def _are_shown(scenes: Sequence[Scene], latest: Latest) -> bool:
    """Return whether the page shows these scenes: the one that was chosen last is of them."""
    return any(str(scene.picture) == latest.photo for scene in scenes)


def _begin_anew(film: Upload | None, latest: Latest, stop: threading.Event | None) -> tuple:
    """Return the values of all components for another film, whose scenes were not shown yet; end work on the former.

    Nothing changes if its scenes were asked for by then: the button may have been touched before this was.
    """
    path = film["path"] if film else ""
    if path and path == latest.film:
        return (gr.skip(), gr.skip(), gr.update(interactive=True), *(gr.skip(),) * 7)
    latest.ask()
    latest.film, latest.search = path, None
    request_stop(stop)
    return (
        *([], -1, gr.update(interactive=bool(film)), gr.update(value=None, visible=False)),
        *(None, gr.update(visible=False), "", gr.update(value=None, visible=False)),
        *(gr.update(visible=False), None),
    )
