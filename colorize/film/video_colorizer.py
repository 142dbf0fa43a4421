"""A film from file to file: checked, coloured in segments that outlive a stop, and remuxed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from colorize.base import (
    CONTAINERS,
    Container,
    VideoError,
    format_time,
    vector_instructions,
)
from colorize.engine import Colorizer
from colorize.film.cadence import even_out
from colorize.film.division import frames_in_span, frames_per_scene, frames_per_segment
from colorize.film.encoder import EncoderSettings, SegmentEncoder
from colorize.film.keyframes import read_known_colors
from colorize.film.manifest import changed_parts, manifest
from colorize.film.names import is_pipe, is_sequence
from colorize.film.notes import (
    empty_span_message,
    kept_lines,
    processor_lines,
    reference_lines,
    sign_lines,
    warning_lines,
)
from colorize.film.options import Progress, VideoOptions, VideoResult, VideoStopped
from colorize.film.own_colors import FilmColors, survey_unless_in_color
from colorize.film.pipeline import SegmentPlan, SegmentSink, color_missing, color_segments
from colorize.film.remux import try_header, write_video
from colorize.film.result_format import check_rate, choose_container, choose_picture_format
from colorize.film.segments import Segment, SegmentStore, time_stamps
from colorize.film.sources import FileSource, Source, open_with_rate
from colorize.film.spreading import SceneRange, Spread, find_scenes
from colorize.film.streams import RemuxPlan
from colorize.motion import TemporalPainter

FINISHED = "film.unfinished"  # name of the finished film while it is written


def colorize_video(
    path: Path | str,
    out: Path | str,
    *,
    colorizer: Colorizer | None = None,
    options: VideoOptions | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    force: bool = False,
    spread: Spread | None = None,
) -> VideoResult:
    """Colour a film, but for scenes that are in colour already; all its other streams are copied.

    The work is done in segments, which lie in a folder beside the result until the result is whole: after a stop,
    however hard, the same call goes on from there, with the same result.

    Args:
        path: The film; ``-``: the standard input; ``scan_%06d.dpx``: numbered frames.
        out: The result; its suffix chooses the container, or of numbered frames their format. ``-``: the standard
            output, as Y4M where that came in, or where frames of a file have a constant rate, else as NUT.
        colorizer: Colours the frames; None: one with the default weights.
        options: How the film is coloured and written; None: the defaults.
        progress: The progress callback, called from another thread after each frame.
        cancel: When set, the segment at work is finished and ``VideoStopped`` raised.
        force: Colour all anew, also what is in colour already.
        spread: Who colours the scenes; None: this process, one after the other. Not for pipes, numbered frames and
            key frames.

    Returns:
        The result's path, its number of frames, and lines for the user.

    Raises:
        FileNotFoundError: There is no such film.
        FileExistsError: There is such a result, and ``overwrite`` is off.
        InColorError: A ``VideoError``: all of the film is in colour already, as far as samples show, and ``force`` is
            off.
        VideoError: The film cannot be read, or cannot be written with these options.
        VideoStopped: ``cancel`` was set.
        OSError: The disk is full or refuses; of a pipe that nobody reads any more, ``BrokenPipeError``.
    """
    path, out = Path(path), Path(out)
    options = options or VideoOptions()
    if is_pipe(out):
        from colorize.film.pipe_colorizer import color_into_pipe

        return color_into_pipe(path, colorizer or _film_colorizer(options), options, progress, cancel, force)
    if is_sequence(out) and out.suffix.lower() not in CONTAINERS:
        from colorize.film.sequence_colorizer import color_into_frames  # brings the photo wing

        report, stop = progress or (lambda _: None), cancel or threading.Event()
        return color_into_frames(path, out, colorizer or _film_colorizer(options), options, report, stop, force)
    container, settings = _check_options(path, out, options)
    source = open_with_rate(path, options)
    colors = None if force else survey_unless_in_color(source, options.span)
    job = _VideoColorizer(source, out, container, settings, colorizer or _film_colorizer(options), options, colors)
    if spread is not None and job.can_be_spread:
        job.spread = spread
    return job.run(progress or (lambda _: None), cancel or threading.Event())


def _film_colorizer(options: VideoOptions) -> Colorizer:
    return Colorizer(pictures_at_once=options.batch_size, in_background=True)


def color_scene(
    path: Path,
    out: Path,
    scene: SceneRange,
    colorizer: Colorizer,
    options: VideoOptions,
    cancel: threading.Event | None = None,
) -> bool:
    """Colour a scene of a film into a segment store of its own, or go on with it; return whether it is whole.

    Args:
        path: The film.
        out: The result of all of it.
        scene: As ``colorize_video`` gives it to whoever spreads the film.
        colorizer: Colours the frames.
        options: How, as for all of the film.
        cancel: When set, the segment at work is finished, and no other begun.
    """
    container, codec = choose_container(out, options.codec)
    settings = EncoderSettings(codec, options.crf, options.preset, options.threads)
    source = open_with_rate(path, options)
    job = _VideoColorizer(source, out, container, settings, colorizer, options, scene.colors)
    return job.color_scene(scene, cancel or threading.Event())


def _check_options(path: Path, out: Path, options: VideoOptions) -> tuple[Container, EncoderSettings]:
    """Check what can be checked before the film is opened; return the result's container and encoder settings."""
    container, codec = choose_container(out, options.codec)
    if out.exists() and path.exists() and os.path.samefile(path, out):
        raise VideoError(f"{path}: the result would replace the film itself; give another -o")
    if not options.overwrite and SegmentStore(out).finished() is None:
        _check_absence(out)
    settings = EncoderSettings(codec, options.crf, options.preset, options.threads)
    settings.check()
    return container, settings


def _check_absence(out: Path) -> None:
    """Raise a ``FileExistsError`` if there is such a result."""
    if out.exists():
        raise FileExistsError(f"{out}: exists already; --overwrite replaces it")


class _VideoColorizer:
    """Colours one film, from file to file."""

    def __init__(
        self,
        source: Source,
        out: Path,
        container: Container,
        settings: EncoderSettings,
        colorizer: Colorizer,
        options: VideoOptions,
        colors: FilmColors | None,
    ) -> None:
        self._source = source
        self._video = source.video
        self._out = out
        self._container = container
        self._settings = settings
        self._colorizer = colorizer
        self._options = options
        self._colors = colors
        self._store = SegmentStore(out)
        self.spread: Spread | None = None
        self._format, self._notes = choose_picture_format(self._video, settings.codec, options, container)
        check_rate(self._video, container)
        self._notes += [*source.notes, *sign_lines(self._video, colors)]
        self._key_frames = read_known_colors(source, options, colorizer)
        self._segment_frames = frames_per_segment(self._video)
        self._scene_frames = frames_per_scene(self._video)

    @property
    def can_be_spread(self) -> bool:
        """Whether each scene can be coloured by itself: no colours are carried along, and frames can be had again."""
        return self._key_frames is None and self._source.is_repeatable

    def run(self, progress: Callable[[Progress], None], cancel: threading.Event) -> VideoResult:
        """Colour the segments that are missing and write the finished film; see ``colorize_video``."""
        self._out.parent.mkdir(parents=True, exist_ok=True)
        if not self._source.is_repeatable:
            self._store.remove()
        if (finished := self._finished_before()) is not None:
            return finished
        changes, damaged, has_other_key_frames = self._store.begin(self._manifest(), vector_instructions())
        if changes:
            what = "; ".join(changed_parts(changes))
            self._notes.append(f"{self._video.path}: earlier segments cannot be used: {what}; starting afresh")
        done = self._frames_done()
        total = frames_in_span(self._video, self._options.span)
        self._try_header()
        if has_other_key_frames:
            self._notes.append(f"{self._video.path}: other key frames or hints; {done} frames of other scenes stay")
        if damaged:
            begin = int(damaged.stem)
            self._notes.append(f"{damaged}: damaged or missing; the film is coloured anew from frame {begin} on")
        notes = tuple(self._notes)
        progress(Progress(done, total, notes=notes))
        self._color_segments(lambda count: progress(Progress(count, total, notes=notes)), cancel)
        frames = self._frames_done()
        progress(Progress(frames, frames, "joining", notes))
        cut_off = self._remux()
        self._notes += warning_lines(
            self._video,
            self._options.span,
            self._store.segments,
            self._settings.codec,
            self._source.first_number(self._options.span),
        )
        self._notes += kept_lines(self._video, self._store.segments)
        self._notes += processor_lines(self._video, self._store.processors)
        self._notes += reference_lines(self._video, self._key_frames)
        told = {"frames": frames, "notes": self._notes, "cut_off": cut_off}
        keep_segments = self._options.keep_segments
        self._store.finish(self._store.folder / FINISHED, {**self._request(), **told}, keep_segments)
        return VideoResult(self._out, frames, done, tuple(self._notes), cut_off)

    def _request(self) -> dict[str, Any]:
        """Return all that the finished film depends on, as JSON values."""
        return json.loads(json.dumps({"manifest": self._manifest(), "ai_label": self._options.ai_label}))

    def _finished_before(self) -> VideoResult | None:
        """Return the result of an earlier run that was stopped while it removed the segments; None: there was none.

        Raises:
            FileExistsError: The result is there, by other settings.
        """
        record = None if self._options.overwrite else self._store.finished()
        if record is None:
            return None
        self._store.clean_up(self._options.keep_segments)
        if any(record.get(name) != value for name, value in self._request().items()):
            _check_absence(self._out)
        frames = record["frames"]
        return VideoResult(self._out, frames, frames, tuple(record["notes"]), record["cut_off"])

    def _frames_done(self) -> int:
        return self._store.count_frames()

    def _manifest(self) -> dict[str, Any]:
        frames = [self._scene_frames, self._segment_frames]
        force = self._colors is None
        codec, key_frames = self._settings.codec, self._key_frames
        return manifest(self._source, self._colorizer, self._options, codec, frames, force, key_frames)

    def _try_header(self) -> None:
        """Find out, before hours of work, whether the finished film can be written as it is planned.

        Raises:
            VideoError: It cannot.
        """
        trial = self._store.folder / "trial.unfinished"
        step = max(1, round(1 / (self._format.rate * self._format.time_base)))
        try:
            encoder = SegmentEncoder(trial, self._format, self._settings)
            encoder.write(self._format.black(), 0, step)
            encoder.close()
            try_header(self._store.folder / FINISHED, self._remux_plan([0], step, trial), trial)
        except BaseException:
            if not self._store.count_frames():
                self._store.remove()  # nothing to go on from
            raise
        finally:
            trial.unlink(missing_ok=True)

    def _color_segments(self, report_done: Callable[[int], None], cancel: threading.Event) -> None:
        if self._store.segments and self._store.segments[-1].last:
            return  # an earlier run was interrupted while it wrote the finished film
        plan = self._plan()
        try:
            if self.spread is not None:
                is_complete = self._spread_scenes(plan, self.spread, report_done)
            else:
                is_complete = color_missing(self._store, plan, lambda part: self._color_part(part, report_done, cancel))
        finally:
            segments = self._store.segments
            is_lost = not self._source.is_repeatable and not (segments and segments[-1].last)
            if is_lost or not self._store.count_frames():
                self._store.remove()  # nothing to go on from
        if not is_complete:
            raise VideoStopped(self._stopped_message())
        if not self._store.segments:
            raise VideoError(empty_span_message(self._video, self._options))

    def _plan(self) -> SegmentPlan:
        return SegmentPlan(
            self._source,
            self._options.span,
            self._format,
            self._settings,
            self._segment_frames,
            self._scene_frames,
            self._colors,
            self._key_frames,
        )

    def _color_part(self, plan: SegmentPlan, report_done: Callable[[int], None], cancel: threading.Event) -> bool:
        """Colour what lies before the later segments; see ``color_missing``."""
        later = sum(len(segment.pts) for segment in self._store.later.values())
        return self._color_into(self._store, plan, lambda done: report_done(done + later), cancel)

    def _color_into(
        self,
        store: SegmentStore,
        plan: SegmentPlan,
        report_done: Callable[[int], None],
        cancel: threading.Event,
        before: Sequence[Segment] = (),
    ) -> bool:
        """Colour what follows the segments of a store, into it; see ``color_segments``."""
        painter = TemporalPainter(self._colorizer, self._options, self._options.batch_size)
        sink = SegmentSink(store, plan, self._colorizer.settings.strength)
        return color_segments(plan, sink, self._colorizer, painter, report_done, cancel, before)

    def color_scene(self, scene: SceneRange, cancel: threading.Event) -> bool:
        """Colour a scene into a store of its own; see the function of this name."""
        store = self._begin_scene(scene, vector_instructions())
        done = sum(len(segment.pts) for segment in store.segments)
        if done == scene.end - scene.first:
            return True
        plan = replace(self._plan(), end=scene.end)
        return self._color_into(store, plan, lambda _: None, cancel, scene.before)

    def _begin_scene(self, scene: SceneRange, processor: str = "") -> SegmentStore:
        """Return the store of a scene with the segments of it that are finished; see ``SegmentStore.begin``."""
        store = scene.store(self._out)
        store.begin({**self._manifest(), "scene": [scene.first, scene.end]}, processor)
        return store

    def _spread_scenes(self, plan: SegmentPlan, spread: Spread, report_done: Callable[[int], None]) -> bool:
        """Let others colour the scenes that are missing, and take their segments in order; return whether all came."""
        self._store.discard_later()  # they come anew, with what is missing before them
        scenes = find_scenes(plan, self._colorizer, tuple(self._store.segments))
        if len(scenes) == 1:
            self._notes.append(f"{self._video.path}: one scene alone is left, which one worker colours by itself")
        done: set[int] = set()
        following = iter(scenes)
        scene = next(following, None)
        for finished in spread(scenes):
            done.add(finished.first)
            while scene is not None and scene.first in done:
                store = self._begin_scene(scene)
                if sum(len(segment.pts) for segment in store.segments) != scene.end - scene.first:
                    raise VideoError(
                        f"{self._video.path}: the scene from frame {scene.first} on came from a worker with another "
                        "runtime or other libraries than this machine; install the same everywhere"
                    )
                self._store.adopt(store)
                scene = next(following, None)
                report_done(self._frames_done())
        return scene is None

    def _remux(self) -> str | None:
        """Write the finished film into the folder; return a line for the user if the source is cut off."""
        segments = self._store.segments
        plan = self._remux_plan(time_stamps(segments), segments[-1].durations[-1], self._store.video_path(0))
        unfinished = self._store.folder / FINISHED
        report = write_video(unfinished, plan, self._store)
        self._notes += report.lines
        if report.ended is None:
            return self._source.cut_off and f"{self._source.cut_off}; what there is, is in {self._out}"
        ended, duration = format_time(report.ended), format_time(self._video.duration)
        return (
            f"{self._video.path}: cut off: it ends at {ended} of {duration}; "
            f"what there is, is in {self._out}; get the film anew"
        )

    def _remux_plan(self, pts: Sequence[int], last_duration: int, segment: Path) -> RemuxPlan:
        """Return the plan of the finished film.

        Args:
            pts: The frames' time stamps.
            last_duration: Duration of the last frame.
            segment: A segment's video, which stands in for the file of a source that is none: it holds nothing else.
        """
        return RemuxPlan(
            self._video,
            self._options.span,
            self._format,
            self._container,
            self._settings.codec,
            even_out(pts, last_duration, self._format.time_base, self._format.rate),
            self._options.ai_label,
            None if isinstance(self._source, FileSource) else segment,
            self._source.tags,
            self._source.first_index(self._options.span),
        )

    def _stopped_message(self) -> str:
        done = f"{self._frames_done()} of {frames_in_span(self._video, self._options.span)} frames"
        if not self._source.is_repeatable:
            return f"{self._video.path}: stopped after {self._frames_done()} frames; a pipe cannot be gone on from"
        return f"{self._video.path}: stopped after {done}; the same command goes on from there"
