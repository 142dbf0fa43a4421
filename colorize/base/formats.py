"""File formats of photos and films: suffixes, formats, containers and codecs. Tables only."""

from __future__ import annotations

from typing import NamedTuple  # the command's help reads these tables, and dataclasses are slow to import

PHOTO_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
}
"""Suffix of a photo -> its format, by Pillow's name; the photos that are read and written."""

FORMAT_SUFFIXES = {
    "jpg": ".jpg",
    "jpeg": ".jpg",
    "png": ".png",
    "tif": ".tif",
    "tiff": ".tif",
    "webp": ".webp",
    "bmp": ".bmp",
    "avif": ".avif",
    "heic": ".heic",
}
"""Photo format, as ``--format`` takes it -> suffix of the result."""

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".m2v", ".vob", ".ts", ".m2ts"),
        *(".mts", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".dv", ".rm", ".rmvb"),
        *(".qt", ".m1v", ".mpv", ".h264", ".264", ".h265", ".265", ".hevc", ".y4m"),
    )
)
"""Suffixes of files that are taken for films; whether they are is seen when they are opened."""
DEFAULT_VIDEO_SUFFIX = ".mp4"  # of films whose own container is not written


class Container(NamedTuple):
    """A film container that is written, and what it holds.

    Attributes:
        format: FFmpeg's name of its muxer.
        codecs: Names of ``CODECS`` that it holds; the first one is taken unless another is asked for.
        audio: FFmpeg's encoder for sound that the container cannot hold as it is.
        subtitles: FFmpeg's encoder for text that it cannot hold as it is; None: it holds no text.
        attachments: Whether it holds fonts and other files.
        covers: Whether it holds a cover picture as a stream.
        avoided_audio: Beginnings of the names of sound codecs that it may hold but that hardly a player reads from it.
        edit_list: Whether it has an edit list, which says that what lies before time 0 is not played.
    """

    format: str
    codecs: tuple[str, ...]
    audio: str
    subtitles: str | None = None
    attachments: bool = False
    covers: bool = False
    avoided_audio: tuple[str, ...] = ()
    edit_list: bool = False


_MP4 = Container(
    "mp4",
    ("h264", "hevc", "av1", "vp9"),
    "aac",
    "mov_text",
    covers=True,
    avoided_audio=("pcm_", "mp1", "mp2", "vorbis"),
    edit_list=True,
)
CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container("mov", ("h264", "hevc"), "aac", "mov_text", edit_list=True),
    ".mkv": Container("matroska", ("h264", "hevc", "av1", "vp9", "ffv1"), "aac", "subrip", attachments=True),
    ".webm": Container("webm", ("vp9", "av1"), "libopus", "webvtt"),
}
"""Suffix of a film -> the container that is written under it."""


class Codec(NamedTuple):
    """A video encoder and its settings.

    Attributes:
        encoder: FFmpeg's name.
        crf: Default constant rate factor, lower is better; None: lossless.
        max_crf: Largest constant rate factor, the worst quality.
        preset: The encoder's preset for a fair exchange of time and size.
        preset_option: The encoder's name of the option that takes the preset.
        options: Further options of the encoder, (name, value).
        even_sides: Whether width and height have to be even.
        min_side: Least width and height in pixels.
    """

    encoder: str
    crf: float | None = None
    max_crf: float = 51
    preset: str | None = None
    preset_option: str = "preset"
    options: tuple[tuple[str, str], ...] = ()
    even_sides: bool = True
    min_side: int = 2


CODECS = {
    "h264": Codec("libx264", 18, preset="veryfast"),
    "hevc": Codec("libx265", 20, preset="fast", options=(("x265-params", "log-level=error"),), min_side=16),
    "av1": Codec("libsvtav1", 28, 63, preset="8", min_side=64),
    "vp9": Codec(
        "libvpx-vp9",
        26,
        63,
        preset="5",
        preset_option="cpu-used",
        options=(("b", "0"), ("deadline", "good"), ("row-mt", "1")),
        even_sides=False,
    ),
    "ffv1": Codec("ffv1", options=(("level", "3"), ("slicecrc", "1"), ("g", "1")), even_sides=False),
}
"""Name of a codec, as ``--codec`` takes it -> its encoder and settings."""
