"""Films as they are stored: time stamps, orientation, levels of every kind, damage; and their planes in colour."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_films import FilmRecipe, add_cover, damage_frame, make_film

from colorize.encoder import EncoderSettings, PartEncoder, PictureFormat
from colorize.errors import FilmError
from colorize.frames import read_luma, rgb_picture
from colorize.lab import rgb_to_lightness
from colorize.luma import Luma, color_planes, luma_of_grey, luma_of_rgb, luma_of_yuv
from colorize.shots import read_shots, sample
from colorize.turn import Turn
from colorize.video import Span, probe
from colorize.yuv import YuvSystem

BT709, BT601 = YuvSystem(0.2126, 0.0722), YuvSystem(0.299, 0.114)
NTSC = Fraction(45000, 1499)


def times(path: Path, span: Span = Span()) -> list[Fraction]:  # noqa: B008
    film = probe(path)
    return [shot.ticks * film.time_base for shot in read_shots(film, span)]


def to_rgb(planes: tuple[np.ndarray, ...], system: YuvSystem = BT709) -> np.ndarray:
    """Return 4:2:0 planes as 16-bit RGB, each colour sample for its own four pixels."""
    y, cb, cr = (np.repeat(np.repeat(plane, step, 0), step, 1) for plane, step in zip(planes, (1, 2, 2), strict=True))
    yuv = np.stack([y, cb[: y.shape[0], : y.shape[1]], cr[: y.shape[0], : y.shape[1]], np.ones_like(y)], axis=-1)
    return np.clip(yuv.astype(np.float64) @ system.to_rgb().T, 0, 65535).round().astype(np.uint16)


# --- what a file says about itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("a.mp4", FilmRecipe(sounds=["eng"])),
        ("a.mov", FilmRecipe()),
        ("a.mkv", FilmRecipe(codec="ffv1")),
        ("a.webm", FilmRecipe(codec="libvpx-vp9")),
        ("a.avi", FilmRecipe(codec="mpeg4", time_base=Fraction(1, 30), options={"bf": "0"})),
        ("a.mpg", FilmRecipe(codec="mpeg1video", time_base=Fraction(1, 30))),
        ("a.ts", FilmRecipe()),
    ],
)
def test_every_container_is_probed_and_read(tmp_path: Path, name: str, recipe: FilmRecipe) -> None:
    film = probe(make_film(tmp_path / name, recipe))
    assert film.size == (48, 64)
    assert film.rate == 30
    shots = list(read_shots(film))
    assert [shot.index for shot in shots] == list(range(30))
    expected = np.arange(30) / 30 + float(shots[0].ticks * film.time_base)
    np.testing.assert_allclose([float(shot.ticks * film.time_base) for shot in shots], expected, atol=6e-4)
    assert [shot.fault for shot in shots] == [None] * 30
    assert np.abs(read_luma(film, shots[7].frame).levels.astype(int) - recipe.grey(7)).mean() < 6


def test_odd_rates_gaps_and_a_late_start_are_kept_to_the_tick(tmp_path: Path) -> None:
    odd = FilmRecipe(rate=NTSC, ticks=[2998 * index for index in range(12)])
    assert times(make_film(tmp_path / "odd.mp4", odd)) == [Fraction(2998 * index, 90_000) for index in range(12)]
    ticks = [45_000, 48_000, 51_000, 90_000, 93_000, 93_500, 180_000]
    uneven = FilmRecipe(ticks=ticks, sounds=["eng"])
    path = make_film(tmp_path / "uneven.mp4", uneven)
    assert times(path) == [Fraction(tick, 90_000) for tick in ticks]
    assert probe(path).rate != 30


def test_a_clock_that_starts_anywhere_is_set_to_zero(tmp_path: Path) -> None:
    recipe = FilmRecipe(ticks=[9_000_000 + 3000 * index for index in range(20)])
    film = probe(make_film(tmp_path / "late.ts", recipe))
    assert film.origin > 90
    assert abs(float(next(read_shots(film)).ticks * film.time_base)) < 0.1


def test_a_span_is_read_from_its_first_frame_on(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(frames=90, options={"g": "15"}))
    span = Span(Fraction(2), Fraction(5, 2))
    film = probe(path)
    shots = list(read_shots(film, span))
    assert [shot.ticks * film.time_base for shot in shots] == [Fraction(index, 30) for index in range(15)]
    without_a_jump = list(read_shots(film, span, jump=False))
    for shot, other in zip(shots, without_a_jump, strict=True):
        np.testing.assert_array_equal(shot.frame.to_ndarray(), other.frame.to_ndarray())


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("a.mp4", FilmRecipe(frames=150, options={"g": "40"})),
        ("a.mkv", FilmRecipe(frames=150, options={"g": "250", "x264-params": "open-gop=1"})),
        ("a.ts", FilmRecipe(frames=150, options={"g": "40"})),
        ("a.mpg", FilmRecipe(frames=150, codec="mpeg2video", time_base=Fraction(1, 30), options={"bf": "2"})),
        ("a.avi", FilmRecipe(frames=150, codec="mpeg4", time_base=Fraction(1, 30), options={"bf": "2"})),
        ("a.webm", FilmRecipe(frames=150, codec="libvpx-vp9")),
        ("a.m2v", FilmRecipe(frames=150, codec="mpeg2video", time_base=Fraction(1, 30))),
    ],
)
def test_reading_goes_on_after_any_frame(tmp_path: Path, name: str, recipe: FilmRecipe) -> None:
    film = probe(make_film(tmp_path / name, recipe))
    shots = list(read_shots(film))
    assert len(shots) == 150
    for index in (5, 61, 120, 148):
        rest = list(read_shots(film, after=(index, shots[index].ticks)))
        assert [(shot.index, shot.ticks, shot.duration) for shot in rest] == [
            (shot.index, shot.ticks, shot.duration) for shot in shots[index + 1 :]
        ]
        for shot, other in zip(rest, shots[index + 1 :], strict=True):
            np.testing.assert_array_equal(shot.frame.to_ndarray(), other.frame.to_ndarray())


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", [False, True])
def test_sideways_and_mirrored_films_stand_upright(tmp_path: Path, angle: int, flip: bool) -> None:
    recipe = FilmRecipe(frames=2, turn=angle, flip=flip, aspect=Fraction(4, 3), options={"crf": "1"})
    film = probe(make_film(tmp_path / "a.mp4", recipe))
    upright = read_luma(film, next(read_shots(film)).frame).levels
    expected = np.rot90(recipe.grey(0), angle // 90)
    expected = np.fliplr(expected) if flip else expected
    assert upright.shape == expected.shape == film.upright_size
    assert np.abs(upright.astype(int) - expected).mean() < 2
    assert film.upright_aspect == (Fraction(3, 4) if angle % 180 else Fraction(4, 3))


@pytest.mark.parametrize(
    ("name", "recipe", "order"),
    [
        ("a.mp4", FilmRecipe(frames=3, fields="tff"), "tff"),
        ("a.mkv", FilmRecipe(frames=3, fields="bff"), "bff"),  # the container says the contrary
        ("a.mpg", FilmRecipe(frames=3, codec="mpeg2video", time_base=Fraction(1, 30), fields="bff"), "bff"),
        ("a.avi", FilmRecipe(3, (576, 720), "dvvideo", rate=Fraction(25), time_base=Fraction(1, 25)), "bff"),
        ("whole.mp4", FilmRecipe(frames=3), None),
    ],
)
def test_the_order_of_fields_is_the_pictures_own(
    tmp_path: Path, name: str, recipe: FilmRecipe, order: str | None
) -> None:
    assert probe(make_film(tmp_path / name, recipe)).fields == order


def test_a_turn_undoes_a_display_matrix() -> None:
    array = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(Turn(True, True, False).apply(array), np.rot90(array))
    np.testing.assert_array_equal(Turn(False, True, True).apply(array), array[::-1, ::-1])
    assert Turn().apply(array) is array


def test_frames_are_sampled_over_the_whole_film(tmp_path: Path) -> None:
    film = probe(make_film(tmp_path / "a.mp4", FilmRecipe(frames=60, options={"g": "10"})))
    found = [float(frame.pts * frame.time_base) for frame in sample(film, 4)]
    np.testing.assert_allclose(found, [0.25, 0.75, 1.25, 1.75], atol=0.05)


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_samples_lie_where_they_should_in_streams_without_an_index(tmp_path: Path, codec: str) -> None:
    recipe = FilmRecipe(frames=360, codec=codec, time_base=Fraction(1, 30), options={"g": "100", "sc_threshold": "0"})
    film = probe(make_film(tmp_path / ("a.ts" if codec == "libx264" else "a.mpg"), recipe))
    found = [float(frame.pts * frame.time_base - film.origin) for frame in sample(film, 6)]
    np.testing.assert_allclose(found, np.arange(0.5, 6) / 6 * film.duration, atol=0.15)


@pytest.mark.parametrize("name", ["a.mkv", "a.h264"])
def test_what_no_header_states_is_counted(tmp_path: Path, name: str) -> None:
    recipe = FilmRecipe(frames=60, piped=True, time_base=Fraction(1, 30), options={"g": "10"})
    film = probe(make_film(tmp_path / name, recipe))
    assert film.frames == 60
    assert film.duration == pytest.approx(2, abs=0.01)
    assert film.rate == 30
    stamps = [shot.ticks for shot in read_shots(film)]
    levels = {stamp: shot.frame.to_ndarray() for stamp, shot in zip(stamps, read_shots(film), strict=True)}
    found = list(sample(film, 4))
    assert len(found) == 4
    for frame, second in zip(found, (0.25, 0.75, 1.25, 1.75), strict=True):
        near = [stamp for stamp in stamps if abs(float(stamp * film.time_base) - second) < 0.1]
        assert any(np.array_equal(frame.to_ndarray(), levels[stamp]) for stamp in near)


# --- levels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("limited.mp4", FilmRecipe()),
        ("full.mp4", FilmRecipe(full_range=True)),
        ("ten-bit.mkv", FilmRecipe(codec="ffv1", pixels="yuv420p10le")),
        ("4-2-2.mkv", FilmRecipe(codec="ffv1", pixels="yuv422p")),
        ("4-4-4.mp4", FilmRecipe(pixels="yuv444p")),
        ("ten-bit-4-4-4.mp4", FilmRecipe(pixels="yuv444p10le")),
        ("odd.mkv", FilmRecipe(codec="ffv1", size=(47, 63))),
    ],
)
def test_grey_levels_of_every_kind(tmp_path: Path, name: str, recipe: FilmRecipe) -> None:
    recipe.options = {"crf": "1"} if recipe.codec == "libx264" else {}
    film = probe(make_film(tmp_path / name, recipe))
    luma = read_luma(film, next(read_shots(film)).frame)
    assert luma.size == recipe.size
    expected = (recipe.grey(0).astype(float) - 16) * 255 / 219
    assert np.abs(luma.picture() - expected).mean() < 1
    assert luma.levels.dtype == (np.uint16 if "full" in name or "ten" in name else np.uint8)


def test_rgb_and_packed_frames_are_read(tmp_path: Path) -> None:
    recipe = FilmRecipe(frames=2)
    film = probe(make_film(tmp_path / "a.mp4", recipe))
    frame = next(read_shots(film)).frame
    plain = read_luma(film, frame).picture().astype(int)
    for format in ("rgb24", "bgr0", "gbrp", "yuyv422", "nv12", "p010le", "gray", "gray10le", "rgb48le"):
        other = frame.reformat(format=format, dst_color_range="JPEG" if "r" in format[:4] else "MPEG")
        assert np.abs(read_luma(film, other).picture() - plain).mean() < 2, format


def test_the_matrix_is_the_files_own_or_follows_the_size(tmp_path: Path) -> None:
    film = probe(make_film(tmp_path / "a.mp4", FilmRecipe(frames=1)))
    frame = av.VideoFrame(64, 48, "yuv420p")
    for plane, level in zip(frame.planes, (120, 90, 180), strict=True):
        np.frombuffer(plane, np.uint8)[:] = level
    results = {}
    for tag in (1, 2, 6):
        frame.colorspace = tag
        results[tag] = read_luma(film, frame).levels.astype(int)[0, 0], rgb_picture(film, frame)[0, 0].tolist()
    assert results[2] == results[6]  # small and untagged: BT.601
    assert results[1] != results[6]
    for tag, system in ((1, BT709), (6, BT601)):
        exact = (np.array([120, 90, 180, 1]) @ system.to_rgb().T).clip(0, 65535).astype(np.uint16)[None, None]
        assert abs(results[tag][0] - int(luma_of_rgb(exact, False).levels[0, 0])) < 40  # of 256 in a level


@given(st.integers(16, 235), st.integers(90, 166), st.integers(90, 166))
def test_the_luma_of_toned_frames_has_their_lightness(y: int, cb: int, cr: int) -> None:
    planes = [np.full((4, 4), y, np.uint8), np.full((2, 2), cb, np.uint8), np.full((2, 2), cr, np.uint8)]
    rgb = to_rgb(tuple(planes), BT601)
    exact = luma_of_rgb(rgb, False).levels.astype(float) / 256
    np.testing.assert_allclose(luma_of_yuv(planes, BT601, False).levels / 256, exact, atol=0.3)


# --- in colour -------------------------------------------------------------------------------------------------------


def test_without_colours_the_planes_are_the_films_own() -> None:
    levels = np.random.default_rng(0).integers(16, 236, (30, 42), dtype=np.uint8)
    y, cb, cr = color_planes(Luma(levels), np.zeros((8, 12, 2), np.float32))
    np.testing.assert_array_equal(y, levels)
    assert (cb == 128).all()
    assert (cr == 128).all()


@given(st.integers(0, 1000), st.floats(0, 45), st.sampled_from([0.0, 4.0, 8.0]))
def test_the_lightness_stays(seed: int, chroma: float, grain: float) -> None:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :64]
    levels = 120 + 60 * np.sin(x / 20 + seed) + 20 * np.cos(y / 9) + random.normal(0, grain, (48, 64))
    levels = levels.clip(40, 220).round().astype(np.uint8)
    angle = random.uniform(0, 2 * np.pi)
    ab = np.empty((6, 8, 2), np.float32)
    ab[:] = chroma * np.cos(angle), chroma * np.sin(angle)
    planes = color_planes(Luma(levels), ab)
    neutral = to_rgb((levels, np.full((24, 32), 128, np.uint8), np.full((24, 32), 128, np.uint8)))
    moved = np.abs(rgb_to_lightness(to_rgb(planes)) - rgb_to_lightness(neutral))
    assert moved.mean() < 0.35
    assert np.percentile(moved, 95) < 1


def test_colours_arrive_and_strength_halves_them() -> None:
    luma = luma_of_grey(np.full((20, 20), 130, np.uint8), 8, False)
    ab = np.zeros((4, 4, 2), np.float32)
    ab[..., 0] = 30
    _, cb, cr = color_planes(luma, ab)
    _, _, half = color_planes(luma, ab, 0.5)
    assert cr.min() > 140
    assert abs(int(cr[5, 5]) - 128 - 2 * (int(half[5, 5]) - 128)) <= 2
    assert np.ptp(cr) == 0
    assert np.ptp(cb) == 0


def test_odd_sizes_get_a_copied_edge() -> None:
    levels = np.random.default_rng(0).integers(16, 236, (5, 7), dtype=np.uint8)
    y, cb, _ = color_planes(Luma(levels), np.zeros((4, 4, 2), np.float32))
    assert y.shape == (6, 8)
    assert cb.shape == (3, 4)
    np.testing.assert_array_equal(y[:5, :7], levels)
    np.testing.assert_array_equal(y[5, :7], levels[4])
    np.testing.assert_array_equal(y[:5, 7], levels[:, 6])


def test_strength_keeps_a_share_of_the_films_own_tone() -> None:
    picture = np.empty((8, 8, 3), np.uint8)
    picture[:] = 150, 120, 90
    luma = luma_of_rgb(picture, keep_tone=True)
    planes = color_planes(luma, np.zeros((4, 4, 2), np.float32), strength=0)
    assert np.abs(to_rgb(planes) / 257.0 - picture).max() < 1.5


def test_an_encoder_takes_a_parts_pictures(tmp_path: Path) -> None:
    format = PictureFormat((48, 64), Fraction(1, 90_000), Fraction(30))
    encoder = PartEncoder(tmp_path / "a.nut", format, EncoderSettings("h264"))
    planes = np.full((48, 64), 90, np.uint8), np.full((24, 32), 120, np.uint8), np.full((24, 32), 140, np.uint8)
    for index in range(12):
        encoder.write(planes, index * 3000, 3000)
    assert encoder.close() <= 4
    with av.open(str(tmp_path / "a.nut")) as part:
        assert len(list(part.decode(video=0))) == 12


# --- bad films -------------------------------------------------------------------------------------------------------


def test_a_frame_that_cannot_be_decoded_is_replaced_by_the_one_before(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(options={"bf": "0", "g": "100"}))
    whole = times(path)
    damage_frame(path, 12, bytes(40))
    film = probe(path)
    shots = list(read_shots(film))
    assert [shot.ticks * film.time_base for shot in shots] == whole
    assert [shot.index for shot in shots if shot.fault == "lost"] == [12]
    np.testing.assert_array_equal(shots[12].frame.to_ndarray(), shots[11].frame.to_ndarray())


def test_a_frame_that_is_damaged_in_part_is_named(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", FilmRecipe(size=(96, 128), options={"bf": "0", "crf": "1"}))
    damage_frame(path, 9, b"\xff" * 30, at=60)
    shots = list(read_shots(probe(path)))
    assert len(shots) == 30
    assert [shot.index for shot in shots if shot.fault] == [9]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("text.mp4", b"Dear aunt,\n" * 100, "not a film"),
        ("empty.mkv", b"", "0 bytes"),
        ("noise.avi", np.random.default_rng(0).bytes(5000), "not a film"),
    ],
)
def test_what_is_no_film_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FilmError, match=f"{name}.*{words}"):
        probe(tmp_path / name)


def test_missing_folders_sounds_and_cut_off_heads_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(FilmError, match="a folder"):
        probe(tmp_path)
    whole = make_film(tmp_path / "whole.mp4", FilmRecipe(sounds=["eng"]))
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:2000])  # its index lies at the end
    with pytest.raises(FilmError, match=r"cut\.mp4.*its end is missing"):
        probe(tmp_path / "cut.mp4")
    for name in ("sound.mp4", "sound-with-cover.mp4"):
        with av.open(str(tmp_path / name), "w") as film, av.open(str(whole)) as source:
            target = film.add_stream_from_template(source.streams.audio[0])
            if "cover" in name:
                add_cover(film)
            for packet in source.demux(audio=0):
                if packet.size:
                    packet.stream = target
                    film.mux(packet)
        with pytest.raises(FilmError, match=f"{name}: holds no moving pictures"):
            probe(tmp_path / name)


def test_a_film_without_frames_is_named(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mkv", FilmRecipe(frames=2, codec="ffv1"))
    with av.open(str(path)) as source, av.open(str(tmp_path / "none.mkv"), "w") as film:
        film.add_stream_from_template(source.streams.video[0])
        film.start_encoding()
    with pytest.raises(FilmError, match=r"none\.mkv: (holds no frame|not a film)"):
        probe(tmp_path / "none.mkv")
