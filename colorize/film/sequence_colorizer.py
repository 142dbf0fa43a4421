"""A film, or numbered frames, coloured into numbered frames that outlive a stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from colorize.base import VideoError, vector_instructions
from colorize.engine import Colorizer
from colorize.film.division import frames_in_span, frames_per_list, frames_per_scene
from colorize.film.encoder import EncoderSettings
from colorize.film.frame_files import FrameFileSink, discard_damaged, read_lists, remove_uncounted
from colorize.film.keyframes import FrameClock, read_known_colors
from colorize.film.manifest import changed_parts, manifest
from colorize.film.names import SEQUENCE_SUFFIXES, frame_numbers, frame_path
from colorize.film.notes import (
    empty_span_message,
    kept_lines,
    processor_lines,
    reference_lines,
    sign_lines,
    warning_lines,
)
from colorize.film.options import Progress, VideoOptions, VideoResult, VideoStopped
from colorize.film.own_colors import survey_unless_in_color
from colorize.film.pipeline import SegmentPlan, color_missing, color_segments
from colorize.film.result_format import choose_picture_format
from colorize.film.segments import SegmentStore
from colorize.film.sequence import SequenceSource
from colorize.film.sources import FileSource, Source, open_source, open_with_rate
from colorize.film.stills import DPX_SUFFIXES, EXR_SUFFIXES, MAX_TIMECODE_RATE, states_timecode
from colorize.film.streams import read_timecode
from colorize.film.timecode import Timecode
from colorize.film.video import Span, open_video
from colorize.motion import TemporalPainter
from colorize.photo import Photo

LIKE_RAW = "ffv1"  # as it, frames may have any size


def color_into_frames(
    path: Path,
    out: Path,
    colorizer: Colorizer,
    options: VideoOptions,
    progress: Callable[[Progress], None],
    cancel: threading.Event,
    force: bool,
) -> VideoResult:
    """Colour a film into numbered frames; see ``colorize_video``."""
    source = _open(path, out, options)
    video, store = source.video, SegmentStore(out)
    if frame_numbers(out) and not store.folder.exists() and not options.overwrite:
        first = frame_path(out, frame_numbers(out)[0])
        raise FileExistsError(f"{first}: exists already; --overwrite replaces it")
    colors = None if force else survey_unless_in_color(source, options.span)
    key_frames = read_known_colors(source, options, colorizer)
    format, notes = choose_picture_format(video, LIKE_RAW, VideoOptions())
    first = _first_index(source, options.span)
    first_number = (source.numbers[0] if isinstance(source, SequenceSource) else 1) + first
    timecode = _timecode(source, first)
    notes += [*source.notes, *sign_lines(video, colors), *_lost(source, out, timecode)]
    out.parent.mkdir(parents=True, exist_ok=True)
    scene_frames, segment_frames = frames_per_scene(video), frames_per_list(video)
    depends_on = manifest(source, colorizer, options, out.suffix, [scene_frames, segment_frames], force, key_frames)
    goes_on = source.is_repeatable and store.is_made_by(depends_on)
    if not options.overwrite and not goes_on and store.is_whole():
        raise FileExistsError(f"{out}: all frames exist already; --overwrite replaces them")
    former = read_lists(store)
    if not source.is_repeatable:
        store.remove()
    changes, damaged, has_other_key_frames = store.begin(depends_on, vector_instructions())
    if changes:
        notes.append(f"{path}: earlier frames cannot be used: {'; '.join(changed_parts(changes))}; starting afresh")
    damaged = discard_damaged(out, store) or damaged
    remove_uncounted(out, former, store)
    done = store.count_frames()
    if has_other_key_frames:
        notes.append(f"{path}: other key frames or hints; {done} frames of other scenes stay")
    if damaged:
        notes.append(f"{damaged}: damaged or missing; the frames are coloured anew from frame {first_number + done} on")
    settings = EncoderSettings(LIKE_RAW)
    plan = SegmentPlan(source, options.span, format, settings, segment_frames, scene_frames, colors, key_frames)
    stated = timecode if timecode is not None and states_timecode(out, timecode) else None
    sink = FrameFileSink(out, store, plan, colorizer, first_number, stated, options.ai_label)
    painter = TemporalPainter(colorizer, options, options.batch_size)
    total, known = frames_in_span(video, options.span), tuple(notes)

    def report(count: int) -> None:
        progress(Progress(count, total, notes=known))

    def color(part: SegmentPlan) -> bool:
        later = sum(len(segment.pts) for segment in store.later.values())
        return color_segments(part, sink, colorizer, painter, lambda count: report(count + later), cancel)

    report(done)
    try:
        is_complete = color_missing(store, plan, color)
    finally:
        sink.remove_unlisted()
        if not store.count_frames():
            store.remove()  # nothing to go on from
    frames = store.count_frames()
    if not is_complete and not source.is_repeatable:
        raise VideoStopped(f"{path}: stopped after {frames} frames; a pipe cannot be gone on from")
    if not is_complete:
        raise VideoStopped(f"{path}: stopped after {frames} of {total} frames; the same command goes on from there")
    if not frames:
        raise VideoError(empty_span_message(video, options))
    notes += warning_lines(video, options.span, store.segments, LIKE_RAW, source.first_number(options.span))
    notes += kept_lines(video, store.segments)
    notes += processor_lines(video, store.processors)
    notes += reference_lines(video, key_frames)
    store.clean_up(options.keep_segments)
    return VideoResult(out, frames, done, tuple(notes), source.cut_off)


def _open(path: Path, out: Path, options: VideoOptions) -> Source:
    """Return the source, once it is known that its frames can become those of the result.

    Raises:
        VideoError: They cannot; or see ``open_source``.
    """
    if out.suffix.lower() not in SEQUENCE_SUFFIXES:
        raise VideoError(f"{out}: frames are written as {', '.join(SEQUENCE_SUFFIXES)}; choose one of these suffixes")
    has_times = bool(options.start) or options.end is not None
    source = open_with_rate(path, options) if has_times else open_source(path, options)
    if (
        isinstance(source, SequenceSource)
        and source.first.path.resolve() == frame_path(out, source.numbers[0]).resolve()
    ):
        raise VideoError(f"{path}: the results would replace the frames themselves; give another -o")
    return source


def _lost(source: Source, out: Path, timecode: Timecode | None) -> list[str]:
    """Return lines about what numbered frames do not hold of a source."""
    lines = []
    path = source.video.path
    states_film = out.suffix.lower() in (*DPX_SUFFIXES, *EXR_SUFFIXES)
    if isinstance(source, FileSource) and source.holds_more:
        lines.append(f"{path}: sound, texts and all else but the pictures were left out of {out.name}")
    keeps_own = isinstance(source, SequenceSource) and path.suffix.lower() == out.suffix.lower()
    if timecode is not None and not keeps_own and not states_timecode(out, timecode):
        holders = ".dpx and .exr state it" if timecode.rate <= MAX_TIMECODE_RATE else "frames have none of such a rate"
        lines.append(f"{path}: the timecode {timecode} is not stated; {holders}")
    has_photos = isinstance(source, SequenceSource) and isinstance(source.first.file, Photo)
    if source.video.has_alpha and (states_film or not has_photos):
        lines.append(f"{path}: its transparency (alpha channel) was left out of {out.name}")
    if source.video.hdr:
        lines.append(f"{path}: is HDR ({source.video.hdr.system.name}); its frames are written in standard range")
    if source.video.field_order:
        lines.append(f"{path}: is interlaced; its frames are written as whole pictures")
    if source.video.upright_aspect not in (None, 1) and not states_film:
        lines.append(f"{path}: the pixels' aspect {source.video.upright_aspect} is not stated; .dpx and .exr state it")
    if isinstance(source, SequenceSource) and (curve := source.first.curve):
        if curve.is_log and out.suffix.lower() == ".exr":
            lines.append(f"{path}: log values were made light, for {out.suffix}; what is over white is cut off")
        if not curve.is_log and out.suffix.lower() != ".exr":
            lines.append(f"{path}: light was made what a screen shows, for {out.suffix}; .exr keeps it")
    return lines


def _first_index(source: Source, span: Span) -> int:
    """Return the place in the whole film, from 0 on, of the first frame of a span."""
    known = source.first_index(span)
    if known is not None or not span.start:
        return known or 0
    return FrameClock(source).first_number(span)


def _timecode(source: Source, frames: int) -> Timecode | None:
    """Return the timecode of a frame of a film's file or of frames; None: none is known.

    Args:
        source: The film.
        frames: How many of its frames lie before that one.
    """
    video = source.video
    timecode = None
    if isinstance(source, FileSource):
        with open_video(video.path) as container:
            timecode = read_timecode(container, video.rate)
    elif text := source.tags.get("timecode"):
        timecode = Timecode.parse(text, video.rate)
    return timecode and timecode.later(frames)
