"""Segments on disk: whole or not there; and the command, killed outright, that goes on with them."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.command import said
from support.video_contents import read_frames
from support.videos import VideoRecipe, make_video

from colorize.base import VideoError
from colorize.engine import Colorizer
from colorize.film import SegmentStore, VideoOptions, colorize_video
from colorize.film.segments import FORMAT, MANIFEST, Segment, time_stamps

ROOT = Path(__file__).parents[2]
SETTINGS = {"version": "1", "weights": "abc", "settings": {"crf": 18.0, "span": ["0", None]}}


def add(store: SegmentStore, pts: list[int], last: bool = False, ends_scene: bool = False) -> Segment:
    store.unfinished_path(len(store.segments)).write_bytes(b"video")
    state = {"ab": np.ones((3, 4, 2), np.float32) * pts[0]}
    warnings = {**Segment().warnings, "damaged": [pts[0]]}
    segment = Segment(pts, [1] * len(pts), state, last, 2, warnings, ends_scene=last or ends_scene)
    store.add(segment)
    return segment


def test_finished_segments_are_found_again(tmp_path: Path) -> None:
    target = tmp_path / "b.mp4"
    store = SegmentStore(target)
    assert store.begin(SETTINGS) == ({}, None, False)
    first, second = add(store, [0, 1, 2]), add(store, [3, 4], last=True)
    again = SegmentStore(target)
    assert again.begin(SETTINGS) == ({}, None, False)
    for found, made in zip(again.segments, (first, second), strict=True):
        assert (list(found.pts), list(found.durations)) == (made.pts, made.durations[-1:])
        assert (found.last, found.reorder_delay, found.ends_scene) == (made.last, 2, made.ends_scene)
        assert {name: list(indices) for name, indices in found.warnings.items()} == {
            name: list(indices) for name, indices in made.warnings.items()
        }
    np.testing.assert_array_equal(again.segments[-1].state["ab"], second.state["ab"])
    assert not again.segments[0].state  # so that memory does not grow with the film
    again.remove()
    assert os.listdir(tmp_path) == []


def test_what_is_not_whole_is_thrown_away(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path / "b.mp4")
    store.begin(SETTINGS)
    for number in range(4):
        add(store, [number])
    record = store.video_path(2).with_suffix(".npz")
    record.write_bytes(record.read_bytes()[:100])
    store.unfinished_path(4).write_bytes(b"half")
    again = SegmentStore(tmp_path / "b.mp4")
    assert again.begin(SETTINGS).damaged == store.video_path(2)
    assert [list(found.pts) for found in again.segments] == [[0], [1]]
    assert sorted(os.listdir(store.folder)) == ["000000.npz", "000000.nut", "000001.npz", "000001.nut", MANIFEST]
    store.video_path(0).unlink()
    again.begin(SETTINGS)
    assert again.segments == []


def test_no_bit_of_a_record_is_lost_unseen(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path / "b.mp4")
    store.begin(SETTINGS)
    made = add(store, [5, 6, 7])
    record = store.video_path(0).with_suffix(".npz")
    content = record.read_bytes()
    for place in range(len(content) - 200, len(content)):  # the end of the ZIP's directory, which names the last arrays
        record.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        again = SegmentStore(tmp_path / "b.mp4")
        again.begin(SETTINGS)
        for found in again.segments:
            assert list(found.pts) == made.pts
            np.testing.assert_array_equal(found.state["ab"], made.state["ab"])


@pytest.mark.parametrize(
    "part",
    [{"processors": 5}, {"processors": [1]}, {"key_frames": []}, {"key_frames": {"x": "a"}}, {"key_frames": None}],
)
def test_a_manifest_with_a_part_of_another_kind_is_named(tmp_path: Path, part: dict) -> None:
    store = SegmentStore(tmp_path / "b.mp4")
    store.begin(SETTINGS)
    add(store, [0])
    manifest = store.folder / MANIFEST
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **part}))
    with pytest.raises(VideoError, match=r"manifest\.json: cannot be read \(.* is no .*remove the folder"):
        store.begin(SETTINGS)
    assert store.video_path(0).exists()


@pytest.mark.parametrize(
    ("key_frames", "first", "later", "gap_ends"),
    [
        ({"3": "a", "5": "b"}, [[0, 1], [2], [3, 4], [5], [6, 7]], [], None),  # as before
        ({"3": "a"}, [[0, 1], [2], [3, 4]], [[6, 7]], 6),
        ({"3": "new", "5": "b"}, [], [[5], [6, 7]], 5),
        ({"0": "new", "3": "a", "5": "new"}, [], [[6, 7]], 6),
        ({"3": "a", "5": "b", "7": "new"}, [[0, 1], [2], [3, 4], [5]], [], None),
        ({"3": "a", "5": "b", "9": "new"}, [[0, 1], [2], [3, 4], [5], [6, 7]], [], None),  # not reached yet
    ],
)
def test_other_key_frames_cost_their_scenes_alone(
    tmp_path: Path, key_frames: dict[str, str], first: list[list[int]], later: list[list[int]], gap_ends: int | None
) -> None:
    """The scenes are frames 0 to 4, in three segments, 5, and 6 to 7; more are to come."""
    former = {**SETTINGS, "key_frames": {"3": "a", "5": "b"}}
    store = SegmentStore(tmp_path / "b.mp4")
    store.begin(former)
    for pts in ([0, 1], [2], [3, 4], [5], [6, 7]):
        add(store, pts, ends_scene=pts[-1] in (4, 5, 7))
    for _ in range(2):  # the second time nothing is another than before
        store = SegmentStore(tmp_path / "b.mp4")
        store.begin({**SETTINGS, "key_frames": key_frames})
        assert [list(segment.pts) for segment in store.segments] == first
        assert [list(segment.pts) for segment in store.later.values()] == later
        assert store.take_later() == gap_ends
    if gap_ends is not None:
        missing = sorted({*range(8)} - {pts for found in first + later for pts in found})
        add(store, missing, ends_scene=True)
        assert store.take_later() is None
        assert [pts for segment in store.segments for pts in segment.pts] == list(range(8))
        again = SegmentStore(tmp_path / "b.mp4")
        again.begin({**SETTINGS, "key_frames": key_frames})
        assert [list(segment.pts) for segment in again.segments] == [list(segment.pts) for segment in store.segments]


def test_of_a_scene_that_is_coloured_anew_in_part_another_key_frame_costs_that_part_alone(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path / "b.mp4")
    store.begin({**SETTINGS, "key_frames": {"2": "a"}})
    for pts in range(6):
        add(store, [pts], ends_scene=pts in (1, 4, 5))
    store.begin({**SETTINGS, "key_frames": {"2": "b"}})
    add(store, [2])
    for key_frames, first in (({"2": "b"}, 3), ({"2": "b", "4": "c"}, 2)):  # the second lies in what is missing
        store = SegmentStore(tmp_path / "b.mp4")
        store.begin({**SETTINGS, "key_frames": key_frames})
        assert [list(segment.pts) for segment in store.segments] == [[pts] for pts in range(first)]
        assert list(store.later) == [5]


def test_segments_of_other_settings_are_not_used(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path / "b.mp4")
    store.begin(SETTINGS)
    add(store, [0])
    assert store.begin({**SETTINGS, "weights": "def"}).changes == {"weights": ("abc", "def")}
    assert store.segments == []
    add(store, [0])
    assert set(store.begin({**SETTINGS, "settings": {"crf": 20.0}}).changes) == {"weights", "settings"}


def test_the_manifest_says_which_processors_were_at_work(tmp_path: Path) -> None:
    store = SegmentStore(tmp_path / "b.mp4")
    for processor, names in (("AVX2", ["AVX2"]), ("AVX-512", ["AVX2", "AVX-512"]), ("AVX2", ["AVX2", "AVX-512"])):
        assert store.begin(SETTINGS, processor) == ({}, None, False)
        assert store.processors == json.loads((store.folder / MANIFEST).read_text())["processors"] == names
        add(store, [len(store.segments)])
    other = SegmentStore(tmp_path / "scene.mp4")
    other.begin(SETTINGS, "NEON")
    add(other, [3])
    store.adopt(other)
    assert SegmentStore(tmp_path / "b.mp4").begin(SETTINGS).changes == {}
    assert json.loads((store.folder / MANIFEST).read_text())["processors"] == ["AVX2", "AVX-512", "NEON"]
    store.begin({**SETTINGS, "weights": "def"}, "AVX2")
    assert store.processors == ["AVX2"]


@pytest.mark.parametrize(
    ("key", "value"), [("version", "0.9"), ("format", "colorize-segments/0"), ("format", "colorize-segments/10")]
)
def test_segments_of_another_version_stay(tmp_path: Path, key: str, value: str) -> None:
    store = SegmentStore(tmp_path / "b.mp4")
    store.begin(SETTINGS)
    add(store, [0])
    manifest = store.folder / MANIFEST
    content = json.loads(manifest.read_text())
    assert content["format"] == FORMAT
    manifest.write_text(json.dumps({**content, key: value}))
    with pytest.raises(VideoError, match=rf"b\.mp4\.segments: made by another version of colorize \({value} where"):
        store.begin(SETTINGS)
    assert store.video_path(0).exists()
    for content in ("{half", "[]", "5"):
        manifest.write_text(content)
        with pytest.raises(VideoError, match=r"manifest\.json: cannot be read"):
            store.begin(SETTINGS)
    assert store.video_path(0).exists()


# --- the command, killed ---------------------------------------------------------------------------------------------


def command_line(weights: Path, *arguments: object) -> list[str]:
    code = "import sys; from colorize.cli.command import main; sys.exit(main())"
    return [sys.executable, "-c", code, "--weights", str(weights), "--device", "cpu", *map(str, arguments)]


def start(weights: Path, *arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command_line(weights, *arguments), stderr=subprocess.PIPE, text=True, env=environment)


def wait_for_segments(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(list(folder.glob("*.npz"))) < count and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
@pytest.mark.parametrize("mode", ["fast", "best"])
def test_a_killed_command_goes_on_and_the_film_is_the_same(tmp_path: Path, weights_file: Path, mode: str) -> None:
    path = make_video(
        tmp_path / "a.mp4",
        VideoRecipe(frames=300, size=(96, 128), scene_cut=130, sounds=["eng"], rate=30),  # type: ignore[arg-type]
    )
    options = ["--temporal", mode, "-q"]
    colorizer = Colorizer(weights_file, device="cpu")
    colorize_video(path, tmp_path / "whole.mp4", colorizer=colorizer, options=VideoOptions(temporal=mode))
    out = tmp_path / "b.mp4"
    for count in (2, 5):
        process = start(weights_file, path, "-o", out, *options)
        wait_for_segments(tmp_path / "b.mp4.segments", count)
        process.kill()
        process.wait(60)
        assert not out.exists()
    process = start(weights_file, path, "-o", out, *options)
    _, err = process.communicate(timeout=300)
    assert (process.returncode, said(err)) == (0, "")
    times, frames = read_frames(out)
    expected_times, expected = read_frames(tmp_path / "whole.mp4")
    assert times == expected_times
    np.testing.assert_array_equal(frames, expected)
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4", "whole.mp4"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_finishes_the_segment_and_says_how_to_go_on(tmp_path: Path, weights_file: Path) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=600, size=(96, 128)))
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += (
        f"from colorize.cli.command import main; sys.exit(main([{str(path)!r}, '--weights', {str(weights_file)!r}]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=environment)
    wait_for_segments(tmp_path / "a_colorized.mp4.segments", 3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    lines = [line for line in said(err).splitlines() if line]
    assert process.returncode == 130, err
    assert lines[0] == "colorize: finishing the segment at work; Ctrl-C again ends at once"
    assert lines[1].startswith(f"colorize: {path}: stopped after ")
    assert lines[1].endswith(" of 600 frames; the same command goes on from there")
    again = start(weights_file, path, "-q")
    _, err = again.communicate(timeout=300)
    assert (again.returncode, said(err)) == (0, "")
    assert len(read_frames(tmp_path / "a_colorized.mp4")[0]) == 600


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="POSIX only")
def test_a_disk_that_fills_up_keeps_the_finished_segments(tmp_path: Path, weights_file: Path) -> None:
    path = make_video(tmp_path / "a.mp4", VideoRecipe(frames=300, size=(96, 128)))
    out = tmp_path / "b.mkv"
    code = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    code += "resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000)); "
    code += (
        f"from colorize.cli.command import main; sys.exit(main([{str(path)!r}, '-o', {str(out)!r}, '--codec', 'ffv1', "
    )
    code += f"'--weights', {str(weights_file)!r}]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    lines = said(done.stderr).splitlines()
    assert (done.returncode, len(lines)) == (1, 1), done.stderr
    assert "too large" in lines[0]  # EFBIG, which a quota gives
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux")
def test_memory_does_not_grow_with_the_film(tmp_path: Path, weights_file: Path) -> None:
    # What wait4 states would begin with this process's own memory.
    code = "import sys; from colorize.cli.command import main; status = main([sys.argv[1], '-q', '--device', 'cpu', "
    code += f"'--weights', {str(weights_file)!r}]); "
    code += "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))); "
    code += "sys.exit(status)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    peaks = []
    for frames in (300, 800):  # some 250 frames warm all buffers up
        path = make_video(tmp_path / f"{frames}.mp4", VideoRecipe(frames=frames, size=(240, 320)))
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] < peaks[0] * 1.1  # one plane of each frame would be a fifth more


@pytest.mark.parametrize(("unit", "most"), [(40, 3), (Fraction(1001, 24), 11)], ids=["equal steps", "rounded steps"])
def test_the_records_of_a_long_film_take_little_memory(tmp_path: Path, unit: Fraction, most: int) -> None:
    segments, frames = 20, 500
    store = SegmentStore(tmp_path / "b.mp4")
    store.begin(SETTINGS)
    stamps = [round(unit * index) for index in range(segments * frames)]
    for number in range(segments):
        add(store, stamps[number * frames : (number + 1) * frames], last=number == segments - 1)
    made = store.segments
    del store
    tracemalloc.start()
    again = SegmentStore(tmp_path / "b.mp4")
    again.begin(SETTINGS)
    gc.collect()  # reading the heads of records leaves cycles
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(time_stamps(again.segments)) == list(time_stamps(made)) == stamps
    assert size < most * segments * frames  # bytes; as Python's whole numbers time stamps alone take 30 or more
