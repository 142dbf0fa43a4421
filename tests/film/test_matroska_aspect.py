"""The pixels' aspect in Matroska and WebM: stated exactly, and nothing else of the file moved."""

from __future__ import annotations

import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from colorize.film.matroska_aspect import state_aspect

ENCODERS = {".mkv": "ffv1", ".webm": "libvpx-vp9"}


def film(path: Path, size: tuple[int, int]) -> Path:
    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream(ENCODERS[path.suffix], rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("libopus", rate=48000)
        for grey in (60, 90, 120):
            picture = np.full((height * 3 // 2, width), grey, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 960), np.int16), format="s16", layout="stereo")
        frame.rate, frame.pts = 48000, 0
        container.mux(sound.encode(frame))
        container.mux(stream.encode())
        container.mux(sound.encode())
    return path


def read(path: Path) -> tuple[Fraction | None, list[bytes]]:
    """Return the stated aspect and all packets."""
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux() if packet.size]
        container.seek(0)
        assert next(container.decode(video=0)).width
        return container.streams.video[0].sample_aspect_ratio, packets


@pytest.mark.parametrize("suffix", ENCODERS)
@pytest.mark.parametrize(
    ("size", "aspect"),
    [((720, 576), "16/15"), ((720, 576), "64/45"), ((720, 480), "10/11"), ((64, 48), "4/3"), ((64, 48), "2")],
)
def test_the_aspect_is_stated_exactly(tmp_path: Path, suffix: str, size: tuple[int, int], aspect: str) -> None:
    path = film(tmp_path / f"a{suffix}", size)
    before, length = read(path), path.stat().st_size
    assert before[0] in (None, 1)
    assert state_aspect(path, Fraction(aspect))
    assert read(path) == (Fraction(aspect), before[1]) and path.stat().st_size == length
    content = path.read_bytes()
    assert state_aspect(path, Fraction(3)) and path.read_bytes() == content  # what is stated stays


def test_checksums_are_made_anew(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", (64, 48))
    assert state_aspect(path, Fraction(4, 3))
    content = path.read_bytes()
    for element in (b"\x11\x4d\x9b\x74", b"\x16\x54\xae\x6b"):  # the index, in which its id stands too; the tracks
        begin = content.index(element, 200 if element[0] == 0x16 else 0) + 4
        length = 9 - content[begin].bit_length()
        size = int.from_bytes(content[begin : begin + length], "big") & ((1 << 7 * length) - 1)
        data = content[begin + length : begin + length + size]
        assert data[:2] == b"\xbf\x84"
        assert int.from_bytes(data[2:6], "little") == zlib.crc32(data[6:])


@pytest.mark.parametrize("spoiled", ["no room", "cut off", "other", "empty"])
def test_a_file_of_another_form_is_left_alone(tmp_path: Path, spoiled: str) -> None:
    path = film(tmp_path / "a.webm", (64, 48))
    content = path.read_bytes()
    tracks = content.index(b"\x16\x54\xae\x6b", 200)
    content = {
        "no room": content.replace(b"\xec\x01", b"\xbf\x01", 1),
        "cut off": content[: tracks + 20],
        "other": b"RIFF" + content[4:],
        "empty": b"",
    }[spoiled]
    path.write_bytes(content)
    assert not state_aspect(path, Fraction(4, 3)) and path.read_bytes() == content
