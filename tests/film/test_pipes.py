"""Frames through pipes: Y4M and NUT in and out, what is cut off, and who stops reading."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.command import said
from support.video_contents import read_frames
from support.videos import VideoRecipe, make_video

from colorize.base import VideoError
from colorize.cli import main
from colorize.engine import Colorizer
from colorize.film import Progress, VideoOptions, VideoStopped, colorize_video

ROOT = Path(__file__).parents[2]
OFF = VideoOptions(temporal="off")
SIZE = (48, 64)
PLANES = SIZE[0] * SIZE[1] * 3 // 2  # bytes of a frame


def grey(index: int) -> np.ndarray:
    return VideoRecipe(size=SIZE).grey(index)


def y4m(frames: int, parameters: str = "F24:1 Ip A1:1 C420jpeg", frame_mark: bytes = b"FRAME\n") -> bytes:
    """Return a grey stream."""
    chroma = bytes([128]) * (SIZE[0] * SIZE[1] // 2)
    header = f"YUV4MPEG2 W{SIZE[1]} H{SIZE[0]} {parameters}\n".encode()
    return header + b"".join(frame_mark + grey(index).tobytes() + chroma for index in range(frames))


def wait_for(happens: Callable[[], bool]) -> None:
    """Wait until something is so, a minute at most."""
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def read_y4m(stream: bytes) -> tuple[list[str], np.ndarray]:
    """Return the parameters of a stream of 8 bits and 4:2:0, and the luma (n, h, w) of its frames."""
    header, _, data = stream.partition(b"\n")
    marked = np.frombuffer(data, np.uint8).reshape(-1, len(b"FRAME\n") + PLANES)
    assert bytes(marked[0, :6]) == b"FRAME\n"
    return header.decode().split(" "), marked[:, 6 : 6 + SIZE[0] * SIZE[1]].reshape(-1, *SIZE)


@pytest.fixture
def pipe_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """A function that lets bytes come through the standard input."""

    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return give


def test_frames_go_through_as_y4m(
    pipe_in: Callable[[bytes], None], capfdbinary: pytest.CaptureFixture[bytes], colorizer: Colorizer
) -> None:
    pipe_in(y4m(30, "F24000:1001 Ip A4:3 C420jpeg"))
    result = colorize_video("-", "-", colorizer=colorizer, options=OFF)
    parameters, luma = read_y4m(capfdbinary.readouterr().out)
    assert result.frames == 30
    assert {"F24000:1001", "A4:3", "Ip", "XCOLORRANGE=LIMITED"} <= set(parameters)
    expected = np.stack([grey(index) for index in range(30)])
    assert np.abs(luma.astype(int) - expected).mean() < 8  # luma follows the colours, so that lightness stays


def test_a_grey_stream_without_strength_comes_out_level_by_level(
    pipe_in: Callable[[bytes], None], capfdbinary: pytest.CaptureFixture[bytes], colorizer: Colorizer
) -> None:
    pipe_in(y4m(3))
    colorize_video("-", "-", colorizer=colorizer.adjusted(strength=0), options=OFF)
    np.testing.assert_array_equal(read_y4m(capfdbinary.readouterr().out)[1], np.stack([grey(i) for i in range(3)]))


@pytest.mark.parametrize("order", ["t", "b"])
def test_interlaced_streams_stay_so(
    pipe_in: Callable[[bytes], None], capfdbinary: pytest.CaptureFixture[bytes], colorizer: Colorizer, order: str
) -> None:
    pipe_in(y4m(2, f"F25:1 I{order} A1:1 C420jpeg"))
    colorize_video("-", "-", colorizer=colorizer, options=OFF)
    assert f"I{order}" in read_y4m(capfdbinary.readouterr().out)[0]


def test_nut_keeps_the_times_of_its_frames(
    pipe_in: Callable[[bytes], None],
    capfdbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
    colorizer: Colorizer,
) -> None:
    pts = [0, 3000, 6000, 15000, 18000, 21000]  # of a rate that varies
    recipe = VideoRecipe(pts=pts, codec="ffv1", rate=Fraction(30))
    pipe_in(make_video(tmp_path / "a.nut", recipe).read_bytes())
    colorize_video("-", "-", colorizer=colorizer, options=OFF)
    with av.open(io.BytesIO(capfdbinary.readouterr().out)) as result:
        assert result.format.name == "nut"
        times = [frame.time for frame in result.decode(video=0)]
    assert times == pytest.approx([each / 90_000 for each in pts], abs=1e-4)


@pytest.mark.parametrize("rate_varies", [False, True])
def test_a_file_goes_into_a_pipe(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path, colorizer: Colorizer, rate_varies: bool
) -> None:
    recipe = VideoRecipe(frames=8, pts=[0, 3000, 9000, 10500, 24000, 27000] if rate_varies else None)
    path = make_video(tmp_path / "a.mkv", recipe)
    colorize_video(path, "-", colorizer=colorizer, options=OFF)
    out = capfdbinary.readouterr().out
    assert out.startswith(b"nut/multimedia" if rate_varies else b"YUV4MPEG2")
    with av.open(io.BytesIO(out)) as result:
        assert len(list(result.decode(video=0))) == len(recipe.frame_pts())


@pytest.mark.parametrize(("gap", "is_named"), [(0, False), (1, False), (30, True)])
@pytest.mark.usefixtures("capfdbinary")
def test_a_gap_that_y4m_cannot_state_is_named(tmp_path: Path, colorizer: Colorizer, gap: int, is_named: bool) -> None:
    pts = [(index + gap * (index >= 270)) * 3000 for index in range(280)]  # behind what tells the rate
    path = make_video(tmp_path / "a.mkv", VideoRecipe(pts=pts, size=(16, 16)))
    notes = colorize_video(path, "-", colorizer=colorizer, options=OFF).notes
    assert ["1.00 s off" in note for note in notes] == [True] * is_named


def test_a_pipe_goes_into_a_file(pipe_in: Callable[[bytes], None], tmp_path: Path, colorizer: Colorizer) -> None:
    pipe_in(y4m(12))
    out = tmp_path / "b.mkv"
    result = colorize_video("-", out, colorizer=colorizer, options=OFF)
    times, _ = read_frames(out)
    assert (result.frames, result.resumed, result.cut_off) == (12, 0, None)
    assert times == pytest.approx([index / 24 for index in range(12)], abs=1e-3)
    assert os.listdir(tmp_path) == ["b.mkv"]


def test_numbered_frames_of_a_stopped_pipe_do_not_promise_to_go_on(
    pipe_in: Callable[[bytes], None], tmp_path: Path, colorizer: Colorizer
) -> None:
    pipe_in(y4m(90))
    cancel = threading.Event()

    def stop(progress: Progress) -> None:
        if progress.done:
            cancel.set()

    with pytest.raises(VideoStopped, match=r"stopped after \d+ frames; a pipe cannot be gone on from"):
        colorize_video("-", tmp_path / "a_%d.png", colorizer=colorizer, options=OFF, progress=stop, cancel=cancel)


@pytest.mark.parametrize("sounds", [[], ["eng"]])
@pytest.mark.usefixtures("capfdbinary")
def test_the_sound_of_a_file_that_goes_into_a_pipe_is_named(
    tmp_path: Path, colorizer: Colorizer, sounds: list[str]
) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=2, sounds=sounds))
    notes = colorize_video(path, "-", colorizer=colorizer, options=OFF).notes
    assert ["sound" in note for note in notes] == [True] * len(sounds)


def test_start_and_end_hold_for_pipes(
    pipe_in: Callable[[bytes], None], capfdbinary: pytest.CaptureFixture[bytes], colorizer: Colorizer
) -> None:
    pipe_in(y4m(24))
    options = VideoOptions(temporal="off", start=0.25, end=0.5)
    strengthless = colorizer.adjusted(strength=0)
    assert colorize_video("-", "-", colorizer=strengthless, options=options).frames == 6
    np.testing.assert_array_equal(read_y4m(capfdbinary.readouterr().out)[1][0], grey(6))


def test_frames_before_the_start_count_among_the_whole_ones_of_a_stream_that_is_cut_off(
    pipe_in: Callable[[bytes], None], tmp_path: Path, colorizer: Colorizer
) -> None:
    pipe_in(y4m(24)[:-1])
    options = VideoOptions(temporal="off", start=0.25)
    result = colorize_video("-", tmp_path / "a.mkv", colorizer=colorizer, options=options)
    assert result.frames == 17
    assert result.cut_off and "after 23 whole ones" in result.cut_off


@pytest.mark.parametrize("missing", [1, PLANES - 1, PLANES + 3])
def test_a_stream_that_is_cut_off_is_named(
    pipe_in: Callable[[bytes], None], capfdbinary: pytest.CaptureFixture[bytes], colorizer: Colorizer, missing: int
) -> None:
    pipe_in(y4m(5)[:-missing])
    result = colorize_video("-", "-", colorizer=colorizer, options=OFF)
    assert (result.frames, len(read_y4m(capfdbinary.readouterr().out)[1])) == (4, 4)
    assert result.cut_off is not None and "cut off" in result.cut_off and "4" in result.cut_off


@pytest.mark.parametrize(("data", "word"), [(b"", "nothing"), (b"Dear aunt, " * 99, "neither"), (y4m(1)[:-9], "first")])
def test_what_is_no_stream_is_named(
    pipe_in: Callable[[bytes], None], colorizer: Colorizer, data: bytes, word: str
) -> None:
    pipe_in(data)
    with pytest.raises(VideoError, match=f"-: .*{word}"):
        colorize_video("-", "-", colorizer=colorizer, options=OFF)


@contextmanager
def broken_stdout() -> Iterator[None]:
    """Let the standard output be a pipe whose reader goes after the first bytes."""
    read_end, write_end = os.pipe()
    saved = os.dup(1)
    os.dup2(write_end, 1)
    os.close(write_end)

    def read_a_little() -> None:
        os.read(read_end, 100)
        os.close(read_end)

    reader = threading.Thread(target=read_a_little)
    reader.start()
    try:
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        reader.join()


@pytest.mark.usefixtures("own_process_settings")
def test_a_reader_that_has_gone_ends_the_command_without_a_word(
    pipe_in: Callable[[bytes], None], capsys: pytest.CaptureFixture[str], weights_file: Path
) -> None:
    pipe_in(y4m(60))
    with broken_stdout():
        status = main(["--weights", str(weights_file), "--device", "cpu", "--temporal", "off", "-", "-o", "-"])
    assert status == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["-"], "-o"),
        (["-", "film.mp4", "-o", "-"], "alone"),
        (["photo.jpg", "-o", "-"], "photo.jpg"),
        (["-", "-o", "frames.jpg"], "-o"),
        (["-", "-o", "-", "--preview", "4"], "--preview"),
    ],
)
def test_what_no_pipe_can_do_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], pipe_in: Callable[[bytes], None], arguments: list[str], word: str
) -> None:
    pipe_in(b"")
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    assert word in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("stalled", ["writer", "reader"])
def test_a_second_ctrl_c_ends_at_once_whoever_is_at_the_other_end_of_the_pipe(
    tmp_path: Path, weights_file: Path, stalled: str
) -> None:
    path = make_video(tmp_path / "a.mkv", VideoRecipe(frames=200, size=(96, 128)))
    files = ["-", "-o", str(tmp_path / "b.mkv")] if stalled == "writer" else [str(path), "-o", "-"]
    # A shell starts background jobs with Ctrl-C ignored, which a child inherits: here it is to be heard.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += f"from colorize.cli.command import main; sys.exit(main([*{files!r}, '--weights', {str(weights_file)!r}]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words, pipe = [sys.executable, "-c", code], subprocess.PIPE
    process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    assert process.stdin and process.stdout and process.stderr
    try:
        if stalled == "writer":
            process.stdin.write(y4m(40))
            process.stdin.flush()
            wait_for(lambda: any(tmp_path.glob("b.mkv.segments/0*.unfinished")))
        else:
            assert process.stdout.read(1) == b"Y"
        time.sleep(2)  # until all wait for the pipe
        process.send_signal(signal.SIGINT)
        said_first = iter(process.stderr.readline, b"")
        assert any(b"Ctrl-C again ends at once" in line for line in said_first)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        lines = process.stderr.read().decode().splitlines()
    finally:
        process.kill()
        process.communicate()
    assert lines[-1] == "colorize: interrupted; a pipe cannot be gone on from"
    assert os.listdir(tmp_path) == ["a.mkv"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("frames", [0, 1], ids=["nothing", "half a frame"])
def test_ctrl_c_ends_a_command_to_which_nothing_comes(tmp_path: Path, weights_file: Path, frames: int) -> None:
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += f"from colorize.cli.command import main; sys.exit(main(['-', '-o', {str(tmp_path / 'b.mkv')!r}, "
    code += f"'--weights', {str(weights_file)!r}]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stderr=pipe, env=environment)
    assert process.stdin and process.stderr
    try:
        process.stdin.write(y4m(frames)[: 1500 * frames])
        process.stdin.flush()
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        err = process.stderr.read().decode()
    finally:
        process.kill()
        process.communicate()
    assert said(err) == "colorize: interrupted; a pipe cannot be gone on from\n"
    assert os.listdir(tmp_path) == []
