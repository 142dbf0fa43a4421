"""Films that are stopped, damaged, or cannot be coloured: what goes on, what is named, what is kept."""

from __future__ import annotations

import copy
import errno
import json
import os
import shutil
import threading
from bisect import bisect_right
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.quick import only_quick
from support.settings import Tinted
from support.small_networks import SMALL, load_small, small_tensors, write_small_weights
from support.video_contents import captions_of, damage_frame, field_orders_of, read_frames
from support.videos import VideoRecipe, caption, make_video

from colorize.base import VideoError, vector_instructions
from colorize.batch import FileOptions, Job, colorize_files
from colorize.engine import Colorizer
from colorize.film import Progress, SegmentStore, VideoOptions, VideoResult, VideoStopped, colorize_video
from colorize.network import Network

OFF = VideoOptions(temporal="off")


def stop_after(frames: int, cancel: threading.Event) -> Any:
    def follow(progress: Progress) -> None:
        if progress.done >= frames:
            cancel.set()

    return follow


class Scenes(VideoRecipe):
    """A film of several scenes; some are shorter than a second."""

    cuts = (7, 37, 44, 95)
    segments = (10, 10, 10, 7, 10, 10, 10, 10, 10, 8, 5)
    """Frames of the segments: ten at most; a cut ends one that is a second from the last end at a cut."""

    def grey(self, index: int) -> np.ndarray:
        grey = super().grey(index)
        return 251 - grey if bisect_right(self.cuts, index) % 2 else grey


class LongScenes(Scenes):
    """A film of scenes of some seconds."""

    cuts = (68, 137)
    segments = (32, 36, 32, 32, 5, 34)
    """Frames of the segments: 32, or up to four more where the scene ends with them."""


@pytest.mark.parametrize("mode", only_quick(["fast"], ["off", "best"]))
def test_a_stopped_film_goes_on_and_equals_an_uninterrupted_one(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, mode: Any
) -> None:
    path = make_video(tmp_path / "a.mp4", Scenes(frames=100, sounds=["eng"]))
    options = VideoOptions(temporal=mode)
    colorize_video(path, tmp_path / "whole.mp4", colorizer=colorizer, options=options)
    out = tmp_path / "b.mp4"
    for frames in (15, 35, 60):  # the second stop is at a cut, as a rule
        cancel = threading.Event()
        follow = stop_after(frames, cancel)
        with pytest.raises(VideoStopped, match=r"stopped after \d+ of 100 frames; the same command goes on"):
            colorize_video(path, out, colorizer=colorizer, options=options, progress=follow, cancel=cancel)
        assert not out.exists()
    finished = len(list((tmp_path / "b.mp4.segments").glob("*.npz")))
    done = sum(Scenes.segments[:finished])
    assert 60 <= done < 100
    seen: list[Progress] = []
    result = colorize_video(path, out, colorizer=colorizer, options=options, progress=seen.append)
    assert result == VideoResult(out, 100, resumed=done)
    assert seen[0] == Progress(done, 100)
    assert seen[-1] == Progress(100, 100, "joining")
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    times, frames = read_frames(out)
    expected_times, expected = read_frames(tmp_path / "whole.mp4")
    assert times == expected_times
    np.testing.assert_array_equal(frames, expected)
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4", "whole.mp4"]


class Killed(BaseException):
    """Stands for a kill: nothing after it runs."""


@pytest.fixture
def killed_at_the_end(tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished film, made of ``a.mp4``, of whose segments only some were removed."""
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=10))

    def remove_half(folder: Path) -> None:
        (folder / "manifest.json").unlink()
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(shutil, "rmtree", remove_half)
        colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert (tmp_path / "b.mp4.segments").exists()
    return tmp_path / "b.mp4"


@pytest.mark.parametrize(
    "changes", [{}, {"skip_existing": True}, {"video": VideoOptions(temporal="off", overwrite=True)}]
)
def test_a_film_that_was_killed_while_its_segments_were_removed_is_done(
    killed_at_the_end: Path, colorizer: Colorizer, changes: dict[str, Any]
) -> None:
    source, before = killed_at_the_end.with_name("a.mp4"), killed_at_the_end.read_bytes()
    options = FileOptions(**{"video": OFF, **changes})
    (outcome,) = colorize_files(colorizer, [Job(source, killed_at_the_end)], options)
    assert outcome.status == "done"
    assert killed_at_the_end.read_bytes() == before
    assert sorted(os.listdir(source.parent)) == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize("is_other_film", [False, True])
def test_a_result_that_is_not_the_one_asked_for_is_never_called_done(
    killed_at_the_end: Path, colorizer: Colorizer, is_other_film: bool
) -> None:
    if is_other_film:
        killed_at_the_end.write_bytes(b"another film of that name")
    before = killed_at_the_end.read_bytes()
    source = killed_at_the_end.with_name("a.mp4")
    (outcome,) = colorize_files(colorizer, [Job(source, killed_at_the_end)], FileOptions(video=VideoOptions(crf=40)))
    assert outcome.status == "failed"
    assert "exists already" in outcome.message and "goes on" not in outcome.message
    assert killed_at_the_end.read_bytes() == before


def color_and_look(path: Path, colorizer: Colorizer, options: VideoOptions) -> list[tuple[int, bool]]:
    """Colour a film, and return how many frames each of its segments had, and whether a scene ended with it."""
    out, copied = path.with_name("b.mp4"), path.with_name("copy.segments")
    found: list[tuple[int, bool]] = []

    def look(progress: Progress) -> None:
        if progress.stage == "joining":
            shutil.copytree(path.with_name("b.mp4.segments"), copied)
            store = SegmentStore(path.with_name("copy"))
            store.begin(json.loads((store.folder / "manifest.json").read_text()))
            found.extend((len(segment.pts), segment.ends_scene) for segment in store.segments)

    colorize_video(path, out, colorizer=colorizer, options=options, progress=look)
    return found


def test_segments_end_at_cuts_and_at_a_number_of_frames(
    tmp_path: Path, colorizer: Colorizer, short_segments: None
) -> None:
    found = color_and_look(make_video(tmp_path / "a.mp4", Scenes(frames=100)), colorizer, OFF)
    assert found == [(count, index in (3, 9, 10)) for index, count in enumerate(Scenes.segments)]


@pytest.mark.parametrize("mode", only_quick(["fast"], ["off", "best"]))
def test_the_last_few_frames_of_a_scene_make_no_segment_of_their_own(
    tmp_path: Path, colorizer: Colorizer, mode: Any
) -> None:
    path, options = make_video(tmp_path / "a.mp4", LongScenes(frames=171)), VideoOptions(temporal=mode)
    found = color_and_look(path, colorizer, options)
    assert found == [(count, index in (1, 4, 5)) for index, count in enumerate(LongScenes.segments)]
    cancel, out = threading.Event(), tmp_path / "c.mp4"
    with pytest.raises(VideoStopped):
        follow = stop_after(40, cancel)
        colorize_video(path, out, colorizer=colorizer, options=options, progress=follow, cancel=cancel)
    assert colorize_video(path, out, colorizer=colorizer, options=options).resumed in (68, 100, 132)
    assert out.read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_field_orders_and_captions_outlive_a_stop(tmp_path: Path, colorizer: Colorizer, short_segments: None) -> None:
    orders = (["tff"] * 3 + [None] * 9 + ["bff"] * 9 + [None] * 5) * 2
    recipe = VideoRecipe(
        len(orders), time_base=Fraction(1, 90_000), field_orders=orders, field_order="tff", captions=True
    )
    path = make_video(tmp_path / "a.ts", recipe)
    states, out, cancel = field_orders_of(path), tmp_path / "b.mp4", threading.Event()
    colorize_video(path, tmp_path / "whole.mp4", colorizer=colorizer, options=OFF)
    with pytest.raises(VideoStopped):
        colorize_video(path, out, colorizer=colorizer, options=OFF, progress=stop_after(15, cancel), cancel=cancel)
    assert colorize_video(path, out, colorizer=colorizer, options=OFF).resumed > 0
    assert out.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert field_orders_of(out) == states
    assert captions_of(out) == [caption(index) for index in range(len(orders))]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, colorizer: Colorizer) -> Path:
    """A folder with a film a.mp4, whole.mp4 in colour, and three segments of b.mp4 of ten frames."""
    folder = tmp_path_factory.mktemp("stopped")
    path, cancel = make_video(folder / "a.mp4", VideoRecipe(frames=65)), threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("colorize.film.division.SEGMENT_SECONDS", (1 / 3, 1 / 3))
        colorize_video(path, folder / "whole.mp4", colorizer=colorizer, options=OFF)
        with pytest.raises(VideoStopped):
            colorize_video(
                path,
                folder / "b.mp4",
                colorizer=colorizer,
                options=OFF,
                progress=stop_after(25, cancel),
                cancel=cancel,
            )
    for segment in sorted((folder / "b.mp4.segments").glob("0*"))[6:]:  # frames that were under way when it was stopped
        segment.unlink()
    return folder


@pytest.mark.parametrize(
    ("removed", "written", "resumed"),
    [
        pytest.param(["*"], [], 0, marks=pytest.mark.slow),  # the folder was made, and the manifest not written yet
        pytest.param(["0*"], [], 0, marks=pytest.mark.slow),
        (["000020.npz"], [], 20),  # between a segment's video and its record
        (["000020.npz"], [".colorize-0123456789ab.tmp"], 20),  # in the record
        (["000020.*"], ["000002.unfinished"], 20),  # in the video
        pytest.param([], ["film.unfinished"], 30, marks=pytest.mark.slow),
    ],
)
def test_a_crash_at_any_moment_leaves_whole_segments(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, stopped: Path, removed: Any, written: Any, resumed: int
) -> None:
    out, segments = tmp_path / "b.mp4", tmp_path / "b.mp4.segments"
    shutil.copytree(stopped / "b.mp4.segments", segments)
    assert len(list(segments.glob("*.npz"))) == 3
    for path in [path for pattern in removed for path in segments.glob(pattern)]:
        path.unlink()
    for name in written:
        (segments / name).write_bytes(b"half")
    result = colorize_video(stopped / "a.mp4", out, colorizer=colorizer, options=OFF)
    assert result.resumed == resumed
    assert os.listdir(tmp_path) == ["b.mp4"]
    np.testing.assert_array_equal(read_frames(out)[1], read_frames(stopped / "whole.mp4")[1])


def test_segments_of_an_older_program_are_kept_and_named(tmp_path: Path, colorizer: Colorizer, stopped: Path) -> None:
    segments = tmp_path / "b.mp4.segments"
    shutil.copytree(stopped / "b.mp4.segments", segments)
    manifest = segments / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": "colorize-segments/0"}))
    before = {path.name: path.read_bytes() for path in segments.iterdir()}
    with pytest.raises(VideoError, match=r"b\.mp4\.segments: .*colorize-segments/0.* remove"):
        colorize_video(stopped / "a.mp4", tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert {path.name: path.read_bytes() for path in segments.iterdir()} == before


def test_another_kind_of_processor_goes_on_and_is_named(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, stopped: Path
) -> None:
    shutil.copytree(stopped / "b.mp4.segments", tmp_path / "b.mp4.segments")
    manifest = tmp_path / "b.mp4.segments" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "processors": ["AVX-1024"]}))
    result = colorize_video(stopped / "a.mp4", tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    (note,) = result.notes
    assert result.resumed == 30 and str(stopped / "a.mp4") in note and f"AVX-1024, {vector_instructions()}" in note


def test_changed_settings_or_weights_start_afresh_and_say_so(
    tmp_path: Path, colorizer: Colorizer, small_network: Network, runtime: str, short_segments: None
) -> None:
    path, out = make_video(tmp_path / "a.mp4", VideoRecipe(frames=60)), tmp_path / "b.mp4"

    def stop(options: VideoOptions = OFF) -> None:
        cancel = threading.Event()
        with pytest.raises(VideoStopped):
            colorize_video(
                path, out, colorizer=colorizer, options=options, progress=stop_after(12, cancel), cancel=cancel
            )

    stop()
    stop(VideoOptions(crf=30, temporal="off"))
    stop()
    other = Colorizer(small_network, render_size=32, saturation=0.5)
    result = colorize_video(path, out, colorizer=other, options=OFF)
    assert result.resumed == 0
    (note,) = result.notes
    assert note.startswith(f"{path}: ") and "--saturation was 1, is 0.5" in note and "weights" not in note
    out.unlink()
    stop()
    tensors = small_tensors(SMALL, takes_hints=False)
    weights = load_small(write_small_weights(tmp_path / "other.safetensors", SMALL, tensors), runtime)
    other = Colorizer(weights, render_size=32)
    result = colorize_video(path, out, colorizer=other, options=OFF)
    (note,) = result.notes
    assert note.startswith(f"{path}: ") and "other weights" in note and "runtime" not in note


@pytest.mark.parametrize(
    ("computed_by", "options", "words"),
    [
        ("abacus 1.0, cpu", OFF, ["runtime was ", "is abacus 1.0, cpu"]),
        (None, VideoOptions(temporal="off", crf=30), ["--crf was auto, is 30"]),
        (
            None,
            VideoOptions(temporal="best", batch_size=4),
            ["--temporal was off, is best", "--batch-size was 8, is 4"],
        ),
    ],
)
def test_what_changed_is_said_before_the_colouring_begins(
    tmp_path: Path, small_network: Network, stopped: Path, computed_by: str | None, options: Any, words: list[str]
) -> None:
    shutil.copytree(stopped / "b.mp4.segments", tmp_path / "b.mp4.segments")
    network, cancel = copy.copy(small_network), threading.Event()
    network.runtime = computed_by or small_network.runtime
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        cancel.set()

    with pytest.raises(VideoStopped):
        colorize_video(
            stopped / "a.mp4",
            tmp_path / "b.mp4",
            colorizer=Colorizer(network, render_size=32),
            options=options,
            progress=stop,
            cancel=cancel,
        )
    (note,) = seen[0].notes
    assert seen[0].done == 0 and all(word in note for word in words), note
    assert "weights" not in note


@pytest.mark.parametrize("number", only_quick([1], [0, 2]))
@pytest.mark.parametrize("damage", ["empty", "cut", "one bit", "missing", "record"])
def test_a_damaged_segment_is_named_and_made_anew(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, stopped: Path, number: int, damage: str
) -> None:
    shutil.copytree(stopped / "b.mp4.segments", tmp_path / "b.mp4.segments")
    damage_segment(tmp_path / "b.mp4.segments" / f"{10 * number:06d}.nut", damage)
    result = colorize_video(stopped / "a.mp4", tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.resumed == 10 * number
    (note,) = result.notes
    assert f"{10 * number:06d}.nut: " in note and f"frame {10 * number} " in note
    np.testing.assert_array_equal(read_frames(tmp_path / "b.mp4")[1], read_frames(stopped / "whole.mp4")[1])


def damage_segment(path: Path, damage: str) -> None:
    """Damage a segment's video, or its record."""
    content = path.read_bytes()
    middle = len(content) // 2
    if damage == "missing":
        path.unlink()
    elif damage == "record":
        record = path.with_suffix(".npz")
        record.write_bytes(record.read_bytes()[:-40])
    elif damage == "one bit":
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    else:
        path.write_bytes(content[: middle if damage == "cut" else 0])


@pytest.mark.parametrize("number", only_quick([1], [0]))
@pytest.mark.parametrize("damage", only_quick(["cut"], ["empty", "missing"]))
def test_a_segment_that_is_damaged_while_the_film_is_made(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, stopped: Path, number: int, damage: str
) -> None:
    out = tmp_path / "b.mp4"

    def spoil(progress: Progress) -> None:
        if progress.stage == "joining":
            damage_segment(tmp_path / "b.mp4.segments" / f"{10 * number:06d}.nut", damage)

    options = FileOptions(video=OFF, progress=lambda _, progress: spoil(progress))
    (failed,) = colorize_files(colorizer, [Job(stopped / "a.mp4", out)], options)
    assert failed.status == "failed" and f"{10 * number:06d}.nut: " in failed.message
    assert "segments stay" not in failed.message and not out.exists()
    assert colorize_video(stopped / "a.mp4", out, colorizer=colorizer, options=OFF).resumed == 10 * number
    np.testing.assert_array_equal(read_frames(out)[1], read_frames(stopped / "whole.mp4")[1])


def test_a_new_setting_counts_too(tmp_path: Path, colorizer: Colorizer, short_segments: None) -> None:
    path, out = make_video(tmp_path / "a.mp4", VideoRecipe(frames=60)), tmp_path / "b.mp4"
    cancel = threading.Event()
    with pytest.raises(VideoStopped):
        colorize_video(path, out, colorizer=colorizer, options=OFF, progress=stop_after(12, cancel), cancel=cancel)
    tinted = colorizer.adjusted(Tinted(tint=2, render_size=colorizer.settings.render_size))
    result = colorize_video(path, out, colorizer=tinted, options=OFF)
    assert result.resumed == 0 and "--tint was auto, is 2" in result.notes[0]


def test_a_lost_frame_is_named_and_the_film_goes_on(tmp_path: Path, colorizer: Colorizer, short_segments: None) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(options={"bf": "0", "g": "100"}))
    damage_frame(path, 12, bytes(40))
    result = colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)
    assert result.frames == 30
    expected = f"{path}: frame 12 (at 0:00:00.4) is damaged and cannot be decoded; the frame before stands in for it"
    assert result.notes == (expected,)
    assert len(read_frames(tmp_path / "b.mp4")[0]) == 30


def test_a_film_that_is_cut_off_gives_what_it_has_and_says_so(tmp_path: Path, colorizer: Colorizer) -> None:
    whole = make_video(tmp_path / "whole.mkv", VideoRecipe(frames=120, codec="ffv1", sounds=["eng"]))
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = colorize_video(path, tmp_path / "b.mkv", colorizer=colorizer, options=OFF)
    assert result.cut_off is not None
    assert "cut off: it ends at 0:00:0" in result.cut_off
    assert 30 < result.frames < 90
    assert len(read_frames(tmp_path / "b.mkv")[0]) == result.frames


def test_a_size_that_changes_midway_is_scaled_and_named(tmp_path: Path, colorizer: Colorizer) -> None:
    first = make_video(tmp_path / "1.ts", VideoRecipe(frames=10))
    pts = [3000 * index for index in range(10, 20)]
    second = make_video(tmp_path / "2.ts", VideoRecipe(frames=10, size=(96, 128), pts=pts))
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
        ("b.webm", VideoOptions(codec="h264"), "does not hold h264; choose .mp4"),
        ("b.mp4", VideoOptions(codec="ffv1"), "does not hold ffv1; choose .mkv"),
        ("b.mp4", VideoOptions(codec="av1"), "too small for av1 (at least 64 x 64)"),
        ("b.mp4", VideoOptions(crf=60), "--crf 60 is not within 0..51"),
        ("b.mkv", VideoOptions(codec="ffv1", crf=5), "is lossless"),
        ("b.mp4", VideoOptions(preset="hasty"), "it knows ultrafast, superfast"),
        ("b.mp4", VideoOptions(start=5), "no frame between the start at 0:00:05.0 and the end; the film lasts 0:00:01"),
        ("a.mp4", OFF, "would replace the film itself"),
        ("link.mp4", OFF, "would replace the film itself"),
    ],
)
def test_what_cannot_be_done_is_named_and_leaves_nothing(
    tmp_path: Path, colorizer: Colorizer, out: str, options: VideoOptions, words: str
) -> None:
    path = make_video(tmp_path / "a.mp4")
    (tmp_path / "link.mp4").symlink_to(path)
    before = path.read_bytes()
    with pytest.raises(VideoError) as caught:
        colorize_video(path, tmp_path / out, colorizer=colorizer, options=options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "link.mp4"]


@pytest.mark.parametrize(("height", "is_written"), [(30, False), (32, True)])
def test_hevc_takes_no_pictures_less_than_32_high(
    tmp_path: Path, colorizer: Colorizer, height: int, is_written: bool
) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=4, size=(height, 64)))
    options = VideoOptions(temporal="off", codec="hevc")
    if is_written:
        assert colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=options).frames == 4
        return
    with pytest.raises(VideoError, match=r"too small for hevc \(at least 16 x 32\)"):
        colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=options)


def test_results_are_not_overwritten_unasked(tmp_path: Path, colorizer: Colorizer) -> None:
    path, out = make_video(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    out.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="--overwrite"):
        colorize_video(path, out, colorizer=colorizer, options=OFF)
    assert out.read_bytes() == b"precious"


def test_an_encoder_that_is_missing_is_named(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video(tmp_path / "a.mp4")

    def missing(name: str, mode: str) -> None:
        raise ValueError(name)

    monkeypatch.setattr("av.Codec", missing)
    with pytest.raises(VideoError, match=r"no encoder libx264; choose another --codec: hevc, av1, vp9, ffv1"):
        colorize_video(path, tmp_path / "b.mp4", colorizer=colorizer, options=OFF)


def test_a_film_that_vanishes_keeps_the_finished_segments(
    tmp_path: Path, colorizer: Colorizer, short_segments: None
) -> None:
    path, out = make_video(tmp_path / "a.mp4", VideoRecipe(frames=30)), tmp_path / "b.mp4"
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


def test_a_full_disk_keeps_the_finished_segments(
    tmp_path: Path, colorizer: Colorizer, short_segments: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = make_video(tmp_path / "a.mp4", VideoRecipe(frames=40)), tmp_path / "b.mp4"
    from colorize.film import SegmentEncoder

    write, written = SegmentEncoder.write, []

    def full(self: SegmentEncoder, *arguments: Any) -> None:
        written.append(1)
        if len(written) == 25:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, *arguments)

    monkeypatch.setattr(SegmentEncoder, "write", full)
    with pytest.raises(OSError, match="No space"):
        colorize_video(path, out, colorizer=colorizer, options=OFF)
    assert not out.exists()
    assert colorize_video(path, out, colorizer=colorizer, options=OFF).resumed == 20
