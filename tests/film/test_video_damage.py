"""Bad films: frames that cannot be decoded are replaced and named, and what is no film is said to be none."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from support.video_contents import damage_frame, packets_of
from support.video_contents import times_of as times
from support.video_tracks import add_cover
from support.videos import VideoRecipe, make_video

from colorize.base import VideoError
from colorize.film import decode_frames, probe


def test_a_frame_that_cannot_be_decoded_is_replaced_by_the_one_before(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(options={"bf": "0", "g": "100"}))
    whole = times(path)
    damage_frame(path, 12, bytes(40))
    video = probe(path)
    frames = list(decode_frames(video))
    assert [frame.pts * video.time_base for frame in frames] == whole
    assert [frame.index for frame in frames if frame.decode_warning == "lost"] == [12]
    np.testing.assert_array_equal(frames[12].image.to_ndarray(), frames[11].image.to_ndarray())


def test_a_frame_that_is_damaged_in_part_is_named(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(size=(96, 128), options={"bf": "0", "crf": "1"}))
    damage_frame(path, 9, b"\xff" * 30, at=60)
    frames = list(decode_frames(probe(path)))
    assert len(frames) == 30
    assert [frame.index for frame in frames if frame.decode_warning] == [9]


@pytest.mark.parametrize("options", [{"level": "3"}, {"level": "4", "strict": "-2", "slicecrc": "2"}])
def test_a_frame_whose_checksum_fails_is_named(tmp_path: Path, options: dict[str, str]) -> None:
    recipe = VideoRecipe(12, codec="ffv1", options={"slicecrc": "1", "g": "1", **options})
    path = make_video(tmp_path / "a.mkv", recipe)
    assert [frame.index for frame in decode_frames(probe(path)) if frame.decode_warning] == []
    damage_frame(path, 5, b"\x55", at=len(packets_of(path, 0)[5][1]) // 2)
    frames = list(decode_frames(probe(path)))
    assert len(frames) == 12
    assert [frame.index for frame in frames if frame.decode_warning == "damaged"] == [5]


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
    with pytest.raises(VideoError, match=f"{name}.*{words}"):
        probe(tmp_path / name)


def test_missing_folders_sounds_and_cut_off_heads_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match="a folder"):
        probe(tmp_path)
    whole = make_video(tmp_path / "whole.mp4", VideoRecipe(sounds=["eng"]))
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:2000])  # its index lies at the end
    with pytest.raises(VideoError, match=r"cut\.mp4.*its end is missing"):
        probe(tmp_path / "cut.mp4")
    for name in ("sound.mp4", "sound-with-cover.mp4"):
        with av.open(str(tmp_path / name), "w") as video, av.open(str(whole)) as source:
            target = video.add_stream_from_template(source.streams.audio[0])
            if "cover" in name:
                add_cover(video)
            for packet in source.demux(audio=0):
                if packet.size:
                    packet.stream = target
                    video.mux(packet)
        with pytest.raises(VideoError, match=f"{name}: holds no moving pictures"):
            probe(tmp_path / name)


def test_a_film_without_frames_is_named(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=2, codec="ffv1"))
    with av.open(str(path)) as source, av.open(str(tmp_path / "none.mkv"), "w") as video:
        video.add_stream_from_template(source.streams.video[0])
        video.start_encoding()
    with pytest.raises(VideoError, match=r"none\.mkv: (holds no frame|not a film)"):
        probe(tmp_path / "none.mkv")
