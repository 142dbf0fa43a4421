"""How a film is divided: how many frames its segments and scenes have, and a span of it."""

from __future__ import annotations

from fractions import Fraction

from colorize.film.video import Span, Video
from colorize.motion import MAX_SPARSE_GAP

SEGMENTS_PER_FILM = 60  # as many as a film is divided into,
SEGMENT_SECONDS = 1, 10  # but a segment that no cut ends lasts at least and at most so long;
SCENE_SECONDS = 1  # scenes shorter than this share a segment, so that strobing cuts do not make one of each frame


def frames_per_segment(video: Video) -> int:
    """Return how many frames of a film a segment has.

    Since its last frame is an anchor, which the network predicts, they are a multiple of those from one anchor to the
    next; with other numbers there would be more anchors.
    """
    shortest, longest = SEGMENT_SECONDS
    seconds = min(longest, max(shortest, video.duration / SEGMENTS_PER_FILM)) if video.duration else longest
    return _frames_in(seconds, video)


def frames_per_list(video: Video) -> int:
    """Return how many frames are finished together where each is a file of its own: about as many as a second has.

    They cost nothing to divide, so a stop is to cost little; for the anchors see ``frames_per_segment``.
    """
    return _frames_in(SEGMENT_SECONDS[0], video)


def _frames_in(seconds: float, video: Video) -> int:
    """Return about as many frames as some seconds of a film have, a multiple of those between two anchors."""
    frames = max(1, round(video.rate * Fraction(seconds)))
    return frames if frames < MAX_SPARSE_GAP else round(frames / MAX_SPARSE_GAP) * MAX_SPARSE_GAP


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
