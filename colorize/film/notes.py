"""What a user is told of a film's frames: which are not all that they were, which kept their own colours."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from colorize.base import format_time
from colorize.film.keyframes import KeyFrames
from colorize.film.options import VideoOptions
from colorize.film.own_colors import FilmColors
from colorize.film.segments import Segment, time_stamps
from colorize.film.video import Span, Video


def warning_lines(
    video: Video, span: Span, segments: list[Segment], codec: str, first_number: int = 0
) -> Iterator[str]:
    """Report the frames that are not all that they were, one line a kind: which, from when on, and what was done.

    Args:
        video: The source.
        span: The part of the source that was coloured.
        segments: The records of all its segments.
        codec: The result's, a name of ``CODECS``.
        first_number: The number by which the span's first frame is told of.
    """
    pts = time_stamps(segments)
    height, width = video.size
    for kind, text in (
        ("damaged", "damaged; shown as far as it can be decoded"),
        ("lost", "damaged and cannot be decoded; the frame before stands in for it"),
        ("resized", f"of another size than the first; scaled to {width} x {height}"),
        ("woven", "interlaced, unlike the film's beginning; written as whole pictures"),
        ("captions", f"without their closed captions: {codec} holds none; --codec h264 keeps them"),
    ):
        indices = array("q", (index for segment in segments for index in segment.warnings[kind]))
        if not indices:
            continue
        first = format_time(float(pts[indices[0]] * video.time_base + span.start))
        if len(indices) == 1:
            frames = f"frame {first_number + indices[0]} (at {first}) is"
        else:
            numbers = [first_number + index for index in indices]
            frames = f"{len(indices)} frames ({format_ranges(numbers)}; from {first} on) are"
        yield f"{video.path}: {frames} {text}"


def kept_lines(video: Video, segments: Sequence[Segment]) -> Iterator[str]:
    """Report how much of a film kept its own colours; nothing where none did.

    Args:
        video: The source.
        segments: The records of all its segments.
    """
    frames = sum(len(segment.pts) for segment in segments)
    kept = array("q", (index for segment in segments for index in segment.kept))
    if not kept:
        return
    stretches = [index for segment in segments for index in segment.stretches]
    counts, _ = np.histogram(kept, [*stretches, frames])
    lengths = np.diff([*stretches, frames])
    kept_stretches = int((counts * 2 > lengths).sum())
    yield (
        f"{video.path}: {_of(kept_stretches, len(stretches), 'scene')} ({_of(len(kept), frames, 'frame')}) had colours "
        f"already and kept them; the rest was coloured; --force colours all"
    )


def sign_lines(video: Video, colors: FilmColors | None) -> Iterator[str]:
    """Report a small coloured part of grey pictures, such as a channel's sign, which gets other colours.

    Args:
        video: The source.
        colors: What samples say of its own colours; None: it was not asked.
    """
    if colors is not None and colors.has_sign:
        yield f"{video.path}: a small coloured part, such as a channel's sign, is coloured anew with the rest"


def processor_lines(video: Video, processors: Sequence[str]) -> Iterator[str]:
    """Report that processors of several kinds coloured a film; nothing where one kind did all of it.

    Args:
        video: The source.
        processors: Their vector instructions.
    """
    if len(processors) > 1:
        yield (
            f"{video.path}: was coloured on processors with other vector instructions ({', '.join(processors)}), which "
            "round otherwise; the colours are the same to the eye, the bytes may not be"
        )


def reference_lines(video: Video, key_frames: KeyFrames | None) -> Iterator[str]:
    """Report references that no scene which was coloured now shows anything of; nothing where one does."""
    if key_frames is not None and key_frames.references is not None and key_frames.references.is_slight:
        yield f"{video.path}: its reference shows little that is alike in any scene, and changes next to nothing"


def _of(count: int, total: int, noun: str) -> str:
    return f"{count} of {total} {noun}{'' if total == 1 else 's'}"


def empty_span_message(video: Video, options: VideoOptions) -> str:
    """Return the message that says that no frame of a film was asked for."""
    start = format_time(options.start)
    lasts = f"; the film lasts {format_time(video.duration)}" if video.duration else ""
    return f"{video.path}: no frame between the start at {start} and the end{lasts}"


def format_ranges(numbers: Sequence[int]) -> str:
    """Return rising numbers as text, neighbours as a range: ``3-5, 9``; after eight ranges, an ellipsis."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    return ", ".join(texts[:8]) + (", ..." if len(texts) > 8 else "")
