"""The errors that a caller would want to catch by name."""

from __future__ import annotations


class ImageError(ValueError):
    """A picture file cannot be read or written; the message says which, why, and what to do."""


class VideoError(ValueError):
    """A film cannot be read, coloured or written; the message says which, why, and what to do."""


class InColorError(VideoError):
    """A film is in colour already; the message says how to colour it anew."""


class SegmentsError(VideoError):
    """The finished segments of a film cannot be gone on from; they stay, and the message says what to do."""


class WeightsError(ValueError):
    """A weights file or name cannot be used; the message says which, why, and what to do."""


class DownloadError(OSError):
    """A file could not be fetched whole; the message says which, why, and what to do."""


def error_line(error: BaseException) -> str:
    """Return an error's message as a person reads it; of an error of the system, the file and what is wrong with it."""
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return f"{error.filename}: {reason(error).lower()}"
    return str(error)


def reason(error: BaseException) -> str:
    """Return the first line of an error's message; of an error of the system or FFmpeg, its description alone."""
    text = getattr(error, "strerror", None) or str(error)
    return (text.strip().splitlines() or [type(error).__name__])[0]
