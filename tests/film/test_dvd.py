"""A DVD's films, which lie in several files each."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from support.video_contents import read_frames
from support.videos import VideoRecipe, make_video

from colorize.batch import Job, Outcome, plan
from colorize.engine import Colorizer
from colorize.film import VideoOptions, colorize_video, decode_frames, open_source, probe
from colorize.film.keyframes import FrameClock
from colorize.film.video import Span

MPEG: dict[str, Any] = {
    "size": (96, 128),
    "codec": "mpeg2video",
    "time_base": Fraction(1, 30),
    "sounds": ["eng"],
    "sound_codec": "mp2",
}


@pytest.fixture
def dvd(tmp_path: Path) -> Path:
    """A folder with a film of 60 frames in three parts, a menu of one part, and the film in one file."""
    whole = make_video(tmp_path / "whole.vob", VideoRecipe(60, **MPEG)).read_bytes()
    sectors = len(whole) // 2048
    folder = tmp_path / "My film" / "VIDEO_TS"
    folder.mkdir(parents=True)
    ends = [0, sectors // 5 * 2048, sectors // 2 * 2048, len(whole)]
    for number, (begin, end) in enumerate(pairwise(ends), 1):
        (folder / f"VTS_02_{number}.VOB").write_bytes(whole[begin:end])
    for menu in ("VIDEO_TS.VOB", "VTS_02_0.VOB", "VTS_02_0.IFO"):
        (folder / menu).write_bytes(whole[: ends[1]])
    return folder


def test_the_parts_of_a_dvds_film_are_one_film(tmp_path: Path, colorizer: Colorizer, dvd: Path) -> None:
    assert probe(dvd / "VTS_02_1.VOB").frames == probe(tmp_path / "whole.vob").frames
    options = VideoOptions(temporal="off")
    whole = colorize_video(tmp_path / "whole.vob", tmp_path / "whole.mkv", colorizer=colorizer, options=options)
    joined = colorize_video(dvd / "VTS_02_1.VOB", tmp_path / "joined.mkv", colorizer=colorizer, options=options)
    assert (joined.frames, joined.cut_off) == (60, None)
    assert "VTS_02_2.VOB, VTS_02_3.VOB" in joined.notes[0]
    (times, frames), (joined_times, joined_frames) = read_frames(whole.path), read_frames(joined.path)
    assert joined_times == times
    np.testing.assert_array_equal(joined_frames, frames)
    options = VideoOptions(temporal="off", start=1.2, overwrite=True)
    assert colorize_video(dvd / "VTS_02_1.VOB", joined.path, colorizer=colorizer, options=options).frames == 24


def test_a_dvds_folder_gives_its_films_once_and_no_menus(dvd: Path) -> None:
    first = dvd / "VTS_02_1.VOB"
    for given in (dvd, dvd.parent):
        assert [job.source for job in plan([given]) if isinstance(job, Job)] == [first]
    planned = plan(sorted(dvd.glob("VTS_02_[1-9].VOB")))
    assert [type(each) for each in planned] == [Job, Outcome, Outcome]
    assert all(each.status == "skipped" and first.name in each.message for each in planned if isinstance(each, Outcome))
    second = dvd / "VTS_02_2.VOB"
    assert [job.source for job in plan([second]) if isinstance(job, Job)] == [second]


def test_sound_goes_on_with_the_pictures_where_the_clock_is_set_back(tmp_path: Path, colorizer: Colorizer) -> None:
    for number in (1, 2, 3):  # each begins at the same time
        make_video(tmp_path / f"VTS_01_{number}.VOB", VideoRecipe(60, **MPEG))
    path, out = tmp_path / "VTS_01_1.VOB", tmp_path / "b.mp4"
    result = colorize_video(path, out, colorizer=colorizer, options=VideoOptions(temporal="off"))
    assert result.frames == 180
    assert not any("damaged" in note for note in result.notes)
    times, _ = read_frames(out)
    assert all(later - earlier == Fraction(1, 30) for earlier, later in pairwise(times))
    with av.open(str(out)) as video:
        sounds = [(frame.pts * frame.time_base, frame) for frame in video.decode(audio=0)]
    assert float(sounds[-1][0]) == pytest.approx(6, abs=0.1)
    steps = [float(later - earlier) for (earlier, _), (later, _) in pairwise(sounds)]
    assert max(steps) < 0.2


@pytest.fixture
def set_back(tmp_path: Path) -> Path:
    """A film of two parts of 120 frames, whose clock is set back by 60 of them where the second begins."""
    for number, begin in ((1, 0), (2, 60)):
        stamps = range(begin, begin + 120)
        make_video(tmp_path / f"VTS_01_{number}.VOB", VideoRecipe(pts=stamps, **{**MPEG, "sounds": []}))
    return tmp_path / "VTS_01_1.VOB"


@pytest.mark.parametrize("frame", [50, 125, 160, 200])
def test_where_the_clock_is_set_back_a_film_goes_on_with_the_next_frame(set_back: Path, frame: int) -> None:
    video = probe(set_back)
    whole = [(each.pts, each.image.to_ndarray()) for each in decode_frames(video)]
    assert len(whole) == 240
    rest = list(decode_frames(video, after=(frame, whole[frame][0])))
    assert [each.pts for each in rest] == [pts for pts, _ in whole[frame + 1 :]]
    np.testing.assert_array_equal(rest[0].image.to_ndarray(), whole[frame + 1][1])
    begin = Fraction(whole[frame][0]) * video.time_base
    first = next(decode_frames(video, Span(begin)))
    np.testing.assert_array_equal(first.image.to_ndarray(), whole[frame][1])


def test_all_frames_of_a_film_whose_clock_is_set_back_can_have_hints(set_back: Path) -> None:
    clock = FrameClock(open_source(set_back))
    assert (clock.count, clock.number_at(200.5 / 30), clock.first_number(Span(Fraction(6)))) == (240, 200, 180)
