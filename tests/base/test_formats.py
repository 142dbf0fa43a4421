"""The tables of containers and codecs: every entry is whole, FFmpeg knows it, and every surface offers it.

The tests take their names from the tables, so a new entry is tested at once; ``tests/film/test_films.py`` writes a film
in each of them.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import pytest

from colorize.base import (
    CODECS,
    CONTAINERS,
    DEFAULT_VIDEO_SUFFIX,
    VIDEO_SUFFIXES,
    Codec,
    Container,
    scheduling_kept,
    specs,
)
from colorize.color import PlaneFormat
from colorize.film import EncoderSettings, PictureFormat, VideoOptions

_RATE = Fraction(1, 30), Fraction(30)
MEDIA_TYPES = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "matroska": "video/x-matroska",
    "webm": "video/webm",
    "mxf": "application/mxf",
}
"""FFmpeg's name of a muxer -> its media type, as HTTP's world knows it."""


@pytest.mark.parametrize("suffix", CONTAINERS)
class TestContainer:
    def test_ffmpeg_knows_its_parts(self, suffix: str) -> None:
        container: Container = CONTAINERS[suffix]
        assert av.ContainerFormat(container.format, "w").is_output
        for encoder in filter(None, (container.audio, container.subtitles)):
            assert av.Codec(encoder, "w").is_encoder

    def test_it_holds_codecs_that_there_are(self, suffix: str) -> None:
        codecs = CONTAINERS[suffix].codecs
        assert codecs and set(codecs) <= set(CODECS) and len(set(codecs)) == len(codecs)

    def test_its_files_are_films_of_a_known_media_type(self, suffix: str) -> None:
        assert suffix in VIDEO_SUFFIXES
        assert CONTAINERS[suffix].media_type == MEDIA_TYPES[CONTAINERS[suffix].format]


@pytest.mark.parametrize("name", CODECS)
class TestCodec:
    def test_a_container_holds_it(self, name: str) -> None:
        assert any(name in container.codecs for container in CONTAINERS.values())

    def test_its_defaults_are_within_its_range(self, name: str) -> None:
        codec: Codec = CODECS[name]
        assert codec.crf is None or 0 <= codec.crf <= codec.max_crf
        assert codec.preset in (codec.presets or (None,))

    def test_the_encoder_takes_every_preset(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SVT_LOG", "1")  # it is read once in a process
        codec = CODECS[name]
        for preset in codec.presets or (None,):
            context = av.CodecContext.create(codec.encoder, "w")
            assert isinstance(context, av.VideoCodecContext)
            context.height, context.width = (max(64, side) for side in codec.min_size)
            chroma, bits = codec.chromas[0], codec.depths[0]
            format = PictureFormat((64, 64), *_RATE, planes=PlaneFormat(bits, chroma))
            context.pix_fmt = format.pixel_format
            context.time_base, context.framerate = _RATE
            context.options = EncoderSettings(name, preset=preset).options(format)
            with scheduling_kept():
                context.open()

    def test_the_encoder_takes_every_depth_and_chroma(self, name: str) -> None:
        codec = CODECS[name]
        known = {format.name for format in av.Codec(codec.encoder, "w").video_formats or ()}
        kinds = [(bits, chroma, False) for bits in codec.depths for chroma in codec.chromas]
        kinds += [(bits, codec.alpha_chroma, True) for bits in codec.alpha_depths]
        for bits, chroma, alpha in kinds:
            assert PictureFormat((2, 2), *_RATE, planes=PlaneFormat(bits, chroma), alpha=alpha).pixel_format in known


def test_the_default_container_is_written() -> None:
    assert DEFAULT_VIDEO_SUFFIX in CONTAINERS


def test_the_options_name_what_the_tables_hold() -> None:
    said = {setting.name: spec for setting, spec in specs(VideoOptions)}
    assert said["codec"].automatic == "h264; webm: vp9; mxf: dnxhr"
    assert said["crf"].automatic == "h264 18, hevc 20, av1 28, vp9 26"
    assert "h264 0..51" in said["crf"].help and "vp9 0..63" in said["crf"].help and said["crf"].high == 63
    assert said["preset"].automatic == "h264 veryfast, hevc fast, av1 8, vp9 5"


def test_the_usage_document_holds_what_the_tables_do() -> None:
    text = (Path(__file__).parents[2] / "docs" / "usage.md").read_text("utf-8")
    pattern = r"^\| `(\w+)`[^|]* \| ([^|]*) \| ([\d, ]+) \| ([\w, ()]+) \| (\w+) \| (\w+) \| ([^|]*) \| [^|]* \|$"
    rows = re.findall(pattern, text, re.MULTILINE)
    said = {name: (cells[0], cells[1], re.sub(r" \(\w+\)", "", cells[2]), *cells[3:]) for name, *cells in rows}
    said = {name: (*cells[:-1], cells[-1] != "no") for name, cells in said.items()}
    assert said == {
        name: (
            ", ".join(suffix[1:] for suffix, container in CONTAINERS.items() if name in container.codecs),
            ", ".join(map(str, codec.depths)),
            ", ".join(codec.chromas),
            "yes" if codec.interlaced else "no",
            "yes" if codec.captions else "no",
            bool(codec.alpha_depths),
        )
        for name, codec in CODECS.items()
    }
