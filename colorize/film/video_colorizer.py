"""A film in colour: its parts that outlive a stop, and their joining."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import torch

import colorize
from colorize.base import CODECS, CONTAINERS, Container, VideoError, format_time, sha256
from colorize.engine import Colorizer
from colorize.film.encoder import EncoderSettings, PictureFormat
from colorize.film.options import Progress, VideoOptions, VideoResult, VideoStopped
from colorize.film.pipeline import Work, color_segments
from colorize.film.remux import write_video
from colorize.film.segments import Segment, SegmentStore
from colorize.film.streams import RemuxPlan
from colorize.film.video import Span, Video, probe
from colorize.motion import TemporalPainter

SEGMENT_SHARE = 60  # a part is this share of the film,
SEGMENT_SECONDS = 1, 10  # but at least and at most so long


def colorize_video(
    path: Path | str,
    out: Path | str,
    *,
    colorizer: Colorizer | None = None,
    options: VideoOptions | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> VideoResult:
    """Colour a film; all its other streams are copied.

    The work is done in parts, which lie in a folder beside the result until it is whole: after a stop, however hard,
    the same call goes on where it was, with the same result.

    Args:
        path: The film.
        out: The result; its suffix chooses the container.
        colorizer: None: with the released weights.
        options: How.
        progress: Called from another thread after each frame.
        cancel: When set, the part at work is finished and ``VideoStopped`` raised.

    Raises:
        FileNotFoundError: There is no such film.
        FileExistsError: There is such a result, and ``overwrite`` is off.
        VideoError: The film cannot be read, or not be written in this way.
        VideoStopped: ``cancel`` was set.
        OSError: The disk is full or refuses.
    """
    path, out = Path(path), Path(out)
    options = options or VideoOptions()
    container, settings = _check(path, out, options)
    video = probe(path)
    run = _VideoColorizer(video, out, container, settings, colorizer or Colorizer(), options)
    return run.color(progress or (lambda _: None), cancel or threading.Event())


def _check(path: Path, out: Path, options: VideoOptions) -> tuple[Container, EncoderSettings]:
    """Check what can be told before any work is done."""
    container, codec = container_of(out, options.codec)
    if out.exists() and path.exists() and os.path.samefile(path, out):
        raise VideoError(f"{path}: the result would replace the film itself; give another -o")
    if out.exists() and not options.overwrite:
        raise FileExistsError(f"{out}: exists already; --overwrite replaces it")
    if options.end is not None and options.end <= options.start:
        raise VideoError(f"{path}: the end at {options.end:g} s is not after the start at {options.start:g} s")
    settings = EncoderSettings(codec, options.crf, options.preset, options.threads)
    settings.check()
    return container, settings


class _VideoColorizer:
    """One film's way from file to file."""

    def __init__(
        self,
        video: Video,
        out: Path,
        container: Container,
        settings: EncoderSettings,
        colorizer: Colorizer,
        options: VideoOptions,
    ) -> None:
        self._video = video
        self._out = out
        self._container = container
        self._settings = settings
        self._colorizer = colorizer
        self._options = options
        self._store = SegmentStore(out)
        self._format, self._notes = picture_format(video, settings.codec)
        self._segment_frames = self._frames_per_segment()

    def color(self, progress: Callable[[Progress], None], cancel: threading.Event) -> VideoResult:
        """Colour what is missing and join it; see ``colorize_video``."""
        self._out.parent.mkdir(parents=True, exist_ok=True)
        changed = self._store.begin(self._manifest())
        if changed:
            self._notes.append(f"{self._video.path}: earlier parts were made with {changed}; starting afresh")
        done = self._frames_done()
        total = self._total()
        progress(Progress(done, total))
        self._color_segments(lambda count: progress(Progress(count, total)), cancel)
        frames = self._frames_done()
        progress(Progress(frames, frames, "joining"))
        cut_off = self._join()
        self._notes += decode_warnings(self._video, self._options.span, self._store.segments)
        self._store.remove()
        return VideoResult(self._out, frames, done, tuple(self._notes), cut_off)

    # --- before the work

    def _frames_per_segment(self) -> int:
        least, most = SEGMENT_SECONDS
        seconds = min(most, max(least, self._video.duration / SEGMENT_SHARE))
        return max(1, round(self._video.rate * Fraction(seconds)))

    def _total(self) -> int:
        span, frames = self._options.span, self._video.frames
        if not span.start and span.end is None:
            return frames
        begin = min(frames, round(span.start * self._video.rate))
        end = frames if span.end is None else min(frames, round(span.end * self._video.rate))
        return max(0, end - begin)

    def _manifest(self) -> dict[str, Any]:
        colorizer, options = self._colorizer, self._options
        return {
            "version": colorize.__version__,
            "film": {"bytes": self._video.path.stat().st_size, "sha256": sha256(self._video.path)},
            "weights": colorizer.fingerprint(),
            "settings": {
                "encoder": asdict(self._settings),
                "span": [str(options.span.start), str(options.span.end)],
                "temporal": asdict(options.temporal),
                "batch_size": options.batch_size,
                "render_size": colorizer.render_size,
                "square": colorizer.square,
                "strength": colorizer.strength,
                "saturation": colorizer.saturation,
                "device": str(colorizer.device),
                "precision": str(colorizer.precision),
                "part_frames": self._segment_frames,
            },
            "libraries": {"torch": torch.__version__, "av": av.__version__},
        }

    # --- the work

    def _color_segments(self, tell: Callable[[int], None], cancel: threading.Event) -> None:
        if self._store.segments and self._store.segments[-1].last:
            return  # a joining was interrupted
        work = Work(self._video, self._options.span, self._format, self._settings, self._segment_frames)
        painter = TemporalPainter(self._colorizer, self._options.temporal, self._options.batch_size)
        try:
            whole = color_segments(work, self._store, self._colorizer, painter, tell, cancel)
        finally:
            if not self._store.segments:
                self._store.remove()  # nothing to go on from
        if not whole:
            raise VideoStopped(self._how_to_go_on())
        if not self._store.segments:
            raise VideoError(self._nothing())

    # --- after it

    def _join(self) -> str | None:
        plan = RemuxPlan(self._video, self._options.span, self._format, self._container, self._options.ai_label)
        unfinished = self._store.folder / "film.unfinished"
        report = write_video(unfinished, plan, self._store)
        os.replace(unfinished, self._out)
        self._notes += report.lines
        if report.ended is None:
            return None
        return (
            f"{self._video.path}: cut off: it ends at {format_time(report.ended)} of {format_time(self._video.duration)}; "
            f"what there is, is in {self._out}; get the film anew"
        )

    def _nothing(self) -> str:
        start, duration = format_time(self._options.start), format_time(self._video.duration)
        return f"{self._video.path}: no frame between the start at {start} and the end; the film lasts {duration}"

    def _how_to_go_on(self) -> str:
        done = f"{self._frames_done()} of {self._total()} frames"
        return f"{self._video.path}: stopped after {done}; the same command goes on from there"

    def _frames_done(self) -> int:
        return sum(len(segment.pts) for segment in self._store.segments)


HDR_WHITE = {"PQ": "a middle grey", "HLG": "a light grey"}  # 203 cd/m2 is stored as .58 and .75 (BT.2408, 2.1)


def container_of(out: Path, codec: str | None) -> tuple[Container, str]:
    """Return the container that a result's suffix stands for, and the codec of its pictures.

    Args:
        out: The result.
        codec: As asked for; None: the usual one of the container.

    Raises:
        VideoError: No such container is written, or it does not hold the codec.
    """
    container = CONTAINERS.get(out.suffix.lower())
    if container is None:
        raise VideoError(f"{out}: films are written as {', '.join(CONTAINERS)}; choose one of these suffixes")
    codec = codec or container.codecs[0]
    if codec not in container.codecs:
        fitting = [suffix for suffix, other in CONTAINERS.items() if codec in other.codecs]
        raise VideoError(f"{out}: {out.suffix} does not hold {codec}; choose {' or '.join(fitting) or 'another codec'}")
    return container, codec


def picture_format(video: Video, name: str) -> tuple[PictureFormat, list[str]]:
    """Return the form of a film's pictures in colour, and a line for each thing that the source has and they have not.

    Args:
        video: The source.
        name: Of the codec.

    Raises:
        VideoError: The pictures are too small for the codec.
    """
    notes: list[str] = []
    codec = CODECS[name]
    height, width = video.upright_size
    size = (height + height % 2, width + width % 2) if codec.even_sides else (height, width)
    if size != (height, width):
        added = " and ".join(text for text, odd in (("a row", height % 2), ("a column", width % 2)) if odd)
        notes.append(
            f"{video.path}: {width} x {height} is odd; {added}, copied from the edge, made it {size[1]} x {size[0]}"
        )
    if min(size) < codec.min_side:
        raise VideoError(
            f"{video.path}: {width} x {height} is too small for {name} (at least {codec.min_side} x {codec.min_side}); "
            "choose --codec h264"
        )
    if video.hdr:
        notes.append(
            f"{video.path}: HDR ({video.hdr}) brightness is read as if it were SDR: white becomes {HDR_WHITE[video.hdr]}; "
            "for a bright picture convert the film to SDR (tone mapping) first"
        )
    field_order = video.field_order
    if field_order and (name != "h264" or size[0] % 4 or video.orientation.transpose):
        notes.append(f"{video.path}: is interlaced; {name} is written as whole pictures here")
        field_order = None
    return PictureFormat(size, video.time_base, video.rate, video.upright_aspect, field_order, video.is_cfr), notes


def decode_warnings(video: Video, span: Span, segments: list[Segment]) -> Iterator[str]:
    """Yield a line for each kind of fault that a film's frames have: which frames, from when on, and what was done."""
    pts = [pts for segment in segments for pts in segment.pts]
    height, width = video.size
    for kind, text in (
        ("damaged", "damaged; shown as far as it can be decoded"),
        ("lost", "damaged and cannot be decoded; the frame before stands in for it"),
        ("resized", f"of another size than the first; scaled to {width} x {height}"),
    ):
        indices = [index for segment in segments for index in segment.decode_warnings[kind]]
        if not indices:
            continue
        first = format_time(float(pts[indices[0]] * video.time_base + span.start))
        if len(indices) == 1:
            what = f"frame {indices[0]} (at {first}) is"
        else:
            what = f"{len(indices)} frames ({format_ranges(indices)}; from {first} on) are"
        yield f"{video.path}: {what} {text}"


def format_ranges(numbers: list[int]) -> str:
    """Return rising numbers as text, neighbours as a range: ``3-5, 9``; after eight of them, an ellipsis."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][1] + 1:
            groups[-1][1] = number
        else:
            groups.append([number, number])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in groups]
    return ", ".join(texts[:8]) + (", ..." if len(texts) > 8 else "")
