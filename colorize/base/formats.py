"""Film files: their suffixes, what each container holds, and the encoders. Tables only, nothing heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".m2v", ".vob", ".ts", ".m2ts"),
        *(".mts", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".dv", ".rm", ".rmvb"),
        *(".qt", ".m1v", ".mpv", ".h264", ".264", ".h265", ".265", ".hevc", ".y4m"),
    )
)
"""Names that are taken for films; whether they are is seen when they are opened."""
DEFAULT_VIDEO_SUFFIX = ".mp4"  # of films whose own container we do not write


@dataclass(frozen=True)
class Container:
    """A kind of film file that is written.

    Attributes:
        format: FFmpeg's name of its muxer.
        codecs: Of the pictures, by the names of ``CODECS``; the first one is taken unless another is asked for.
        audio: Encoder for sound that the container cannot hold as it is.
        subtitles: Encoder for text that it cannot hold as it is; None: it holds none.
        attachments: Whether it holds fonts and other files.
        covers: Whether it holds a cover picture as a stream.
        shunned: Beginnings of the names of sound codecs that it may hold but that hardly a player reads from it.
        edits: Whether it can say that what lies before time 0 is not played.
    """

    format: str
    codecs: tuple[str, ...]
    audio: str
    subtitles: str | None = None
    attachments: bool = False
    covers: bool = False
    shunned: tuple[str, ...] = ()
    edits: bool = False


_MP4 = Container(
    "mp4",
    ("h264", "hevc", "av1", "vp9"),
    "aac",
    "mov_text",
    covers=True,
    shunned=("pcm_", "mp1", "mp2", "vorbis"),
    edits=True,
)
CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container("mov", ("h264", "hevc"), "aac", "mov_text", edits=True),
    ".mkv": Container("matroska", ("h264", "hevc", "av1", "vp9", "ffv1"), "aac", "subrip", attachments=True),
    ".webm": Container("webm", ("vp9", "av1"), "libopus", "webvtt"),
}
"""Suffix -> what is written under it."""


@dataclass(frozen=True)
class Codec:
    """How pictures are encoded.

    Attributes:
        encoder: FFmpeg's name.
        crf: Quality, lower is better; None: lossless.
        max_crf: The worst one.
        preset: Of the encoder, for a fair exchange of time and size.
        preset_option: What the encoder calls it.
        options: Further ones.
        even: Width and height have to be even.
        smallest: Least width and height in pixels.
    """

    encoder: str
    crf: float | None = None
    max_crf: float = 51
    preset: str | None = None
    preset_option: str = "preset"
    options: tuple[tuple[str, str], ...] = ()
    even: bool = True
    smallest: int = 2


CODECS = {
    "h264": Codec("libx264", 18, preset="veryfast"),
    "hevc": Codec("libx265", 20, preset="fast", options=(("x265-params", "log-level=error"),), smallest=16),
    "av1": Codec("libsvtav1", 28, 63, preset="8", smallest=64),
    "vp9": Codec(
        "libvpx-vp9",
        26,
        63,
        preset="5",
        preset_option="cpu-used",
        options=(("b", "0"), ("deadline", "good"), ("row-mt", "1")),
        even=False,
    ),
    "ffv1": Codec("ffv1", options=(("level", "3"), ("slicecrc", "1"), ("g", "1")), even=False),
}
"""Name, as ``--codec`` takes it -> encoder."""


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
"""Suffix -> format, Pillow's name."""

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
