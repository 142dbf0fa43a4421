"""A film from file to file: checked, coloured in segments that outlive a stop, and remuxed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from colorize.base import (
    CODECS,
    CONTAINERS,
    Container,
    InColorError,
    VideoError,
    format_time,
    states_rate_of_copies,
    vector_instructions,
)
from colorize.engine import Colorizer
from colorize.film.cadence import even_out
from colorize.film.depth import choose_samples
from colorize.film.dvd import title_parts
from colorize.film.encoder import EncoderSettings, PictureFormat, SegmentEncoder
from colorize.film.keyframes import read_known_colors
from colorize.film.manifest import changed_parts, manifest
from colorize.film.names import PIPE, is_pipe, is_sequence
from colorize.film.notes import (
    empty_span_message,
    kept_lines,
    processor_lines,
    reference_lines,
    sign_lines,
    warning_lines,
)
from colorize.film.options import Progress, VideoOptions, VideoResult, VideoStopped
from colorize.film.own_colors import FilmColors, survey_colors
from colorize.film.pipeline import SegmentPlan, SegmentSink, color_missing, color_segments
from colorize.film.pipes import NUT, Y4M, PipeSink, open_stdout
from colorize.film.remux import try_header, write_video
from colorize.film.segments import Segment, SegmentStore
from colorize.film.sources import FileSource, Source, open_source
from colorize.film.spreading import SceneRange, Spread, find_scenes
from colorize.film.streams import RemuxPlan, nearest_rate
from colorize.film.video import Span, Video
from colorize.motion import TemporalPainter

SEGMENTS_PER_FILM = 60  # as many as a film is divided into,
SEGMENT_SECONDS = 1, 10  # but a segment that no cut ends lasts at least and at most so long;
SCENE_SECONDS = 1  # scenes shorter than this share a segment, so that strobing cuts do not make one of each frame
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
        InColorError: All of the film is in colour already, as far as samples show, and ``force`` is off.
        VideoError: The film cannot be read, or cannot be written with these options.
        VideoStopped: ``cancel`` was set.
        OSError: The disk is full or refuses; of a pipe that nobody reads any more, ``BrokenPipeError``.
    """
    path, out = Path(path), Path(out)
    options = options or VideoOptions()
    if is_pipe(out):
        return _color_into_pipe(path, colorizer or _film_colorizer(options), options, progress, cancel, force)
    if is_sequence(out):
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
    return Colorizer(pictures_at_once=options.batch_size)


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


def survey_unless_in_color(source: Source, span: Span) -> FilmColors:
    """Return what samples of a film say of its own colours; a pipe cannot be looked into before.

    Raises:
        InColorError: They show it all in colour.
    """
    path = source.video.path
    colors = FilmColors() if is_pipe(path) else survey_colors(source, span)
    if colors.is_in_color:
        raise InColorError(f"{path}: in colour already; --force colours it anew")
    return colors


def _color_into_pipe(
    path: Path,
    colorizer: Colorizer,
    options: VideoOptions,
    progress: Callable[[Progress], None] | None,
    cancel: threading.Event | None,
    force: bool,
) -> VideoResult:
    """Colour a film into the standard output; see ``colorize_video``."""
    source = open_with_rate(path, options)
    video = source.video
    settings = EncoderSettings("ffv1")  # as ffv1, frames in a pipe may have any size, and be interlaced
    format, notes = choose_picture_format(video, settings.codec, options)
    if format.alpha:
        format = replace(format, alpha=False)
        notes.append(f"{video.path}: its transparency (alpha channel) was left out; a pipe holds none here")
    if video.hdr:
        notes.append(
            f"{video.path}: is HDR ({video.hdr.system.name}), which no pipe states; say it to the program that reads it"
        )
    colors = None if force else survey_unless_in_color(source, options.span)
    notes += [*source.notes, *sign_lines(video, colors)]
    lengths = frames_per_segment(video), frames_per_scene(video)
    known_colors = read_known_colors(source, options, colorizer)
    plan = SegmentPlan(source, options.span, format, settings, *lengths, colors, known_colors)
    painter = TemporalPainter(colorizer, options, options.batch_size)
    known = tuple(notes)

    def report(done: int) -> None:
        if progress is not None:
            progress(Progress(done, frames_in_span(video, options.span), notes=known))

    report(0)
    with open_stdout() as file:
        sink = PipeSink(file, format_of_pipe(source), plan, colorizer.settings.strength)
        is_complete = color_segments(plan, sink, colorizer, painter, report, cancel or threading.Event())
    frames = sum(len(segment.pts) for segment in sink.segments)
    if not is_complete:
        raise VideoStopped(f"{video.path}: stopped after {frames} frames; they are in the pipe")
    if not frames:
        raise VideoError(empty_span_message(video, options))
    notes += warning_lines(video, options.span, sink.segments, settings.codec)
    notes += kept_lines(video, sink.segments)
    notes += reference_lines(video, known_colors)
    return VideoResult(Path(PIPE), frames, 0, tuple(notes), source.cut_off)


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
        self._notes += warning_lines(self._video, self._options.span, self._store.segments, self._settings.codec)
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
        pts = [pts for segment in self._store.segments for pts in segment.pts]
        plan = self._remux_plan(pts, self._store.segments[-1].durations[-1], self._store.video_path(0))
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

    def _remux_plan(self, pts: list[int], last_duration: int, segment: Path) -> RemuxPlan:
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
        )

    def _stopped_message(self) -> str:
        done = f"{self._frames_done()} of {frames_in_span(self._video, self._options.span)} frames"
        if not self._source.is_repeatable:
            return f"{self._video.path}: stopped after {self._frames_done()} frames; a pipe cannot be gone on from"
        return f"{self._video.path}: stopped after {done}; the same command goes on from there"


def format_of_pipe(source: Source) -> str:
    """Return FFmpeg's name of the format in which a source's coloured frames go through a pipe: its own, if it has one.

    Y4M, which more programs read, states no times; NUT does.
    """
    own = getattr(source, "format", None)
    if own is not None:
        return Y4M if own == Y4M else NUT
    return Y4M if source.video.is_cfr else NUT


def open_with_rate(path: Path, options: VideoOptions) -> Source:
    """Return the source that a path stands for, of which it is known how many frames there are in a second.

    Raises:
        VideoError: Nobody says it; or see ``open_source``.
    """
    source = open_source(path, options)
    if not getattr(source, "has_rate", True):
        raise VideoError(f"{path}: the frames do not state how many there are in a second; say it, such as --fps 18")
    return source


def frames_per_segment(video: Video) -> int:
    """Return how many frames of a film a segment has."""
    shortest, longest = SEGMENT_SECONDS
    seconds = min(longest, max(shortest, video.duration / SEGMENTS_PER_FILM)) if video.duration else longest
    return max(1, round(video.rate * Fraction(seconds)))


def frames_per_scene(video: Video) -> int:
    """Return how many frames lie at least from one end of a segment at a cut to the next such end."""
    return max(1, round(video.rate * Fraction(SCENE_SECONDS)))


def frames_in_span(video: Video, span: Span) -> int:
    """Return how many frames a span of a film has, as far as its file states it; 0: it does not."""
    frames = video.frames
    if not frames or (not span.start and span.end is None):
        return frames
    begin = min(frames, round(span.start * video.rate))
    end = frames if span.end is None else min(frames, round(span.end * video.rate))
    return max(0, end - begin)


def choose_container(out: Path, codec: str | None) -> tuple[Container, str]:
    """Return the container that a result's suffix stands for, and the name of its video codec.

    Args:
        out: The result.
        codec: The codec that was asked for, a name of ``CODECS``; None: the container's default.

    Raises:
        VideoError: No container is written under the suffix, or it does not hold the codec.
    """
    container = CONTAINERS.get(out.suffix.lower())
    if container is None:
        raise VideoError(f"{out}: films are written as {', '.join(CONTAINERS)}; choose one of these suffixes")
    codec = codec or container.codecs[0]
    if codec not in container.codecs:
        fitting = [suffix for suffix, other in CONTAINERS.items() if codec in other.codecs]
        raise VideoError(f"{out}: {out.suffix} does not hold {codec}; choose {' or '.join(fitting) or 'another codec'}")
    return container, codec


def check_rate(video: Video, container: Container) -> None:
    """Check that a container can have a film's frame rate.

    Raises:
        VideoError: It cannot, or this PyAV cannot state it there.
    """
    if container.rates and (not video.is_cfr or nearest_rate(container, video.rate) is None):
        rate = f"is {float(video.rate):.6g} frames a second" if video.is_cfr else "varies"
        raise VideoError(
            f"{video.path}: its frame rate {rate}, which {container.format} does not hold; choose -o film.mov"
        )
    if container.rates and not states_rate_of_copies():
        raise VideoError(
            f"{video.path}: {container.format} needs PyAV 18.1, so Python 3.11 or newer, to state the frame rate; here "
            f"is PyAV {av.__version__}; choose -o film.mov"
        )


def choose_picture_format(
    video: Video, name: str, options: VideoOptions | None = None, container: Container | None = None
) -> tuple[PictureFormat, list[str]]:
    """Return the format of a film's coloured frames, and a line for the user for each property of the source it lacks.

    Args:
        video: The source.
        name: The codec's name in ``CODECS``.
        options: What the user says of depth and chroma.
        container: That of the result; None: it is not a film's file.

    Raises:
        VideoError: The frames are too small for the codec, or it is not written in that depth or chroma.
    """
    notes: list[str] = []
    _, *following = title_parts(video.path)
    if following:
        names = ", ".join(part.name for part in following)
        notes.append(f"{video.path}: the parts that go on with it were joined to it: {names}")
    codec = CODECS[name]
    height, width = video.upright_size
    size = (height + height % 2, width + width % 2) if codec.even_sides else (height, width)
    if size != (height, width):
        added = " and ".join(text for text, odd in (("a row", height % 2), ("a column", width % 2)) if odd)
        notes.append(
            f"{video.path}: {width} x {height} is odd; {added}, copied from the edge, made it {size[1]} x {size[0]}"
        )
    least = codec.min_size
    if size[0] < least[0] or size[1] < least[1]:
        other = "prores" if name == "dnxhr" and min(size) >= 16 else "h264"
        raise VideoError(
            f"{video.path}: {width} x {height} is too small for {name} (at least {least[1]} x {least[0]}); "
            f"choose --codec {other}"
        )
    samples = choose_samples(video, name, options or VideoOptions(), container)
    notes += samples.notes
    field_order = video.upright_field_order
    if video.field_order and (not codec.interlaced or size[0] % 4 or not field_order):
        notes.append(f"{video.path}: is interlaced; {name} is written as whole pictures here")
        field_order = None
    if field_order and container is not None and not container.field_order:
        notes.append(
            f"{video.path}: is interlaced, as its pictures state; {container.format} calls them progressive; .mov does "
            "not"
        )
    format = PictureFormat(
        size,
        video.time_base,
        video.rate,
        video.upright_aspect,
        field_order,
        video.is_cfr,
        samples.planes,
        samples.alpha,
        video.hdr,
    )
    return format, notes
