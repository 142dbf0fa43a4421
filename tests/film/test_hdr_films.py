"""Films of high dynamic range from file to file: luma, colour tags, and the data about display and light."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from support.videos import VideoRecipe, make_video

from colorize.color import PlaneFormat
from colorize.engine import Colorizer
from colorize.film import VideoOptions, colorize_video, decode_frames, probe
from colorize.film.pixels import read_own_planes, rgb_picture

TAGS = {"PQ": (9, 16, 9), "HLG": (9, 18, 9)}  # primaries, transfer, matrix (H.273)
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
SIZE = (64, 128)
RAMP = np.tile(np.linspace(64, 940, SIZE[1]).round().astype(np.uint16), (SIZE[0], 1))


def make_hdr(
    path: Path, curve: str, codec: str = "ffv1", parameters: str = "", chroma: tuple[int, int] = (512, 512)
) -> Path:
    """Write a film whose luma is a ramp of all levels, in BT.2020, with the same Cb and Cr everywhere."""
    options = {"x265-params": f"log-level=error:crf=1{parameters}"} if codec == "libx265" else {}
    with av.open(str(path), "w") as video:
        stream = video.add_stream(codec, 25, options=options)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p10le"
        frame = av.VideoFrame(SIZE[1], SIZE[0], "yuv420p10le")
        for index, plane in enumerate(frame.planes):
            rows = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
            rows[:, : plane.width] = RAMP if index == 0 else chroma[index - 1]
        for target in (stream.codec_context, frame):
            target.color_range = 1
            target.color_primaries, target.color_trc, target.colorspace = TAGS[curve]
        for index in range(3):
            frame.pts = index
            video.mux(stream.encode(frame))
        video.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("curve", TAGS)
def test_hdr_keeps_its_luma_and_says_what_it_is(tmp_path: Path, colorizer: Colorizer, curve: str) -> None:
    source = make_hdr(tmp_path / "a.mkv", curve)
    assert probe(source).hdr.system.name == curve
    result = colorize_video(source, tmp_path / "b.mkv", colorizer=colorizer, options=VideoOptions(codec="ffv1"))
    assert not result.notes
    (*_, frame) = decode_frames(probe(result.path))
    assert frame.image.format.name == "yuv420p10le"
    assert (frame.image.color_primaries, frame.image.color_trc, frame.image.colorspace) == TAGS[curve]
    y, cb, _ = (
        np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, : plane.width] for plane in frame.image.planes
    )
    np.testing.assert_array_equal(y, RAMP)
    assert np.ptp(cb) > 20


@pytest.mark.parametrize("codec", ["hevc", "h264", "av1"])
def test_display_and_light_are_written_into_the_stream(tmp_path: Path, colorizer: Colorizer, codec: str) -> None:
    source = make_hdr(tmp_path / "a.mp4", "PQ", "libx265", f":master-display={DISPLAY}:max-cll=1000,400")
    before = probe(source).hdr
    options = VideoOptions(codec=codec, temporal="off")
    result = colorize_video(source, tmp_path / "b.mp4", colorizer=colorizer, options=options)
    video = probe(result.path)
    assert video.samples.bits == 10
    assert video.hdr.system == before.system
    assert video.hdr.light == before.light == (1000, 400)
    for stated, own in zip(
        (*video.hdr.mastering.chromaticities, *video.hdr.mastering.luminances),
        (*before.mastering.chromaticities, *before.mastering.luminances),
        strict=True,
    ):
        assert abs(stated - own) <= max(4e-5, 1e-4 * own)  # AV1 counts in steps of 1 / 16384
    assert ("few players" in " ".join(result.notes)) == (codec == "h264")


def test_what_a_codec_does_not_say_of_hdr_is_named(tmp_path: Path, colorizer: Colorizer) -> None:
    source = make_hdr(tmp_path / "a.mp4", "PQ", "libx265", f":master-display={DISPLAY}:max-cll=1000,400")
    options = VideoOptions(codec="prores", temporal="off")
    result = colorize_video(source, tmp_path / "b.mov", colorizer=colorizer, options=options)
    assert probe(result.path).hdr.system == probe(source).hdr.system
    (note,) = result.notes
    assert str(source) in note
    assert "mastering display" in note
    assert "light levels" in note
    plain = make_hdr(tmp_path / "c.mkv", "HLG")
    assert not colorize_video(plain, tmp_path / "c.mov", colorizer=colorizer, options=options).notes


def test_frames_in_colour_keep_their_planes(tmp_path: Path, colorizer: Colorizer) -> None:
    video = probe(make_hdr(tmp_path / "a.mkv", "PQ", chroma=(400, 100)))
    image = next(decode_frames(video)).image
    planes = read_own_planes(video, image, PlaneFormat(10, "420", False, True, video.hdr.system))
    np.testing.assert_array_equal(planes[0], RAMP)
    assert [int(plane.min()) for plane in planes[1:]] == [int(plane.max()) for plane in planes[1:]] == [400, 100]
    with pytest.raises(ValueError, match="in colour already"):
        colorize_video(video.path, tmp_path / "b.mkv", colorizer=colorizer, options=VideoOptions(codec="ffv1"))


@pytest.mark.parametrize("strength", [0, 0.25])
def test_a_toned_film_keeps_its_tone_as_far_as_the_strength_asks(
    tmp_path: Path, colorizer: Colorizer, strength: float
) -> None:
    source = make_hdr(tmp_path / "a.mkv", "HLG", chroma=(490, 530))
    options = VideoOptions(codec="ffv1", temporal="off")
    planes = []
    for each in (strength, 1):
        path = tmp_path / f"{each}.mkv"
        colorize_video(source, path, colorizer=colorizer.adjusted(strength=each), options=options, force=True)
        video = probe(path)
        format = PlaneFormat(10, "420", False, True, video.hdr.system)
        planes.append(read_own_planes(video, next(decode_frames(video)).image, format))
    (y, *own), (_, *new) = planes
    np.testing.assert_array_equal(y, RAMP)
    for plane, colors, stated in zip(own, new, (490, 530), strict=True):
        assert np.abs(colors - float(stated)).max() > 20
        np.testing.assert_allclose(plane, strength * colors + (1 - strength) * float(stated), atol=1)


def test_pictures_of_hdr_are_shown_in_standard_range(tmp_path: Path) -> None:
    video = probe(make_hdr(tmp_path / "a.mkv", "PQ"))
    picture = rgb_picture(video, next(decode_frames(video)).image)
    white = np.abs(RAMP[0] - (64 + 0.58 * 876)).argmin()
    assert 0.85 < picture[0, white].mean() / 65535 < 0.95
    assert np.ptp(picture, axis=-1).max() < 700  # of 65,535: grey


def test_other_films_are_no_hdr(tmp_path: Path) -> None:
    assert probe(make_video(tmp_path / "a.mp4", VideoRecipe(2, transfer=1))).hdr is None
