"""File formats of photos and films: suffixes, formats, containers and codecs. Tables only."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

PHOTO_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jif": "JPEG",
    ".jfif": "JPEG",
    ".jfi": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
    ".jp2": "JP2",
    ".jxl": "JXL",
}
"""Suffix of a photo -> its format; the photos that are read and written. Pillow's names, where Pillow writes them."""

READ_ONLY_SUFFIXES = {
    **dict.fromkeys((".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jph", ".jhc"), ".jp2"),
    **dict.fromkeys((".jls", ".jxr", ".wdp", ".hdp", ".pbm", ".pgm", ".ppm", ".pnm", ".pcx"), ".png"),
}
"""Suffix of a photo that is read but not written -> suffix of its result, which holds as much."""

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
    "jp2": ".jp2",
    "jxl": ".jxl",
}
"""Photo format, as ``--format`` takes it -> suffix of the result."""

FOREIGN_SUFFIXES = {
    **dict.fromkeys((".psd", ".psb"), "Photoshop"),
    **dict.fromkeys((".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2"), "camera raw"),
    ".dng": "DNG",
    **dict.fromkeys((".raf", ".orf", ".rw2", ".raw", ".pef", ".srw", ".x3f"), "camera raw"),
    **dict.fromkeys((".erf", ".mrw", ".3fr", ".fff", ".iiq", ".mos", ".kdc", ".dcr", ".rwl", ".gpr"), "camera raw"),
    **dict.fromkeys((".gif", ".tga", ".sgi", ".rgb", ".ras", ".pcd", ".pict", ".pct", ".ico", ".icns"), ""),
    **dict.fromkeys((".xcf", ".kra", ".ora", ".afphoto", ".cpt", ".psp", ".indd", ".ai", ".eps", ".svg"), ""),
    **dict.fromkeys((".pdf", ".djvu", ".djv", ".dcm", ".dicom", ".fits", ".fit", ".exr", ".hdr"), ""),
    **dict.fromkeys((".dpx", ".cin", ".jpm", ".jpt", ".flif", ".bpg", ".qoi"), ""),
    **dict.fromkeys((".r3d", ".braw"), "film"),
}
"""Suffix of a picture or film that a folder holds and that is not taken -> what it is; empty: as the suffix says."""

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".m2v", ".vob", ".ts", ".m2ts"),
        *(".mts", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".dv", ".rm", ".rmvb"),
        *(".qt", ".m1v", ".mpv", ".mpe", ".m2p", ".mp2v", ".h264", ".264", ".avc", ".h265", ".265", ".hevc", ".y4m"),
        *(".mod", ".tod", ".vro", ".m2t", ".tp", ".trp", ".wtv", ".dvr-ms", ".dif", ".gxf", ".ogm", ".amv"),
        *(".nut", ".drc", ".vc2", ".ivf", ".obu", ".mjpeg", ".mjpg", ".mj2", ".mk3d", ".flc", ".fli", ".bik", ".smk"),
    )
)
"""Suffixes of files that are taken for films; whether they are is seen when they are opened."""
SEGMENTS_SUFFIX = ".segments"  # of the folder of a film's finished segments, which are no films of their own
DEFAULT_VIDEO_SUFFIX = ".mp4"  # of films whose own container is not written


class Container(NamedTuple):
    """A film container that is written, and what it holds.

    Attributes:
        format: FFmpeg's name of its muxer.
        media_type: As HTTP names it.
        codecs: Names of ``CODECS`` that it holds; the first one is taken unless another is asked for.
        audio: FFmpeg's encoder for sound that the container cannot hold as it is.
        subtitles: FFmpeg's encoder for text that it cannot hold as it is; None: it holds no text.
        attachments: Whether it holds fonts and other files.
        covers: Whether it holds a cover picture as a stream.
        avoided_audio: Beginnings of the names of sound codecs that it may hold but that hardly a player reads from it.
        quicktime: Whether it is of QuickTime's family: an edit list says that what lies before time 0 is not played,
            the index can stand first, and tags have a form of their own.
        states_aspect: Whether FFmpeg states the pixels' aspect in it; if not, the codec does, or it is written
            afterwards (``film.matroska_aspect``).
        reel_names: Whether it holds the name of the reel that a timecode counts.
        deep_audio: As ``audio``, of sound with more than 16 bits; None: the same.
        audio_rate: Samples a second that its sound has to have; None: any.
        tag_prefix: What the names of its tags begin with.
        rates: Frames per second that it can have, one of them throughout, for it states no times: then it holds one
            stream of pictures, the first, and sound from its beginning to its end. Empty: any.
        chapters: Whether it holds chapters.
        field_order: Whether it states the fields' order itself, beside what the pictures state.
        stream_tags: Whether its streams have tags of their own.
        languages: Codes (ISO 639-2) of the languages that its streams can state; empty: all.
    """

    format: str
    media_type: str
    codecs: tuple[str, ...]
    audio: str
    subtitles: str | None = None
    attachments: bool = False
    covers: bool = False
    avoided_audio: tuple[str, ...] = ()
    quicktime: bool = False
    states_aspect: bool = True
    reel_names: bool = True
    deep_audio: str | None = None
    audio_rate: int | None = None
    tag_prefix: str = ""
    rates: tuple[Fraction, ...] = ()
    chapters: bool = True
    field_order: bool = True
    stream_tags: bool = True
    languages: frozenset[str] = frozenset()


_QUICKTIME_LANGUAGES = frozenset(
    (
        *("alb", "ara", "arm", "aze", "baq", "bel", "bul", "bur", "cat", "ces", "chi", "dan", "dut", "eng", "est"),
        *("fin", "fra", "geo", "ger", "gre", "heb", "hin", "hun", "ice", "ind", "ita", "jpn", "kaz", "kor", "lat"),
        *("lav", "lit", "mac", "may", "mlt", "nor", "per", "pol", "por", "ron", "rus", "slk", "slv", "spa", "sve"),
        *("tha", "tib", "tur", "ukr", "urd", "uzb", "vie", "wel", "yid"),
    )
)  # that FFmpeg has QuickTime's old numbers for
_MXF_RATES = (
    *(Fraction(rate * 1000, 1001) for rate in (24, 30, 60, 120)),
    *(Fraction(rate) for rate in (24, 25, 30, 48, 50, 60, 72, 75, 90, 96, 100, 120)),
)
_MP4 = Container(
    "mp4",
    "video/mp4",
    ("h264", "hevc", "av1", "vp9"),
    "aac",
    "mov_text",
    covers=True,
    avoided_audio=("pcm_", "mp1", "mp2", "vorbis"),
    quicktime=True,
    reel_names=False,
)
CONTAINERS = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container(
        "mov",
        "video/quicktime",
        ("h264", "hevc", "prores", "dnxhr"),
        "aac",
        "mov_text",
        quicktime=True,
        languages=_QUICKTIME_LANGUAGES,
    ),
    ".mkv": Container(
        "matroska",
        "video/x-matroska",
        ("h264", "hevc", "av1", "vp9", "ffv1", "prores"),
        "aac",
        "subrip",
        attachments=True,
        states_aspect=False,
    ),
    ".webm": Container("webm", "video/webm", ("vp9", "av1"), "libopus", "webvtt", states_aspect=False),
    ".mxf": Container(
        "mxf",
        "application/mxf",
        ("dnxhr", "prores"),
        "pcm_s16le",
        deep_audio="pcm_s24le",
        audio_rate=48000,
        reel_names=False,
        tag_prefix="comment_",
        rates=_MXF_RATES,
        chapters=False,
        field_order=False,
        stream_tags=False,
    ),
}
"""Suffix of a film -> the container that is written under it."""


class Profile(NamedTuple):
    """A profile of a codec.

    Attributes:
        name: As the encoder names it.
        tag: Its FourCC; None: the one that FFmpeg takes by itself.
    """

    name: str
    tag: str | None = None


class Codec(NamedTuple):
    """A video encoder and its settings.

    Attributes:
        encoder: FFmpeg's name.
        crf: Default constant rate factor, lower is better; None: it takes none.
        max_crf: Largest constant rate factor, the worst quality.
        preset: The encoder's preset for a fair exchange of time and size.
        presets: All presets that the encoder knows, from the fastest or from the slowest on; empty: it has none.
        preset_option: The encoder's name of the option that takes the preset.
        options: Further options of the encoder, (name, value).
        even_sides: Whether width and height have to be even.
        min_size: Least (height, width) in pixels.
        depths: Bits of a sample that it is written with, rising.
        chromas: Chroma that it is written with, ``420``, ``422`` or ``444``, from the least on.
        alpha_depths: Bits of a sample with which it holds alpha; empty: it holds none.
        alpha_chroma: The chroma with which it holds alpha.
        alpha_in: FFmpeg's names of the containers that hold its alpha, a stream of its own beside each picture; empty:
            the pictures' own stream holds it, in any container.
        is_mezzanine: Whether it is for further work, so that its chroma is the source's as far as it can.
        is_lossless: Whether the pictures that are read are those that were written.
        states_range: Whether its stream states full range, so that it can have it.
        profiles: Chroma -> the profile for it; empty: the encoder chooses.
        segments: FFmpeg's name of the muxer for its segments: NUT keeps every time base exactly, but not every codec;
            QuickTime does so where frames are not reordered.
        interlaced: Whether interlaced frames are encoded as such; if not, they are written as whole pictures.
        captions: Whether its stream holds closed captions beside the pictures.
        states_aspect: Whether its stream states the pixels' aspect itself.
        aspect_lost_in: FFmpeg's names of the containers that state the pixels' aspect of other codecs, but not of it.
        quicktime_tag: Its FourCC in QuickTime's family, where players do not know the one that FFmpeg takes by itself.
    """

    encoder: str
    crf: float | None = None
    max_crf: float = 51
    preset: str | None = None
    presets: tuple[str, ...] = ()
    preset_option: str = "preset"
    options: tuple[tuple[str, str], ...] = ()
    even_sides: bool = True
    min_size: tuple[int, int] = (2, 2)
    depths: tuple[int, ...] = (8,)
    chromas: tuple[str, ...] = ("420",)
    alpha_depths: tuple[int, ...] = ()
    alpha_chroma: str = "444"
    alpha_in: tuple[str, ...] = ()
    is_mezzanine: bool = False
    is_lossless: bool = False
    states_range: bool = False
    profiles: Mapping[str, Profile] = MappingProxyType({})
    segments: str = "nut"
    interlaced: bool = False
    captions: bool = False
    states_aspect: bool = False
    aspect_lost_in: tuple[str, ...] = ()
    quicktime_tag: str | None = None


_CHROMAS = ("420", "422", "444")
# Pictures of x264 and x265 depend on how many are encoded at once, which would follow from the cores; a film that goes
# on elsewhere would not be the same. Those of SVT-AV1, libvpx and FFV1 do not.
_X264_THREADS = "4"
_X265_FRAME_THREADS = "3"
_X264_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"),
)
CODECS = {
    "h264": Codec(
        "libx264",
        18,
        preset="veryfast",
        presets=_X264_PRESETS,
        options=(("threads", _X264_THREADS),),
        depths=(8, 10),
        chromas=_CHROMAS,
        states_range=True,
        interlaced=True,
        captions=True,
        states_aspect=True,
    ),
    "hevc": Codec(
        "libx265",
        20,
        preset="fast",
        presets=_X264_PRESETS,
        options=(("x265-params", f"log-level=error:frame-threads={_X265_FRAME_THREADS}"), ("a53cc", "1")),
        min_size=(32, 16),  # x265 (4.2) is not safe with less height
        depths=(8, 10),
        chromas=_CHROMAS,
        states_range=True,
        captions=True,
        states_aspect=True,
        quicktime_tag="hvc1",  # Apple's players know no other
    ),
    "av1": Codec(
        "libsvtav1",
        28,
        63,
        preset="8",
        presets=tuple(map(str, range(14))),
        min_size=(64, 64),
        depths=(8, 10),
        states_range=True,
    ),
    "vp9": Codec(
        "libvpx-vp9",
        26,
        63,
        preset="5",
        presets=tuple(map(str, range(9))),
        preset_option="cpu-used",
        options=(("b", "0"), ("deadline", "good"), ("row-mt", "1")),
        even_sides=False,
        chromas=_CHROMAS,
        alpha_depths=(8,),
        alpha_chroma="420",
        alpha_in=("webm", "matroska"),
        states_range=True,
    ),
    "ffv1": Codec(
        "ffv1",
        options=(("level", "3"), ("slicecrc", "1"), ("g", "1")),
        even_sides=False,
        depths=(8, 9, 10, 12, 14, 16),
        chromas=_CHROMAS,
        alpha_depths=(8, 10, 12, 16),
        is_mezzanine=True,
        is_lossless=True,
        states_range=True,
        interlaced=True,
    ),
    "prores": Codec(
        "prores_ks",
        options=(("vendor", "apl0"),),
        min_size=(16, 16),
        depths=(10,),
        chromas=("422", "444"),
        alpha_depths=(10,),
        is_mezzanine=True,
        profiles={"422": Profile("hq", "apch"), "444": Profile("4444", "ap4h")},
        segments="mov",
        interlaced=True,
    ),
    "dnxhr": Codec(
        "dnxhd",
        min_size=(120, 256),
        depths=(10,),
        chromas=("422", "444"),
        is_mezzanine=True,
        profiles={"422": Profile("dnxhr_hqx"), "444": Profile("dnxhr_444")},
        segments="mov",
        aspect_lost_in=("mxf",),
    ),
}
"""Name of a codec, as ``--codec`` takes it -> its encoder and settings."""
