"""The depth, chroma, range and alpha of results, and luma that is the film's own, bit for bit."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.video_contents import field_orders_of
from support.videos import VideoRecipe, make_video, needs_rates

from colorize.base import CODECS, VideoError
from colorize.color import Luma, PlaneFormat, StoredLuma, color_field_planes, color_planes, luma_of_grey
from colorize.engine import Colorizer
from colorize.film import (
    EncoderSettings,
    PictureFormat,
    SegmentEncoder,
    VideoOptions,
    VideoStopped,
    colorize_video,
    decode_frames,
    probe,
    read_luma,
    result_format,
)
from colorize.film.pixels import read_alpha

RAMP = np.arange(1024, dtype=np.uint16).reshape(32, 32)


def make_ramp(path: Path, format: str, levels: np.ndarray, frames: int = 3, alpha: np.ndarray | None = None) -> Path:
    """Write a film in FFV1 whose luma, or RGB, has these levels; its colour differences are neutral."""
    with av.open(str(path), "w") as video:
        stream = video.add_stream("ffv1", 25)
        stream.height, stream.width = levels.shape
        stream.pix_fmt = format
        for _ in range(frames):
            frame = av.VideoFrame(levels.shape[1], levels.shape[0], format)
            for index, plane in enumerate(frame.planes):
                bits = frame.format.components[index].bits
                rows = np.frombuffer(plane, np.uint8 if bits == 8 else np.uint16)
                rows = rows.reshape(plane.height, -1)
                own = levels if index == 0 or ("gbr" in format and index < 3) else 1 << (bits - 1)
                rows[:, : plane.width] = alpha if index == 3 and alpha is not None else own
            video.mux(stream.encode(frame))
        video.mux(stream.encode(None))
    return path


def planes_of(path: Path) -> tuple[av.VideoFrame, list[np.ndarray]]:
    """Return a film's last frame and its planes."""
    with av.open(str(path)) as video:
        *_, frame = video.decode(video=0)
    planes = []
    for plane, component in zip(frame.planes, frame.format.components, strict=True):
        rows = np.frombuffer(plane, np.uint8 if component.bits == 8 else np.uint16)
        planes.append(rows.reshape(plane.height, -1)[:, : plane.width].copy())
    return frame, planes


# --- planes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("chroma", ["420", "422", "444"])
def test_a_films_own_luma_stays_whatever_the_colours(bits: int, full_range: bool, chroma: str) -> None:
    random = np.random.default_rng(0)
    format = PlaneFormat(bits, chroma, full_range, own_luma=True)
    levels = random.integers(0, 1 << bits, (30, 42)).astype(format.dtype)
    luma = luma_of_grey(levels, bits, full_range)
    luma = Luma(luma.levels, stored=StoredLuma(levels, bits, full_range))
    y, cb, cr = color_planes(luma, random.normal(0, 30, (6, 8, 2)).astype(np.float32), format=format)
    np.testing.assert_array_equal(y, levels)
    assert y.dtype == cb.dtype == cr.dtype == format.dtype
    assert cb.shape == cr.shape == (15 if chroma == "420" else 30, 42 if chroma == "444" else 21)
    assert np.ptp(cb) > 0


@pytest.mark.parametrize(("bits", "full_range"), [(8, False), (10, False), (10, True), (16, True)])
def test_colour_differences_are_the_same_in_every_depth_and_range(bits: int, full_range: bool) -> None:
    levels = np.random.default_rng(1).integers(60, 190, (32, 48)).astype(np.uint8)
    ab = np.random.default_rng(2).normal(0, 15, (4, 6, 2)).astype(np.float32)
    format = PlaneFormat(bits, "420", full_range, own_luma=True)
    _, *plain = color_planes(Luma(levels), ab)
    _, *deep = color_planes(Luma(levels), ab, format=format)
    for plane, exact in zip(plain, deep, strict=True):
        difference = (exact.astype(float) - (1 << (bits - 1))) / format.levels()[2] * 224
        assert np.abs(difference - (plane.astype(float) - 128)).max() <= 0.5 + 150 / format.levels()[2]


def test_neutral_colours_are_neutral_in_every_depth() -> None:
    luma = luma_of_grey(RAMP, 10, False)
    for bits in (8, 10, 12, 16):
        _, cb, cr = color_planes(luma, np.zeros((4, 4, 2), np.float32), format=PlaneFormat(bits, "444", own_luma=True))
        for plane in (cb, cr):
            assert np.abs(plane.astype(int) - (1 << (bits - 1))).max() <= (1 << bits) / 65536 * 4


@pytest.mark.parametrize("target", [10, 12, 16])
def test_all_levels_of_ten_bits_are_there(target: int) -> None:
    for full_range in (False, True):
        stored = StoredLuma(RAMP, 10, full_range)
        levels = stored.converted(PlaneFormat(target, full_range=full_range))
        assert len(np.unique(levels)) == 1024
        back = StoredLuma(levels, target, full_range).converted(PlaneFormat(10, full_range=full_range))
        np.testing.assert_array_equal(back, RAMP)


def test_fields_have_their_own_colours_in_every_chroma() -> None:
    random = np.random.default_rng(0)
    woven = random.integers(64, 940, (32, 24)).astype(np.uint16)
    ab = random.normal(0, 20, (1, 1, 2)).astype(np.float32)
    format = PlaneFormat(10, "422", own_luma=True)
    stored = StoredLuma(woven, 10, False)
    luma = Luma(luma_of_grey(woven, 10, False).levels, stored=stored)
    planes = color_field_planes(luma, ab, format=format)
    np.testing.assert_array_equal(planes[0], woven)
    for parity in (0, 1):
        for plane, alone in zip(planes, color_planes(luma.field(parity), ab, format=format), strict=True):
            np.testing.assert_array_equal(plane[parity::2], alone)


@pytest.mark.parametrize("format", ["gray10le", "yuv420p10le", "yuv422p10le", "yuv444p10le", "gbrp10le"])
def test_the_stored_levels_are_read_from_every_format(tmp_path: Path, format: str) -> None:
    video = probe(make_ramp(tmp_path / "a.mkv", format, RAMP))
    luma = read_luma(video, next(decode_frames(video)).image, keep_stored=True)
    full_range = format[0] == "g"
    y, _, _ = color_planes(luma, np.full((2, 2, 2), 20, np.float32), format=PlaneFormat(10, "444", full_range, True))
    np.testing.assert_array_equal(y, RAMP)


def test_alpha_is_read_in_any_depth(tmp_path: Path) -> None:
    video = probe(make_ramp(tmp_path / "a.mkv", "yuva444p10le", RAMP, alpha=RAMP[::-1]))
    image = next(decode_frames(video)).image
    np.testing.assert_array_equal(read_alpha(video, image, 10), RAMP[::-1])
    assert np.abs(read_alpha(video, image, 8) - RAMP[::-1] / 1023 * 255).max() <= 0.5
    for format in ("rgba", "gbrap", "ya8"):
        assert (
            np.abs(read_alpha(video, image.reformat(format=format), 8) - RAMP[::-1] / 1023 * 255).max() < 1.5
        )  # swscale rounds
    opaque = read_alpha(video, image.reformat(format="yuv420p"), 10)
    assert (opaque == 1023).all()


# --- segments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CODECS)
def test_every_depth_and_chroma_of_a_codec_is_encoded_and_read(tmp_path: Path, name: str) -> None:
    codec = CODECS[name]
    size = tuple(max(64, side) for side in codec.min_size)
    kinds = [(bits, chroma, False) for bits in codec.depths for chroma in codec.chromas]
    kinds += [(bits, codec.alpha_chroma, True) for bits in codec.alpha_depths]
    for bits, chroma, alpha in kinds:
        planes = PlaneFormat(bits, chroma, codec.states_range, own_luma=True)
        format = PictureFormat(size, Fraction(1, 1000), Fraction(25), planes=planes, alpha=alpha)
        written = [plane.copy() for plane in format.black()]
        written[0][:] = np.linspace(0.2, 0.8, size[1]) * ((1 << bits) - 1)
        encoder = SegmentEncoder(tmp_path / "a", format, EncoderSettings(name))
        for index in range(3):
            encoder.write(written, index * 40, 40)
        encoder.close()
        if alpha and codec.alpha_in:
            assert (alphas_of(tmp_path / "a") == 255).all()
            continue
        frame, (y, *others) = planes_of(tmp_path / "a")
        depth = frame.format.components[0].bits  # FFmpeg reads ProRes 4444 as 12 bits
        assert (
            frame.format.name.replace("yuvj", "yuv") == replace(format, planes=replace(planes, bits=depth)).pixel_format
        )
        assert depth == bits or (name, chroma) == ("prores", "444")
        assert np.abs(y / (1 << depth) - written[0] / (1 << bits)).mean() < (1e-9 if codec.is_lossless else 0.006)
        assert len(others) == 2 + alpha


# --- films -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "bits", "expected"),
    [
        ("gray", 8, "yuv420p"),
        ("gray10le", 10, "yuv420p10le"),
        ("yuv422p10le", 10, "yuv422p10le"),
        ("yuv444p12le", 12, "yuv444p12le"),
        ("gray16le", 16, "yuv420p16le"),
        ("gbrp16le", 16, "yuv444p16le"),
    ],
)
def test_ffv1_keeps_the_films_luma_and_depth(
    tmp_path: Path, colorizer: Colorizer, format: str, bits: int, expected: str
) -> None:
    levels = (
        np.linspace(0, (1 << bits) - 1, 48 * 64).round().reshape(48, 64).astype(np.uint8 if bits == 8 else np.uint16)
    )
    source = make_ramp(tmp_path / "a.mkv", format, levels)
    result = colorize_video(source, tmp_path / "b.mkv", colorizer=colorizer, options=VideoOptions(codec="ffv1"))
    frame, (y, *_) = planes_of(tmp_path / "b.mkv")
    assert frame.format.name == expected
    assert (frame.color_range == 2) == (format[0] == "g")
    np.testing.assert_array_equal(y, levels)
    assert not result.notes


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "prores"])
def test_ten_bits_come_out_as_ten(tmp_path: Path, colorizer: Colorizer, codec: str) -> None:
    levels = np.linspace(64, 940, 64 * 96).round().reshape(64, 96).astype(np.uint16)
    source = make_ramp(tmp_path / "a.mkv", "yuv422p10le", levels)
    options = VideoOptions(codec=codec, crf=None if codec == "prores" else 1)
    colorize_video(source, tmp_path / "b.mkv", colorizer=colorizer, options=options)
    frame, (y, cb, _) = planes_of(tmp_path / "b.mkv")
    assert frame.format.name == ("yuv422p10le" if codec == "prores" else "yuv420p10le")
    assert np.abs(y.astype(int) - levels).mean() < 3  # of 1023, encoded
    assert np.ptp(cb) > 4


def test_less_than_the_film_has_is_named(tmp_path: Path, colorizer: Colorizer) -> None:
    source = make_ramp(tmp_path / "a.mkv", "gray12le", np.full((48, 64), 2000, np.uint16))
    lines = {}
    for name, options in {"ten": VideoOptions(), "eight": VideoOptions(bit_depth="8"), "all": VideoOptions()}.items():
        out = tmp_path / (name + (".mkv" if name == "all" else ".mp4"))
        options = VideoOptions(codec="ffv1") if name == "all" else options
        lines[name] = " ".join(colorize_video(source, out, colorizer=colorizer, options=options).notes)
        frame, _ = planes_of(out)
        assert frame.format.components[0].bits == {"ten": 10, "eight": 8, "all": 12}[name]
    assert "12 bits" in lines["ten"]
    assert "became 8" in lines["eight"]
    assert not lines["all"]


@pytest.mark.parametrize(("name", "value"), [("bit_depth", "8"), ("chroma", "420")])
def test_what_a_codec_does_not_have_is_refused(tmp_path: Path, colorizer: Colorizer, name: str, value: str) -> None:
    source = make_video(tmp_path / "a.mp4", VideoRecipe(2))
    with pytest.raises(VideoError, match=f"--{name.replace('_', '-')} {value}: prores"):
        colorize_video(
            source, tmp_path / "b.mov", colorizer=colorizer, options=VideoOptions(codec="prores", **{name: value})
        )


@pytest.mark.parametrize(("codec", "suffix"), [("prores", ".mov"), ("ffv1", ".mkv")])
def test_transparency_is_kept_where_the_codec_can(
    tmp_path: Path, colorizer: Colorizer, codec: str, suffix: str
) -> None:
    alpha = np.linspace(0, 1023, 48 * 64).round().reshape(48, 64).astype(np.uint16)
    levels = np.full((48, 64), 500, np.uint16)
    source = make_ramp(tmp_path / "a.mkv", "yuva444p10le", levels, alpha=alpha)
    result = colorize_video(source, tmp_path / ("b" + suffix), colorizer=colorizer, options=VideoOptions(codec=codec))
    frame, planes = planes_of(result.path)
    assert len(planes) == 4
    bits = frame.format.components[3].bits
    np.testing.assert_allclose(planes[3] / ((1 << bits) - 1), alpha / 1023, atol=0.001)
    assert not any("transparency" in note for note in result.notes)


# --- codecs and containers for further work --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mov", pytest.param(".mxf", marks=needs_rates), ".mkv"])
def test_prores_goes_on_after_a_stop_frame_by_frame(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, suffix: str
) -> None:
    recipe = VideoRecipe(24, codec="ffv1", pixel_format="yuv422p10le", metadata={"timecode": "10:00:00:00"})
    source = make_video(tmp_path / "a.mkv", recipe)
    options = VideoOptions(codec="prores", temporal="off")
    whole = colorize_video(source, tmp_path / ("whole" + suffix), colorizer=colorizer, options=options)
    stop = threading.Event()
    with pytest.raises(VideoStopped):
        colorize_video(
            source,
            tmp_path / ("b" + suffix),
            colorizer=colorizer,
            options=options,
            progress=lambda progress: stop.set() if progress.done > 4 else None,
            cancel=stop,
        )
    result = colorize_video(source, tmp_path / ("b" + suffix), colorizer=colorizer, options=options)
    assert 0 < result.resumed < 24
    contents = []
    for path in (whole.path, result.path):
        with av.open(str(path)) as video:
            stream = video.streams.video[0]
            packets = [(packet.pts * packet.time_base, bytes(packet)) for packet in video.demux(stream) if packet.size]
            assert (video.metadata | stream.metadata).get("timecode", "10:00:00:00") == "10:00:00:00"
        contents.append(packets)
    assert contents[0] == contents[1]
    tolerance = 0.001 if suffix == ".mkv" else 1e-9  # Matroska counts milliseconds
    np.testing.assert_allclose([float(time) for time, _ in contents[0]], np.arange(24) / 30, atol=tolerance)


@pytest.mark.parametrize(("chroma", "tag"), [("422", b"apch"), ("444", b"ap4h")])
def test_prores_states_its_profile(tmp_path: Path, colorizer: Colorizer, chroma: str, tag: bytes) -> None:
    source = make_video(tmp_path / "a.mp4", VideoRecipe(3))
    for suffix in (".mov", ".mkv"):
        options = VideoOptions(codec="prores", chroma=chroma, temporal="off")
        colorize_video(source, tmp_path / ("b" + suffix), colorizer=colorizer, options=options)
        assert tag in (tmp_path / ("b" + suffix)).read_bytes()


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize("suffix", [".mov", pytest.param(".mxf", marks=needs_rates)])
def test_prores_keeps_the_field_order(tmp_path: Path, colorizer: Colorizer, suffix: str, order: str) -> None:
    source = make_video(tmp_path / "a.mkv", VideoRecipe(4, codec="ffv1", field_order=order))
    out = tmp_path / ("b" + suffix)
    result = colorize_video(source, out, colorizer=colorizer, options=VideoOptions(codec="prores", temporal="off"))
    assert field_orders_of(out) == [order] * 4
    assert any("interlaced" in note for note in result.notes) == (suffix == ".mxf")


@needs_rates
def test_mxf_has_a_timecode_and_steady_sound(tmp_path: Path, colorizer: Colorizer) -> None:
    recipe = VideoRecipe(
        40, sounds=["eng"], texts=["eng"], chapters=True, metadata={"timecode": "01:00:00:00", "title": "A film"}
    )
    source = make_video(tmp_path / "a.mkv", recipe)
    options = VideoOptions(codec="prores", temporal="off", start=0.5)
    result = colorize_video(source, tmp_path / "b.mxf", colorizer=colorizer, options=options)
    with av.open(str(result.path)) as video:
        sound = video.streams.audio[0]
        assert (sound.codec_context.name, sound.rate) == ("pcm_s24le", 48000)
        assert video.metadata["timecode"] == "01:00:00:15"
        assert video.metadata["comment_title"] == "A film"
        assert "AI-colorized" in video.metadata["comment_software"]
        counts = {"audio": 0, "video": 0}
        for frame in video.decode():
            counts["audio" if isinstance(frame, av.AudioFrame) else "video"] += getattr(frame, "samples", 1)
    assert counts == {"video": 25, "audio": 25 * 1600}
    lines = " ".join(result.notes)
    assert "pcm_s24le of 48 kHz" in lines
    assert "subtitle" in lines
    assert "chapters" in lines
    assert "language eng" in lines


@needs_rates
def test_mxf_shows_frames_again_where_the_film_has_gaps(tmp_path: Path, colorizer: Colorizer) -> None:
    pts = [3000 * index for index in (*range(40), *range(43, 150))]  # one step of a hundred is a splice
    source = make_video(tmp_path / "a.mkv", VideoRecipe(pts=pts, sounds=["eng"]))
    options = VideoOptions(codec="prores")
    result = colorize_video(source, tmp_path / "b.mxf", colorizer=colorizer, options=options)
    with av.open(str(result.path)) as video:
        packets = [bytes(packet) for packet in video.demux(video=0) if packet.size]
    assert len(packets) == 150
    assert packets[39] == packets[40] == packets[42] != packets[43]
    assert any("3 times" in note for note in result.notes)


@pytest.mark.parametrize(("rate", "varies"), [(17, False), (30, True)])
def test_a_rate_that_mxf_does_not_have_is_refused_first(
    tmp_path: Path, colorizer: Colorizer, rate: int, varies: bool
) -> None:
    pts = [0, 3000, 7000, 8000, 16000, 17000, 25000, 26000] if varies else None
    source = make_video(tmp_path / "a.mkv", VideoRecipe(8, rate=Fraction(rate), pts=pts))
    with pytest.raises(VideoError, match=r"frame rate (is 17|varies).*\.mov"):
        colorize_video(source, tmp_path / "b.mxf", colorizer=colorizer, options=VideoOptions(codec="prores"))
    assert list(tmp_path.iterdir()) == [source]


def test_mxf_is_refused_first_where_pyav_states_no_rate(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_format, "states_rate_of_copies", lambda: False)  # as 17.1, the last for Python 3.10
    source = make_video(tmp_path / "a.mkv", VideoRecipe(2))
    with pytest.raises(VideoError, match=r"a\.mkv.*PyAV 18\.1.*\.mov"):
        colorize_video(source, tmp_path / "b.mxf", colorizer=colorizer, options=VideoOptions(codec="prores"))
    assert list(tmp_path.iterdir()) == [source]


# --- alpha beside the pictures ---------------------------------------------------------------------------------------


def make_alpha_webm(path: Path, frames: int) -> Path:
    """Write a WebM in which a transparent bar moves by a pixel with each frame."""
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libvpx-vp9", 25, options={"cpu-used": "8", "crf": "4", "b": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        for index in range(frames):
            frame = av.VideoFrame(64, 48, "yuva420p")
            for number, plane in enumerate(frame.planes):
                rows = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
                rows[:, : plane.width] = 255 if number == 3 else 128
                if number == 0:
                    rows[:, :64] = np.linspace(40, 200, 64).round()
                    rows[20:40, 2 * index : 2 * index + 8] = 220
                if number == 3:
                    rows[8:40, index : index + 16] = 0
            video.mux(stream.encode(frame))
        video.mux(stream.encode(None))
    return path


def alphas_of(path: Path) -> np.ndarray:
    """Return the alpha of a film's frames, (n, H, W)."""
    video = probe(path)
    return np.stack([read_alpha(video, frame.image, 8) for frame in decode_frames(video)])


@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_a_webms_transparency_is_kept_also_after_a_stop(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, suffix: str
) -> None:
    source = make_alpha_webm(tmp_path / "a.webm", 24)
    options, stop = VideoOptions(codec="vp9", crf=4, temporal="off"), threading.Event()
    out = tmp_path / ("b" + suffix)
    with pytest.raises(VideoStopped):
        colorize_video(
            source,
            out,
            colorizer=colorizer,
            options=options,
            progress=lambda progress: stop.set() if progress.done > 4 else None,
            cancel=stop,
        )
    result = colorize_video(source, out, colorizer=colorizer, options=options)
    assert 0 < result.resumed < 24
    assert not result.notes
    alphas = alphas_of(out)
    assert alphas.shape == (24, 48, 64)
    assert np.abs(alphas.astype(int) - alphas_of(source)).mean(axis=(1, 2)).max() < 2
    with av.open(str(out)) as video:
        stream = video.streams.video[0]
        times = [float(packet.pts * packet.time_base) for packet in video.demux(stream) if packet.size]
        assert {name.lower(): value for name, value in stream.metadata.items()}["alpha_mode"] == "1"
    np.testing.assert_allclose(times, np.arange(24) / 25, atol=0.001)


@pytest.mark.parametrize(("suffix", "options"), [(".mp4", {"codec": "vp9"}), (".webm", {"chroma": "444"})])
def test_a_webms_transparency_that_is_lost_is_named(
    tmp_path: Path, colorizer: Colorizer, suffix: str, options: dict[str, str]
) -> None:
    source = make_alpha_webm(tmp_path / "a.webm", 3)
    out = tmp_path / ("b" + suffix)
    (note,) = colorize_video(source, out, colorizer=colorizer, options=VideoOptions(**options)).notes
    assert "transparency" in note
    assert not probe(out).has_alpha
