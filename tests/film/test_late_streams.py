"""Streams that begin within a transport stream, after its opening: they are left out, and all else is there."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
from support.videos import VideoRecipe, make_video

from colorize.engine import Colorizer
from colorize.film import colorize_video
from colorize.film.remux import RemuxReport, _packets
from colorize.film.video import read_packets

STUFFING = (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 4000  # packets that say nothing, as in recordings of a constant rate


def recording(folder: Path) -> tuple[Path, int]:
    """Write a film that has sound for two seconds alone, not at its beginning nor at its end; return its frames too."""
    ends = (0, 100, 120, 140)
    parts = []
    for begin, end in pairwise(ends):
        stamps = [9000 * number for number in range(begin, end)]  # a clock that runs on, of 90,000 a second
        sounds = ("eng",) if begin == 100 else ()
        recipe = VideoRecipe(rate=Fraction(10), pts=stamps, sounds=sounds, sound_codec="mp2")
        parts.append(make_video(folder / f"{begin}.ts", recipe).read_bytes())
    path = folder / "recording.ts"
    path.write_bytes(STUFFING.join(parts))
    return path, ends[-1]


def test_all_frames_of_a_recording_come_whose_sound_begins_late(tmp_path: Path, colorizer: Colorizer) -> None:
    path, frames = recording(tmp_path)
    with av.open(str(path)) as film:
        assert len(film.streams) == 1  # as it looks when it is opened
        assert sum(bool(packet.size) for packet in read_packets(film, film.streams.video[0])) == frames
    result = colorize_video(path, tmp_path / "out.mp4", colorizer=colorizer)
    assert result.frames == frames


def test_what_was_left_out_is_named() -> None:
    """Where PyAV notices it: whether it does hangs on memory that nobody has set."""

    def packets(_: list[object]) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(size=1)
        raise IndexError("list index out of range")

    report = RemuxReport()
    plan = SimpleNamespace(video=SimpleNamespace(path=Path("a.ts")))
    assert len(list(_packets(SimpleNamespace(demux=packets), [], plan, report))) == 1  # type: ignore[arg-type]
    assert report.lines == ["a.ts: a stream that begins within the film was left out"]
