"""A film coloured into the standard output."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from colorize.base import VideoError
from colorize.engine import Colorizer
from colorize.film.division import frames_in_span, frames_per_scene, frames_per_segment
from colorize.film.encoder import EncoderSettings
from colorize.film.keyframes import read_known_colors
from colorize.film.names import PIPE
from colorize.film.notes import empty_span_message, kept_lines, reference_lines, sign_lines, warning_lines
from colorize.film.options import Progress, VideoOptions, VideoResult, VideoStopped
from colorize.film.own_colors import survey_unless_in_color
from colorize.film.pipeline import SegmentPlan, color_segments
from colorize.film.pipes import NUT, Y4M, PipeSink, open_stdout
from colorize.film.result_format import choose_picture_format
from colorize.film.segments import Segment, time_stamps
from colorize.film.sources import FileSource, Source, open_with_rate
from colorize.film.video import Video
from colorize.motion import TemporalPainter

MAX_GAP = Fraction(3, 2)  # frames: by so much rounded times may leave a constant rate


def color_into_pipe(
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
    if isinstance(source, FileSource) and source.holds_more:
        notes.append(f"{video.path}: sound and texts were left out; only pictures go through a pipe")
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
    stream_format = _format_of_pipe(source)
    with open_stdout() as file:
        sink = PipeSink(file, stream_format, plan, colorizer.settings.strength)
        is_complete = color_segments(plan, sink, colorizer, painter, report, cancel or threading.Event())
    frames = sum(len(segment.pts) for segment in sink.segments)
    if not is_complete:
        raise VideoStopped(f"{video.path}: stopped after {frames} frames; they are in the pipe")
    if not frames:
        raise VideoError(empty_span_message(video, options))
    if stream_format == Y4M:
        notes += _gap_lines(video, sink.segments)
    notes += warning_lines(video, options.span, sink.segments, settings.codec, source.first_number(options.span))
    notes += kept_lines(video, sink.segments)
    notes += reference_lines(video, known_colors)
    return VideoResult(Path(PIPE), frames, 0, tuple(notes), source.cut_off)


def _gap_lines(video: Video, segments: Sequence[Segment]) -> Iterator[str]:
    """Report times that leave the constant rate at which Y4M, that states none, shows the frames, as gaps do."""
    pts = time_stamps(segments)
    gaps = abs((pts[-1] - pts[0]) * video.time_base - (len(pts) - 1) / video.rate)
    if gaps * video.rate > MAX_GAP:
        yield (
            f"{video.path}: the times of its frames are not in the pipe, for Y4M states none: at its end sound would "
            f"be {float(gaps):.2f} s off; a result in a film's file keeps them"
        )


def _format_of_pipe(source: Source) -> str:
    """Return FFmpeg's name of the format in which a source's coloured frames go through a pipe: its own, if it has one.

    Y4M, which more programs read, states no times; NUT does.
    """
    own = getattr(source, "format", None)
    if own is not None:
        return Y4M if own == Y4M else NUT
    return Y4M if source.video.is_cfr else NUT
