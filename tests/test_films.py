"""From film to film: nothing lost, frame for frame; every stream copied; every fault named."""

from __future__ import annotations

import errno
import os
import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from made_films import COVER, FilmRecipe, damage_frame, make_film, read_frames

from colorize.colorizer import Colorizer
from colorize.contact import contact_sheet, is_in_color
from colorize.errors import FilmError
from colorize.faults import clock, ranges
from colorize.films import FilmOptions, FilmResult, FilmStopped, Progress, colorize_video
from colorize.generator import Generator
from colorize.overlap import Line, ahead
from colorize.temporal import TemporalOptions
from colorize.video import Span, probe

OFF = FilmOptions(temporal=TemporalOptions("off"))


@pytest.fixture(scope="module")
def colorizer(small_generator: Generator) -> Colorizer:
    return Colorizer(small_generator, device="cpu", render_size=32)


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of ten frames at 30 frames a second."""
    monkeypatch.setattr("colorize.films.PART_SECONDS", (1 / 3, 1 / 3))


def sent(path: Path, stream: int) -> list[tuple[float, bytes]]:
    """Return time and content of a stream's packets."""
    with av.open(str(path)) as film:
        packets = [packet for packet in film.demux(film.streams[stream]) if packet.size]
        return [(float((packet.pts or 0) * packet.time_base), bytes(packet)) for packet in packets]


def luma_of(path: Path) -> np.ndarray:
    _, frames = read_frames(path)
    return frames[:, : frames.shape[1] * 2 // 3].astype(int)


# --- the pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["off", "fast", "best"])
def test_a_film_gets_colours_and_keeps_its_frames_times_and_lightness(
    tmp_path: Path, colorizer: Colorizer, short_parts: None, mode: Any
) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(frames=34, scene_cut=15))
    before = path.read_bytes()
    out = tmp_path / "b.mp4"
    result = colorize_video(path, out, colorizer=colorizer, options=FilmOptions(temporal=TemporalOptions(mode), crf=4))
    assert result == FilmResult(out, 34)
    assert path.read_bytes() == before
    times, frames = read_frames(out)
    assert times == [Fraction(index, 30) for index in range(34)]
    chroma = frames[:, 48:].astype(int) - 128
    assert np.abs(chroma).mean() > 2
    own = np.stack([FilmRecipe(frames=34, scene_cut=15).grey(index) for index in range(34)]).astype(int)
    assert np.abs(luma_of(out) - own).mean() < 8  # a colour's luma differs from its grey's
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4"]


def test_frames_are_those_of_single_calls(tmp_path: Path, colorizer: Colorizer, short_parts: None) -> None:
    path = make_film(tmp_path / "a.mkv", FilmRecipe(frames=13, codec="ffv1"))
    out = tmp_path / "b.mkv"
    colorize_video(path, out, colorizer=colorizer, options=FilmOptions(codec="ffv1", temporal=TemporalOptions("off")))
    _, frames = read_frames(out, format="rgb24")
    grey = ((FilmRecipe().grey(11).astype(float) - 16) * 255 / 219).round().clip(0, 255).astype(np.uint8)
    moved = np.abs(frames[11].astype(int) - colorizer(grey).astype(int))
    assert moved.mean() < 2.5  # 4:2:0 against 4:4:4


@pytest.mark.parametrize(
    ("codec", "suffix", "found"),
    [
        ("h264", ".mp4", "h264"),
        ("hevc", ".mp4", "hevc"),
        ("av1", ".mkv", "av1"),
        ("vp9", ".webm", "vp9"),
        ("ffv1", ".mkv", "ffv1"),
    ],
)
def test_every_codec_writes_what_a_browser_understands(
    tmp_path: Path,
    colorizer: Colorizer,
    short_parts: None,
    capfd: pytest.CaptureFixture[str],
    codec: str,
    suffix: str,
    found: str,
) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(frames=24, size=(64, 80), aspect=Fraction(4, 3)))
    out = tmp_path / f"b{suffix}"
    options = FilmOptions(codec=codec, temporal=TemporalOptions("off"))
    result = colorize_video(path, out, colorizer=colorizer, options=options)
    assert "[info]" not in capfd.readouterr().err  # encoders that talk
    times, frames = read_frames(out)
    np.testing.assert_allclose([float(time) for time in times], np.arange(24) / 30, atol=6e-4)
    assert frames.shape == (24, 96, 80)
    with av.open(str(out)) as film:
        pictures = film.streams.video[0]
        context = pictures.codec_context
        assert context.codec.canonical_name == found
        assert context.pix_fmt == "yuv420p"
        first = next(film.decode(video=0))
        tags = {first.color_range, first.colorspace, first.color_primaries, first.color_trc}
        assert tags == {1}
        if suffix != ".mp4":
            assert "aspect 4/3 cannot be stated" in result.notes[0]
        else:
            assert context.sample_aspect_ratio == Fraction(4, 3)
            assert not result.notes
        assert pictures.average_rate == 30
    if codec == "hevc":
        assert b"hvc1" in out.read_bytes()


def test_parts_are_joined_so_that_every_place_can_be_reached(
    tmp_path: Path, colorizer: Colorizer, short_parts: None
) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(frames=45, sounds=["eng"]))
    out = tmp_path / "b.mp4"
    colorize_video(path, out, colorizer=colorizer, options=OFF)
    content = out.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays while it loads
    with av.open(str(out)) as film:
        packets = [packet for packet in film.demux(video=0) if packet.size]
        assert {index for index, packet in enumerate(packets) if packet.is_keyframe} >= {0, 10, 20, 30, 40}
        decoding = [packet.dts for packet in packets]
        assert all(b > a for a, b in pairwise(decoding))  # type: ignore[operator]
        assert all((packet.pts or 0) >= (packet.dts or 0) for packet in packets)
        assert any(packet.pts != packet.dts for packet in packets)  # frames that are stored in another order
        _, whole = read_frames(out)
        pictures = film.streams.video[0]
        film.seek(int(Fraction(32, 30) / (pictures.time_base or 1)), stream=pictures)
        frame = next(film.decode(pictures))
        assert frame.pts * frame.time_base == 1
        np.testing.assert_array_equal(frame.to_ndarray(), whole[30])


def test_odd_rates_gaps_and_a_late_start_survive(tmp_path: Path, colorizer: Colorizer, short_parts: None) -> None:
    ticks = [45_000 + 2998 * index + (7 * index * index % 900) for index in range(30)]
    path = make_film(tmp_path / "a.mp4", FilmRecipe(ticks=ticks, rate=Fraction(45000, 1499), sounds=["eng"]))
    out = tmp_path / "b.mp4"
    colorize_video(path, out, colorizer=colorizer, options=OFF)
    times, _ = read_frames(out)
    assert times == [Fraction(tick, 90_000) for tick in ticks]
    assert sent(out, 1) == sent(path, 1)


@pytest.mark.parametrize("angle", [90, 180])
def test_a_turned_film_is_written_upright(tmp_path: Path, colorizer: Colorizer, angle: int) -> None:
    recipe = FilmRecipe(frames=3, turn=angle, aspect=Fraction(4, 3), options={"crf": "1"})
    path = make_film(tmp_path / "a.mp4", recipe)
    out = tmp_path / "b.mp4"
    colorize_video(path, out, colorizer=colorizer, options=OFF)
    with av.open(str(out)) as film:
        frame = next(film.decode(video=0))
        assert frame.rotation == 0
        assert film.streams.video[0].sample_aspect_ratio == (Fraction(3, 4) if angle == 90 else Fraction(4, 3))
    own = np.rot90(recipe.grey(0), angle // 90).astype(int)
    assert np.abs(luma_of(out)[0] - own).mean() < 8


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_interlaced_films_stay_interlaced(tmp_path: Path, colorizer: Colorizer, order: str) -> None:
    path = make_film(tmp_path / "a.mkv", FilmRecipe(frames=8, fields=order))
    colorize_video(path, tmp_path / "b.mkv", colorizer=colorizer, options=OFF)
    assert probe(tmp_path / "b.mkv").fields == order
    result = colorize_video(
        path, tmp_path / "c.webm", colorizer=colorizer, options=FilmOptions(temporal=TemporalOptions("off"))
    )
    assert any("is interlaced" in note for note in result.notes)


def test_odd_sizes_get_an_edge_and_say_so(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_film(tmp_path / "a.mkv", FilmRecipe(frames=3, size=(47, 63), codec="ffv1"))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.notes == (f"{path}: 63 x 47 is odd; a row and a column, copied from the edge, made it 64 x 48",)
    assert probe(tmp_path / "b.mp4").size == (48, 64)
    options = FilmOptions(codec="vp9", temporal=TemporalOptions("off"))
    result = colorize_video(path, tmp_path / "c.webm", colorizer=colorizer, options=options)
    assert result.notes == ()
    assert probe(tmp_path / "c.webm").size == (47, 63)


@pytest.mark.parametrize(
    ("transfer", "curve", "white"), [(16, "PQ", "a middle grey"), (18, "HLG", "a light grey"), (1, None, "")]
)
def test_hdr_brightness_is_told(
    tmp_path: Path, colorizer: Colorizer, transfer: int, curve: str | None, white: str
) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(frames=2, pixels="yuv420p10le", transfer=transfer))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert probe(path).hdr == curve
    lines = [note for note in result.notes if f"HDR ({curve}) brightness is read as if it were SDR" in note]
    assert len(lines) == len(result.notes) == (curve is not None)
    assert all(f"white becomes {white}; " in line for line in lines)
    assert probe(tmp_path / "b.mp4").hdr is None


def test_strength_zero_is_the_film_itself(tmp_path: Path, small_generator: Generator) -> None:
    path = make_film(tmp_path / "a.mkv", FilmRecipe(frames=3, codec="ffv1"))
    colorizer = Colorizer(small_generator, device="cpu", render_size=32, strength=0)
    out = tmp_path / "b.mkv"
    colorize_video(path, out, colorizer=colorizer, options=FilmOptions(codec="ffv1", temporal=TemporalOptions("off")))
    np.testing.assert_array_equal(read_frames(out)[1], read_frames(path)[1])


def test_one_frame_is_a_film(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(frames=1))
    for mode in ("off", "fast", "best"):
        options = FilmOptions(temporal=TemporalOptions(mode), overwrite=True)
        assert colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=options).frames == 1
    assert len(read_frames(tmp_path / "b.mp4")[0]) == 1


# --- all that lies beside the pictures -------------------------------------------------------------------------------


def test_an_mp4s_other_streams_are_copied(tmp_path: Path, colorizer: Colorizer, short_parts: None) -> None:
    recipe = FilmRecipe(
        frames=40,
        sounds=["eng", "deu"],
        texts=["fra"],
        text_codec="mov_text",
        chapters=True,
        metadata={"title": "The Tramp", "comment": "from a nitrate print", "shelf": "12 B"},
    )
    path, out = make_film(tmp_path / "a.mp4", recipe), tmp_path / "b.mp4"
    result = colorize_video(path, out, colorizer=colorizer, options=OFF)
    assert result.notes == ()
    for stream in (1, 2):
        assert sent(out, stream) == sent(path, stream)
    lines = [line for line in sent(out, 3) if b"Line" in line[1]]
    assert lines == [line for line in sent(path, 3) if b"Line" in line[1]]
    assert len(lines) == 2
    with av.open(str(path)) as source, av.open(str(out)) as film:
        for one, other in zip(source.streams, film.streams, strict=True):
            assert (one.type, one.language, one.disposition) == (other.type, other.language, other.disposition)
        assert film.chapters() == source.chapters()
        assert film.metadata["title"] == "The Tramp"
        assert film.metadata["comment"].startswith("from a nitrate print; AI-colorized by colorize")


def test_a_matroskas_attachments_and_texts_are_copied(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = FilmRecipe(sounds=["eng"], texts=["eng", "fra"], attachment=True, chapters=True)
    path, out = make_film(tmp_path / "a.mkv", recipe), tmp_path / "b.mkv"
    assert colorize_video(path, out, colorizer=colorizer, options=OFF).notes == ()
    for stream in (1, 2, 3):
        assert sent(out, stream) == sent(path, stream)
    with av.open(str(out)) as film:
        (attachment,) = [stream for stream in film.streams if stream.type == "attachment"]
        assert (attachment.name, attachment.data) == ("font.ttf", b"not really a font")  # type: ignore[attr-defined]
        assert [stream.language for stream in film.streams.subtitles] == ["eng", "fra"]
        assert [chapter["metadata"]["title"] for chapter in film.chapters()] == ["One", "Two"]


def test_what_a_container_cannot_hold_is_converted_or_named(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = FilmRecipe(sounds=["eng"], sound_codec="pcm_s16le", texts=["fra"], attachment=True)
    path = make_film(tmp_path / "a.mkv", recipe)
    for suffix, sound, text in ((".mp4", "aac", "mov_text"), (".webm", "opus", "webvtt")):
        out = tmp_path / f"b{suffix}"
        result = colorize_video(path, out, colorizer=colorizer, options=OFF)
        assert [note.split(": ")[1].split(" ", 2)[2] for note in result.notes] == [
            f"(audio, pcm_s16le, eng) was converted to {'libopus' if sound == 'opus' else sound}, which "
            f"{suffix[1:]} holds",
            f"(subtitle, subrip, fra) was converted to {text}, which {suffix[1:]} holds",
            "(attachment, font.ttf) was left out",
        ]
        with av.open(str(out)) as film:
            assert [stream.codec_context.codec.canonical_name for stream in film.streams][1:] == [sound, text]
            samples = sum(frame.samples for frame in film.decode(audio=0))
            rate = film.streams.audio[0].codec_context.rate
            assert abs(samples / rate - 1) < 0.1
        words = [content for _, content in sent(out, 2)]
        assert sum(b"Line" in content for content in words) == 2


def covers_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as film:
        covers = [stream for stream in film.streams if stream.disposition & stream.disposition.attached_pic]
        return [bytes(packet) for packet in film.demux(covers) if packet.size]


@pytest.mark.parametrize(("source", "target"), [(".mp4", ".mp4"), (".mp4", ".mkv"), (".mkv", ".mkv"), (".mkv", ".mp4")])
def test_a_cover_is_kept(tmp_path: Path, colorizer: Colorizer, source: str, target: str) -> None:
    path = make_film(tmp_path / f"a{source}", FilmRecipe(frames=20, cover=True, sounds=["eng"]))
    assert covers_of(path) == [COVER]
    for number, start in enumerate((0, 0.3)):
        options = FilmOptions(start=start, temporal=TemporalOptions("off"))
        result = colorize_video(path, tmp_path / f"{number}{target}", colorizer=colorizer, options=options)
        assert result.notes == ()
        assert covers_of(result.path) == [COVER]
        assert probe(result.path).size == (48, 64)


def test_what_a_cover_does_not_get_along_with_is_named(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_film(tmp_path / "a.mkv", FilmRecipe(frames=2, cover=True, metadata={"title": "T", "shelf": "12 B"}))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.notes == (f"{path}: tags left out (SHELF): an MP4 holds them or a cover; .mkv holds both",)
    assert covers_of(result.path) == [COVER]
    for suffix in (".mov", ".webm"):
        result = colorize_video(path, tmp_path / f"b{suffix}", colorizer=colorizer, options=OFF)
        kind = suffix[1:]
        assert result.notes == (
            f"{path}: stream 1 (cover, mjpeg) was left out: {kind} holds no cover; .mp4 and .mkv do",
        )


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_of_two_streams_of_pictures_the_coloured_one_comes_first(
    tmp_path: Path, colorizer: Colorizer, suffix: str
) -> None:
    recipe = FilmRecipe(frames=40, further=True, sounds=["eng"], options={"g": "25", "bf": "0", "sc_threshold": "0"})
    path = make_film(tmp_path / f"a{suffix}", recipe)
    assert probe(path).stream == 1
    copied = f"{path}: stream 0 (video, h264) holds further pictures; it was copied as it is, not coloured"
    result = colorize_video(path, tmp_path / f"b{suffix}", colorizer=colorizer, options=OFF)
    assert result.notes == (copied,)
    assert [bytes for _, bytes in sent(result.path, 1)] == [bytes for _, bytes in sent(path, 0)]
    with av.open(str(result.path)) as film:
        first, second = film.streams.video
        assert (first.height, second.height) == (48, 32)
        assert first.disposition & first.disposition.default
        assert not second.disposition & second.disposition.default
    for start, end, frames in ((0.5, None, 15), (0.1, 0.6, 0)):  # copied from its next key frame on
        options = FilmOptions(start=start, end=end, temporal=TemporalOptions("off"), overwrite=True)
        result = colorize_video(path, tmp_path / f"b{suffix}", colorizer=colorizer, options=options)
        with av.open(str(result.path)) as film:
            further = [frame for frame in film.decode(video=1)] if frames else []
        assert len(further) == frames
        none = f"{path}: stream 0 (video, h264) has no key frame in the span; nothing was copied"
        assert result.notes == ((copied,) if frames else (copied, none))


def test_a_damaged_sound_packet_does_not_end_the_film(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(sounds=["eng"]))
    with av.open(str(path)) as film:
        packet = [packet for packet in film.demux(audio=0) if packet.size][5]
        position, size = packet.pos, packet.size
    assert position is not None
    content = bytearray(path.read_bytes())
    content[position : position + size] = os.urandom(size)
    path.write_bytes(content)
    assert colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF).frames == 30
    assert sent(tmp_path / "b.mp4", 1) == sent(path, 1)
    assert colorize_video(path, tmp_path / "b.webm", colorizer=colorizer, options=OFF).frames == 30


def test_a_span_is_cut_out_of_all_streams(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = FilmRecipe(frames=60, sounds=["eng"], texts=["eng"], text_codec="mov_text", chapters=True)
    path, out = make_film(tmp_path / "a.mp4", recipe), tmp_path / "b.mp4"
    options = FilmOptions(start=0.4, end=1.2, temporal=TemporalOptions("off"))
    assert colorize_video(path, out, colorizer=colorizer, options=options).frames == 24
    times, _ = read_frames(out)
    assert times == [Fraction(index, 30) for index in range(24)]
    with av.open(str(out)) as film:
        sound = [float(frame.pts * frame.time_base) for frame in film.decode(audio=0)]
        assert 0 <= sound[0] < 0.065
        assert sound[-1] < 0.8
        assert [(chapter["start"], chapter["end"]) for chapter in film.chapters()] == [(0, 600), (600, 800)]
    lines = [(time, content) for time, content in sent(out, 2) if b"Line" in content]
    assert [content[-1:] for _, content in lines] == [b"1"]
    assert lines[0][0] == pytest.approx(0.1, abs=0.01)


def test_texts_end_with_the_span(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_film(tmp_path / "a.mkv", FilmRecipe(frames=30, texts=["eng"]))  # lines from .1 and .5 on, .3 each
    options = FilmOptions(start=0.2, end=0.6, temporal=TemporalOptions("off"))
    colorize_video(path, tmp_path / "b.mkv", colorizer=colorizer, options=options)
    with av.open(str(tmp_path / "b.mkv")) as film:
        lines = [
            (float(packet.pts * packet.time_base), float(packet.duration * packet.time_base))
            for packet in film.demux(subtitles=0)
            if packet.size
        ]
    np.testing.assert_allclose(lines, [(0, 0.2), (0.3, 0.1)], atol=1e-3)


# --- stopping and going on -------------------------------------------------------------------------------------------


def stop_after(frames: int, cancel: threading.Event) -> Any:
    def follow(progress: Progress) -> None:
        if progress.done >= frames:
            cancel.set()

    return follow


@pytest.mark.parametrize("mode", ["off", "fast", "best"])
def test_a_stopped_film_goes_on_and_equals_an_uninterrupted_one(
    tmp_path: Path, colorizer: Colorizer, short_parts: None, mode: Any
) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(frames=100, scene_cut=37, sounds=["eng"]))
    options = FilmOptions(temporal=TemporalOptions(mode))
    colorize_video(path, tmp_path / "whole.mp4", colorizer=colorizer, options=options)
    out, cancel = tmp_path / "b.mp4", threading.Event()
    with pytest.raises(FilmStopped, match=r"stopped after \d+ of 100 frames; the same command goes on"):
        colorize_video(path, out, colorizer=colorizer, options=options, progress=stop_after(15, cancel), cancel=cancel)
    assert not out.exists()
    finished = len(list((tmp_path / "b.mp4.parts").glob("*.npz")))
    assert 2 <= finished < 10
    seen: list[Progress] = []
    result = colorize_video(path, out, colorizer=colorizer, options=options, progress=seen.append)
    assert result == FilmResult(out, 100, resumed=10 * finished)
    assert seen[0] == Progress(10 * finished, 100)
    assert seen[-1] == Progress(100, 100, "joining")
    times, frames = read_frames(out)
    expected_times, expected = read_frames(tmp_path / "whole.mp4")
    assert times == expected_times
    np.testing.assert_array_equal(frames, expected)
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4", "whole.mp4"]


def test_a_crash_at_any_moment_leaves_whole_parts(
    tmp_path: Path, colorizer: Colorizer, short_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(frames=45))
    colorize_video(path, tmp_path / "whole.mp4", colorizer=colorizer, options=OFF)
    replace, left = os.replace, [0]

    def crash(source: Any, target: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        replace(source, target)

    out = tmp_path / "b.mp4"
    for moves in (1, 2, 3, 3, 1, 2):  # each run gets a little further, and dies between two files
        left[0] = moves
        monkeypatch.setattr("os.replace", crash)
        with pytest.raises(KeyboardInterrupt):
            colorize_video(path, out, colorizer=colorizer, options=OFF)
        assert not out.exists()
    monkeypatch.setattr("os.replace", replace)
    result = colorize_video(path, out, colorizer=colorizer, options=OFF)
    assert result.resumed > 0
    np.testing.assert_array_equal(read_frames(out)[1], read_frames(tmp_path / "whole.mp4")[1])


def test_changed_settings_or_weights_start_afresh_and_say_so(
    tmp_path: Path, colorizer: Colorizer, small_generator: Generator, short_parts: None
) -> None:
    path, out = make_film(tmp_path / "a.mp4", FilmRecipe(frames=60)), tmp_path / "b.mp4"

    def stop(options: FilmOptions = OFF) -> None:
        cancel = threading.Event()
        with pytest.raises(FilmStopped):
            colorize_video(
                path, out, colorizer=colorizer, options=options, progress=stop_after(12, cancel), cancel=cancel
            )

    stop()
    stop(FilmOptions(crf=30, temporal=TemporalOptions("off")))
    stop()
    other = Colorizer(small_generator, device="cpu", render_size=32, saturation=0.5)
    result = colorize_video(path, out, colorizer=other, options=OFF)
    assert result.resumed == 0
    assert result.notes == (f"{path}: earlier parts were made with other settings; starting afresh",)
    out.unlink()
    stop()
    weights = Generator(small_generator.config).eval()
    result = colorize_video(path, out, colorizer=Colorizer(weights, device="cpu", render_size=32), options=OFF)
    assert result.notes == (f"{path}: earlier parts were made with other weights; starting afresh",)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_a_lost_frame_is_named_and_the_film_goes_on(tmp_path: Path, colorizer: Colorizer, short_parts: None) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(options={"bf": "0", "g": "100"}))
    damage_frame(path, 12, bytes(40))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.frames == 30
    expected = f"{path}: frame 12 (at 0:00:00.4) is damaged and cannot be decoded; the frame before stands in for it"
    assert result.notes == (expected,)
    assert len(read_frames(tmp_path / "b.mp4")[0]) == 30


def test_a_film_that_is_cut_off_gives_what_it_has_and_says_so(tmp_path: Path, colorizer: Colorizer) -> None:
    whole = make_film(tmp_path / "whole.mkv", FilmRecipe(frames=120, codec="ffv1", sounds=["eng"]))
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = colorize_video(path, tmp_path / "b.mkv", colorizer=colorizer, options=OFF)
    assert result.cut_off is not None
    assert "cut off: it ends at 0:00:0" in result.cut_off
    assert 30 < result.frames < 90
    assert len(read_frames(tmp_path / "b.mkv")[0]) == result.frames


def test_a_size_that_changes_midway_is_scaled_and_named(tmp_path: Path, colorizer: Colorizer) -> None:
    first = make_film(tmp_path / "1.ts", FilmRecipe(frames=10))
    ticks = [3000 * index for index in range(10, 20)]
    second = make_film(tmp_path / "2.ts", FilmRecipe(frames=10, size=(96, 128), ticks=ticks))
    path = tmp_path / "a.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.frames == 20
    assert [note.split(": ")[1] for note in result.notes] == [
        "10 frames (10-19; from 0:00:00.3 on) are of another size than the first; scaled to 64 x 48"
    ]
    _, frames = read_frames(tmp_path / "b.mp4")
    assert frames.shape == (20, 72, 64)


@pytest.mark.parametrize(
    ("out", "options", "words"),
    [
        ("b.avi", OFF, "written as .mp4"),
        ("b.txt", OFF, "written as .mp4"),
        ("b.webm", FilmOptions(codec="h264"), "does not hold h264; choose .mp4"),
        ("b.mp4", FilmOptions(codec="ffv1"), "does not hold ffv1; choose .mkv"),
        ("b.mp4", FilmOptions(codec="av1"), "too small for av1 (at least 64 x 64)"),
        ("b.mp4", FilmOptions(crf=60), "--crf 60 is not within 0..51"),
        ("b.mkv", FilmOptions(codec="ffv1", crf=5), "is lossless"),
        ("b.mp4", FilmOptions(preset="hasty"), "it knows ultrafast, superfast"),
        ("b.mp4", FilmOptions(start=5), "no frame between the start at 0:00:05.0 and the end; the film lasts 0:00:01"),
        ("b.mp4", FilmOptions(start=1, end=1), "is not after the start"),
        ("a.mp4", OFF, "would replace the film itself"),
        ("link.mp4", OFF, "would replace the film itself"),
    ],
)
def test_what_cannot_be_done_is_named_and_leaves_nothing(
    tmp_path: Path, colorizer: Colorizer, out: str, options: FilmOptions, words: str
) -> None:
    path = make_film(tmp_path / "a.mp4")
    (tmp_path / "link.mp4").symlink_to(path)
    before = path.read_bytes()
    with pytest.raises(FilmError) as caught:
        colorize_video(path, tmp_path / out, colorizer=colorizer, options=options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "link.mp4"]


def test_results_are_not_overwritten_unasked(tmp_path: Path, colorizer: Colorizer) -> None:
    path, out = make_film(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    out.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="--overwrite"):
        colorize_video(path, out, colorizer=colorizer, options=OFF)
    assert out.read_bytes() == b"precious"


def test_an_encoder_that_is_missing_is_named(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_film(tmp_path / "a.mp4")

    def missing(name: str, mode: str) -> None:
        raise ValueError(name)

    monkeypatch.setattr("av.Codec", missing)
    with pytest.raises(FilmError, match=r"no encoder libx264; choose another --codec: hevc, av1, vp9, ffv1"):
        colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)


def test_a_film_that_vanishes_keeps_the_finished_parts(tmp_path: Path, colorizer: Colorizer, short_parts: None) -> None:
    path, out = make_film(tmp_path / "a.mp4", FilmRecipe(frames=30)), tmp_path / "b.mp4"
    hidden = tmp_path / "hidden.mp4"

    def vanish(progress: Progress) -> None:
        if progress.done == 15 and path.exists():
            path.rename(hidden)

    with pytest.raises(FileNotFoundError, match=r"a\.mp4: no such file"):
        colorize_video(path, out, colorizer=colorizer, options=OFF, progress=vanish)
    with pytest.raises(FileNotFoundError, match=r"a\.mp4: no such file"):
        colorize_video(path, out, colorizer=colorizer, options=OFF)
    hidden.rename(path)
    assert colorize_video(path, out, colorizer=colorizer, options=OFF).resumed == 30


def test_a_full_disk_keeps_the_finished_parts(
    tmp_path: Path, colorizer: Colorizer, short_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = make_film(tmp_path / "a.mp4", FilmRecipe(frames=40)), tmp_path / "b.mp4"
    from colorize.encoder import PartEncoder

    write, written = PartEncoder.write, []

    def full(self: PartEncoder, *arguments: Any) -> None:
        written.append(1)
        if len(written) == 25:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, *arguments)

    monkeypatch.setattr(PartEncoder, "write", full)
    with pytest.raises(OSError, match="No space"):
        colorize_video(path, out, colorizer=colorizer, options=OFF)
    assert not out.exists()
    assert colorize_video(path, out, colorizer=colorizer, options=OFF).resumed == 20


# --- grey or colour --------------------------------------------------------------------------------------------------


def test_a_film_in_colour_is_told_from_a_grey_one(tmp_path: Path) -> None:
    assert not is_in_color(probe(make_film(tmp_path / "grey.mp4", FilmRecipe(frames=20))))
    assert is_in_color(probe(make_film(tmp_path / "colour.mp4", FilmRecipe(frames=20, color=True))))
    mixed = make_film(tmp_path / "mixed.mp4", FilmRecipe(frames=40, color=True, color_until=10))
    assert not is_in_color(probe(mixed))
    assert is_in_color(probe(mixed), Span(Fraction(0), Fraction(1, 4)))


@pytest.mark.parametrize("name", ["a.mkv", "a.h264"])
def test_films_without_a_duration_are_sampled_too(tmp_path: Path, colorizer: Colorizer, name: str) -> None:
    film = probe(make_film(tmp_path / name, FilmRecipe(frames=40, color=True, piped=True, options={"g": "10"})))
    assert is_in_color(film)
    assert contact_sheet(colorizer, film, 5).shape[0] > 2 * 48
    path = make_film(tmp_path / f"grey-{name}", FilmRecipe(frames=40, piped=True, options={"g": "10"}))
    assert not is_in_color(probe(path))
    seen: list[Progress] = []
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF, progress=seen.append)
    assert (result.frames, seen[0], result.notes) == (40, Progress(0, 40), ())
    assert len(read_frames(tmp_path / "b.mp4")[0]) == 40


def test_the_contact_sheet_shows_frames_in_colour(tmp_path: Path, colorizer: Colorizer) -> None:
    film = probe(make_film(tmp_path / "a.mp4", FilmRecipe(frames=40)))
    sheet = contact_sheet(colorizer, film, 5)
    assert sheet.dtype == np.uint8
    assert sheet.shape[0] > 2 * 48
    assert np.abs(sheet[..., 0].astype(int) - sheet[..., 2]).mean() > 3


# --- small things ----------------------------------------------------------------------------------------------------


def test_numbers_and_times_read_well() -> None:
    assert ranges([3, 4, 5, 9]) == "3-5, 9"
    assert ranges([7]) == "7"
    assert ranges(list(range(0, 40, 2))).endswith("14, ...")
    assert clock(3725.04) == "1:02:05.0"
    assert clock(59.97) == "0:01:00.0"


def test_work_ahead_is_bounded_and_passes_errors_on() -> None:
    made: list[int] = []

    def numbers() -> Any:
        for number in range(100):
            made.append(number)
            yield number
        raise RuntimeError("the end")

    items = ahead(numbers(), 4)
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert len(made) <= 6
    with pytest.raises(RuntimeError, match="the end"):
        list(ahead(numbers(), 4))
    done: list[int] = []
    line = Line(3, "test")
    for number in range(20):
        line.add(done.append, number)
    line.finish()
    assert done == list(range(20))
    line.add(int, "x")
    line.add(done.append, 20)  # not after a failure
    with pytest.raises(ValueError, match="invalid literal"):
        line.finish()
    line.close()
    assert done == list(range(20))
