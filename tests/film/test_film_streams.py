"""The other streams of films: sound, texts, chapters, attachments, covers, further video."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.quick import only_quick
from support.video_contents import packets_of, read_frames
from support.video_tracks import COVER, add_text, write_text
from support.videos import VideoRecipe, make_video, needs_rates

from colorize.engine import Colorizer
from colorize.film import VideoOptions, colorize_video, probe

OFF = VideoOptions(temporal="off")


def test_an_mp4s_other_streams_are_copied(tmp_path: Path, colorizer: Colorizer, short_segments: None) -> None:
    recipe = VideoRecipe(
        frames=40,
        sounds=["eng", "deu"],
        texts=["fra"],
        text_codec="mov_text",
        chapters=True,
        metadata={"title": "The Tramp", "comment": "from a nitrate print", "shelf": "12 B"},
    )
    path, out = make_video(tmp_path / "a.mp4", recipe), tmp_path / "b.mp4"
    result = colorize_video(path, out, colorizer=colorizer, options=OFF)
    assert result.notes == ()
    for stream in (1, 2):
        assert packets_of(out, stream) == packets_of(path, stream)
    lines = [line for line in packets_of(out, 3) if b"Line" in line[1]]
    assert lines == [line for line in packets_of(path, 3) if b"Line" in line[1]]
    assert len(lines) == 2
    with av.open(str(path)) as source, av.open(str(out)) as video:
        for one, other in zip(source.streams, video.streams, strict=True):
            assert (one.type, one.language, one.disposition) == (other.type, other.language, other.disposition)
        assert video.chapters() == source.chapters()
        assert video.metadata["title"] == "The Tramp"
        assert video.metadata["comment"].startswith("from a nitrate print; AI-colorized by colorize")


def test_a_matroskas_attachments_and_texts_are_copied(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = VideoRecipe(sounds=["eng"], texts=["eng", "fra"], attachment=True, chapters=True)
    path, out = make_video(tmp_path / "a.mkv", recipe), tmp_path / "b.mkv"
    assert colorize_video(path, out, colorizer=colorizer, options=OFF).notes == ()
    for stream in (1, 2, 3):
        assert packets_of(out, stream) == packets_of(path, stream)
    with av.open(str(out)) as video:
        (attachment,) = [stream for stream in video.streams if stream.type == "attachment"]
        assert (attachment.name, attachment.data) == ("font.ttf", b"not really a font")  # type: ignore[attr-defined]
        assert [stream.language for stream in video.streams.subtitles] == ["eng", "fra"]
        assert [chapter["metadata"]["title"] for chapter in video.chapters()] == ["One", "Two"]


def test_what_describes_the_uncoloured_frames_is_left_out(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = VideoRecipe(frames=2, attachment=True, attachment_name="RAWcooked reversibility data")
    result = colorize_video(
        make_video(tmp_path / "a.mkv", recipe), tmp_path / "b.mkv", colorizer=colorizer, options=OFF
    )
    (note,) = result.notes
    assert "RAWcooked reversibility data" in note
    with av.open(str(result.path)) as video:
        assert [stream.type for stream in video.streams] == ["video"]


def test_what_a_container_cannot_hold_is_converted_or_named(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = VideoRecipe(sounds=["eng"], sound_codec="pcm_s16le", texts=["fra"], attachment=True)
    path = make_video(tmp_path / "a.mkv", recipe)
    for suffix, sound, text in ((".mp4", "aac", "mov_text"), (".webm", "opus", "webvtt")):
        out = tmp_path / f"b{suffix}"
        result = colorize_video(path, out, colorizer=colorizer, options=OFF)
        assert [note.split(": ")[1].split(" ", 2)[2] for note in result.notes] == [
            f"(audio, pcm_s16le, eng) was converted to {'libopus' if sound == 'opus' else sound}, which "
            f"{suffix[1:]} holds",
            f"(subtitle, subrip, fra) was converted to {text}, which {suffix[1:]} holds",
            "(attachment, font.ttf) was left out",
        ]
        with av.open(str(out)) as video:
            assert [stream.codec_context.codec.canonical_name for stream in video.streams][1:] == [sound, text]
            samples = sum(frame.samples for frame in video.decode(audio=0))
            rate = video.streams.audio[0].codec_context.rate
            assert abs(samples / rate - 1) < 0.1
        words = [content for _, content in packets_of(out, 2)]
        assert sum(b"Line" in content for content in words) == 2


def film_with_channels(path: Path, layout: str) -> Path:
    """Write a film with PCM, the samples of each channel of which say its number, and return its path."""
    with av.open(str(path), "w") as film:
        pictures = film.add_stream("libx264", rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound = film.add_stream("pcm_s16le", rate=48000)
        sound.codec_context.layout = layout
        grey = VideoRecipe().grey(0)
        for _ in range(5):
            planes = np.vstack([grey, np.full((24, 64), 128, np.uint8)])
            film.mux(pictures.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        film.mux(pictures.encode(None))
        channels = sound.codec_context.channels
        samples = np.tile(1000 * (1 + np.arange(channels)), 9600).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        film.mux([*sound.encode(frame), *sound.encode(None)])
    return path


@pytest.mark.parametrize(("layout", "suffix"), [("quad", ".webm"), ("5.0", ".webm"), ("4 channels", ".mp4")])
def test_channels_that_are_mixed_are_named(tmp_path: Path, colorizer: Colorizer, layout: str, suffix: str) -> None:
    path = film_with_channels(tmp_path / "a.mov", layout)
    result = colorize_video(path, tmp_path / f"b{suffix}", colorizer=colorizer, options=OFF)
    (note,) = result.notes
    with av.open(str(result.path)) as film:
        assert film.streams.audio[0].codec_context.channels == 2
    assert f"its {5 if layout == '5.0' else 4} channels were mixed to 2" in note


@needs_rates
@pytest.mark.parametrize(("layout", "channels"), [("stereo", 2), ("quad", 4), ("16 channels", 16)])
def test_an_mxf_has_all_channels(tmp_path: Path, colorizer: Colorizer, layout: str, channels: int) -> None:
    path = film_with_channels(tmp_path / "a.mov", layout)
    options = VideoOptions(temporal="off", codec="prores")
    result = colorize_video(path, tmp_path / "b.mxf", colorizer=colorizer, options=options)
    with av.open(str(result.path)) as film:
        sound = np.concatenate([frame.to_ndarray().reshape(-1, channels) for frame in film.decode(audio=0)])
    np.testing.assert_array_equal(sound, np.tile(1000 * (1 + np.arange(channels)), (9600, 1)))
    assert result.notes == ()


@needs_rates
def test_a_text_that_is_left_out_and_ends_after_the_pictures_cuts_nothing_off(
    tmp_path: Path, colorizer: Colorizer
) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=25, rate=Fraction(25)))
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mkv"), "w") as film:
        pictures = film.add_stream_from_template(source.streams.video[0])
        text = add_text(film, "subrip", "eng")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = pictures
                film.mux(packet)
        write_text(film, text, (2000, 4000))
    options = VideoOptions(temporal="off", codec="prores")
    result = colorize_video(tmp_path / "b.mkv", tmp_path / "c.mxf", colorizer=colorizer, options=options)
    assert any("subtitle" in note for note in result.notes)
    assert result.cut_off is None


def covers_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as video:
        covers = [stream for stream in video.streams if stream.disposition & stream.disposition.attached_pic]
        return [bytes(packet) for packet in video.demux(covers) if packet.size]


@pytest.mark.parametrize(("source", "target"), [(".mp4", ".mp4"), (".mp4", ".mkv"), (".mkv", ".mkv"), (".mkv", ".mp4")])
def test_a_cover_is_kept(tmp_path: Path, colorizer: Colorizer, source: str, target: str) -> None:
    path = make_video(tmp_path / f"a{source}", VideoRecipe(frames=20, cover=True, sounds=["eng"]))
    assert covers_of(path) == [COVER]
    for number, start in enumerate((0, 0.3)):
        options = VideoOptions(start=start, temporal="off")
        result = colorize_video(path, tmp_path / f"{number}{target}", colorizer=colorizer, options=options)
        assert result.notes == ()
        assert covers_of(result.path) == [COVER]
        assert probe(result.path).size == (48, 64)


def test_what_a_cover_does_not_get_along_with_is_named(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=2, cover=True, metadata={"title": "T", "shelf": "12 B"}))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.notes == (f"{path}: tags left out (SHELF): an MP4 holds them or a cover; .mkv holds both",)
    assert covers_of(result.path) == [COVER]
    for suffix in (".mov", ".webm"):
        result = colorize_video(path, tmp_path / f"b{suffix}", colorizer=colorizer, options=OFF)
        kind = suffix[1:]
        assert result.notes == (
            f"{path}: stream 1 (cover, mjpeg) was left out: {kind} holds no cover; .mp4 and .mkv do",
        )


@pytest.mark.parametrize("suffix", only_quick([".mp4"], [".mkv"]))
def test_of_two_streams_of_pictures_the_coloured_one_comes_first(
    tmp_path: Path, colorizer: Colorizer, suffix: str
) -> None:
    recipe = VideoRecipe(
        frames=40, second_video=True, sounds=["eng"], options={"g": "25", "bf": "0", "sc_threshold": "0"}
    )
    path = make_video(tmp_path / f"a{suffix}", recipe)
    assert probe(path).stream == 1
    copied = f"{path}: stream 0 (video, h264) holds further pictures; it was copied as it is, not coloured"
    result = colorize_video(path, tmp_path / f"b{suffix}", colorizer=colorizer, options=OFF)
    assert result.notes == (copied,)
    assert [bytes for _, bytes in packets_of(result.path, 1)] == [bytes for _, bytes in packets_of(path, 0)]
    with av.open(str(result.path)) as video:
        first, second = video.streams.video
        assert (first.height, second.height) == (48, 32)
        assert first.disposition & first.disposition.default
        assert not second.disposition & second.disposition.default
    for start, end, frames in ((0.5, None, 15), (0.1, 0.6, 0)):  # copied from its next key frame on
        options = VideoOptions(start=start, end=end, temporal="off", overwrite=True)
        result = colorize_video(path, tmp_path / f"b{suffix}", colorizer=colorizer, options=options)
        with av.open(str(result.path)) as video:
            further = [frame for frame in video.decode(video=1)] if frames else []
        assert len(further) == frames
        none = f"{path}: stream 0 (video, h264) has no key frame in the span; nothing was copied"
        assert result.notes == ((copied,) if frames else (copied, none))


def test_a_damaged_sound_packet_does_not_end_the_film(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(sounds=["eng"]))
    with av.open(str(path)) as video:
        packet = [packet for packet in video.demux(audio=0) if packet.size][5]
        position, size = packet.pos, packet.size
    assert position is not None
    content = bytearray(path.read_bytes())
    content[position : position + size] = os.urandom(size)
    path.write_bytes(content)
    assert colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF).frames == 30
    assert packets_of(tmp_path / "b.mp4", 1) == packets_of(path, 1)
    assert colorize_video(path, tmp_path / "b.webm", colorizer=colorizer, options=OFF).frames == 30


def test_sound_of_an_unknown_codec_is_left_out_with_a_line(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(sounds=["eng"]))
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_ZZZ"))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.frames == 30
    assert [stream.type for stream in av.open(str(tmp_path / "b.mp4")).streams] == ["video"]
    (line,) = result.notes
    assert str(path) in line and "stream 1" in line and "left out" in line and "decoder" in line


def test_a_span_is_cut_out_of_all_streams(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = VideoRecipe(frames=60, sounds=["eng"], texts=["eng"], text_codec="mov_text", chapters=True)
    path, out = make_video(tmp_path / "a.mp4", recipe), tmp_path / "b.mp4"
    options = VideoOptions(start=0.4, end=1.2, temporal="off")
    assert colorize_video(path, out, colorizer=colorizer, options=options).frames == 24
    times, _ = read_frames(out)
    assert times == [Fraction(index, 30) for index in range(24)]
    with av.open(str(out)) as video:
        sound = [float(frame.pts * frame.time_base) for frame in video.decode(audio=0)]
        assert 0 <= sound[0] < 0.065
        assert sound[-1] < 0.8
        assert [(chapter["start"], chapter["end"]) for chapter in video.chapters()] == [(0, 600), (600, 800)]
    lines = [(time, content) for time, content in packets_of(out, 2) if b"Line" in content]
    assert [content[-1:] for _, content in lines] == [b"1"]
    assert lines[0][0] == pytest.approx(0.1, abs=0.01)


def test_texts_end_with_the_span(tmp_path: Path, colorizer: Colorizer) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=30, texts=["eng"]))  # lines from .1 and .5 on, .3 each
    options = VideoOptions(start=0.2, end=0.6, temporal="off")
    colorize_video(path, tmp_path / "b.mkv", colorizer=colorizer, options=options)
    with av.open(str(tmp_path / "b.mkv")) as video:
        lines = [
            (float(packet.pts * packet.time_base), float(packet.duration * packet.time_base))
            for packet in video.demux(subtitles=0)
            if packet.size
        ]
    np.testing.assert_allclose(lines, [(0, 0.2), (0.3, 0.1)], atol=1e-3)
