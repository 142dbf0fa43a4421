"""Isolation: a decoder that crashes costs its file; the others are coloured as without it, byte for byte."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support import crashing
from support.photo_files import save_picture
from support.videos import VideoRecipe, make_video

from colorize.base import WorkerProcess
from colorize.batch import (
    FileOptions,
    Isolation,
    Job,
    Outcome,
    PhotoOptions,
    colorize_files,
    colorize_photo,
    isolation,
)
from colorize.cli import command, main
from colorize.engine import Colorizer, RuntimeSettings
from colorize.film import Progress


@pytest.fixture
def isolated(weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Isolation]:
    """Processes in which decoders crash at files that have a mark in their names."""
    monkeypatch.setattr(isolation, "configure_process", crashing.with_crashing_readers)
    monkeypatch.setattr(isolation, "_load", crashing.with_crashing_films)
    with Isolation(RuntimeSettings(weights=str(weights_file), threads=1)) as processes:
        yield processes


class Turns(threading.Semaphore):
    """A semaphore that counts how often it was taken."""

    taken = 0

    def __enter__(self) -> bool:
        self.taken += 1
        return super().__enter__()


def results(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def jobs(sources: list[Path], folder: Path) -> list[Job]:
    folder.mkdir(exist_ok=True)
    return [Job(source, folder / source.name) for source in sources]


def test_a_crash_costs_its_photo(tmp_path: Path, colorizer: Colorizer, isolated: Isolation) -> None:
    sources = []
    for number in range(6):
        name = f"{number}-{crashing.MARK}.png" if number in (1, 2, 5) else f"{number}.png"
        sources.append(save_picture(tmp_path / name, number * 30))
    outcomes = list(colorize_files(colorizer, jobs(sources, tmp_path / "out"), None, isolated))
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "failed", "done", "done", "failed"]
    for outcome in outcomes:
        if outcome.status == "failed":
            assert outcome.message == (
                f"{outcome.source}: a library crashed while it was read (SIGSEGV); get it anew, or convert it with "
                "another program"
            )
    assert sorted(results(tmp_path / "out")) == ["0.png", "3.png", "4.png"]


def test_photos_are_those_of_one_process(
    tmp_path: Path, colorizer: Colorizer, isolated: Isolation, scene: np.ndarray
) -> None:
    save_picture(tmp_path / "grey.png", scene)
    save_picture(tmp_path / "deep.png", scene.astype(np.uint16) * 257)
    save_picture(tmp_path / "photo.jpg", scene)
    with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
        for page in range(4):
            file.write(np.roll(scene, page, axis=0), photometric="minisblack")
    (tmp_path / "broken.png").write_bytes((tmp_path / "grey.png").read_bytes()[:-60])
    sources = sorted(path for path in tmp_path.iterdir() if path.is_file())
    plain = list(colorize_files(colorizer, jobs(sources, tmp_path / "plain")))
    apart = list(colorize_files(colorizer, jobs(sources, tmp_path / "apart"), None, isolated))
    assert [outcome.status for outcome in apart] == [outcome.status for outcome in plain]
    assert [each.message.replace("apart", "plain") for each in apart] == [each.message for each in plain]
    assert results(tmp_path / "apart") == results(tmp_path / "plain")
    assert len(results(tmp_path / "apart")) == 4
    turns = Turns(1)
    (tmp_path / "alone").mkdir()
    alone = [
        colorize_photo(colorizer, job, FileOptions(), isolated, turns) for job in jobs(sources, tmp_path / "alone")
    ]
    assert [each.message.replace("alone", "plain") for each in alone] == [each.message for each in plain]
    assert results(tmp_path / "alone") == results(tmp_path / "plain")
    assert turns.taken == 7, "one of each picture and page"


def test_pages_outlive_the_crash_of_another_photo(
    tmp_path: Path, colorizer: Colorizer, isolated: Isolation, scene: np.ndarray
) -> None:
    with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
        for page in range(6):
            file.write(np.roll(scene, page, axis=0), photometric="minisblack")
    sources = [tmp_path / "pages.tif"]
    sources += [save_picture(tmp_path / f"{number}-{crashing.MARK}.png", number) for number in range(4)]
    list(colorize_files(colorizer, jobs(sources[:1], tmp_path / "plain")))
    outcomes = list(colorize_files(colorizer, jobs(sources, tmp_path / "apart"), None, isolated))
    assert [outcome.status for outcome in outcomes] == ["done", *["failed"] * 4]
    assert results(tmp_path / "apart") == results(tmp_path / "plain")


def test_a_reference_that_crashes_is_named(
    tmp_path: Path, colorizer: Colorizer, isolated: Isolation, scene: np.ndarray
) -> None:
    photo = save_picture(tmp_path / "a.png", scene)
    reference = save_picture(tmp_path / f"{crashing.MARK}.png", np.dstack([scene, scene // 2, scene // 3]))
    options = FileOptions(photo=PhotoOptions(references=[reference]))
    (outcome,) = colorize_files(colorizer, jobs([photo], tmp_path / "out"), options, isolated)
    assert outcome.status == "failed" and f"{reference}: a library crashed" in outcome.message


class TestFilms:
    @pytest.fixture
    def loaded(self, weights_file: Path) -> Colorizer:
        return Colorizer(str(weights_file), threads=1)

    def test_a_crash_costs_its_film(self, tmp_path: Path, loaded: Colorizer, isolated: Isolation) -> None:
        recipe = VideoRecipe(frames=12, size=(48, 64))
        sources = [make_video(tmp_path / f"{name}.mp4", recipe) for name in ("a", f"b-{crashing.MARK}", "c")]
        sources.append(save_picture(tmp_path / "d.png", 90))
        plain = list(colorize_files(loaded, jobs([sources[0]], tmp_path / "plain")))
        outcomes = list(colorize_files(loaded, jobs(sources, tmp_path / "out"), None, isolated))
        assert [outcome.status for outcome in (*plain, *outcomes)] == ["done", "done", "failed", "done", "done"]
        assert outcomes[1].message.startswith(f"{sources[1]}: a library crashed while it was read (SIGSEGV)")
        found = results(tmp_path / "out")
        assert sorted(found) == ["a.mp4", "c.mp4", "d.png"]
        assert found["a.mp4"] == results(tmp_path / "plain")["a.mp4"]

    def test_progress_is_told_and_a_film_can_be_stopped(
        self, tmp_path: Path, loaded: Colorizer, isolated: Isolation
    ) -> None:
        import threading

        film = make_video(tmp_path / "film.mp4", VideoRecipe(frames=400, size=(48, 64)))
        cancel, seen = threading.Event(), []

        def progress(path: Path, each: Progress) -> None:
            seen.append((path, each.done))
            cancel.set()

        options = FileOptions(progress=progress, cancel=cancel)
        job = Job(film, tmp_path / "out.mp4")
        (outcome,) = colorize_files(loaded, iter([job]), options, isolated)
        assert outcome.status == "stopped" and seen and {path for path, _ in seen} == {film}
        cancel.clear()
        (outcome,) = colorize_files(loaded, [job], FileOptions(), isolated)
        assert outcome.status == "done"


def test_the_command_isolates_several_files_alone(
    tmp_path: Path, weights_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(isolation, "configure_process", crashing.with_crashing_readers)
    started = []
    start = WorkerProcess.start
    monkeypatch.setattr(WorkerProcess, "start", lambda process: (started.append(process), start(process))[1])
    good, bad = save_picture(tmp_path / "a.png", 40), save_picture(tmp_path / f"b-{crashing.MARK}.png", 90)
    words = ["--weights", str(weights_file), "-o", str(tmp_path / "out")]
    assert main([str(good), *words]) == 0 and not started
    assert main([str(good), str(bad), "--overwrite", *words]) == 1 and started
    assert f"{bad}: a library crashed while it was read (SIGSEGV)" in capsys.readouterr().err
    assert sorted(results(tmp_path / "out")) == ["a.png"]


def test_films_alone_need_no_network_in_this_process(
    tmp_path: Path, weights_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    recipe = VideoRecipe(frames=6, size=(48, 64))
    films = [str(make_video(tmp_path / name, recipe)) for name in ("a.mp4", f"b-{crashing.MARK}.mp4", "c.mkv")]
    words = ["--weights", str(weights_file), "--overwrite"]
    assert main([films[0], "-o", str(tmp_path / "alone" / "a.mp4"), *words]) == 0
    monkeypatch.setattr(isolation, "_load", crashing.with_crashing_films)
    monkeypatch.setattr(command, "load_colorizer", None)  # which is not called
    assert main([*films, "-o", str(tmp_path / "out"), *words]) == 1
    assert f"{films[1]}: a library crashed while it was read (SIGSEGV)" in capsys.readouterr().err
    found = results(tmp_path / "out")
    assert sorted(found) == ["a.mp4", "c.mkv"]
    assert found["a.mp4"] == (tmp_path / "alone" / "a.mp4").read_bytes()


def test_weights_that_cannot_be_used_are_said_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    films = [str(make_video(tmp_path / name, VideoRecipe(frames=2, size=(48, 64)))) for name in ("a.mp4", "b.mp4")]
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"no weights")
    said = []
    for files in (films[:1], films):
        assert main([*files, "-o", str(tmp_path / "out"), "--weights", str(weights)]) == 1
        said.append(capsys.readouterr().err)
    assert said[0] == said[1] and str(weights) in said[0] and said[0].count("\n") == 1
    assert not list((tmp_path / "out").glob("**/*"))


def test_an_outcome_that_crosses_processes_keeps_its_error_as_text(tmp_path: Path) -> None:
    try:
        crashing.fail("broken")
    except ValueError as error:
        outcome = Outcome(tmp_path, "failed", "a line", error).portable()
    assert "ValueError: broken" in str(outcome.error) and outcome.message == "a line"


@pytest.mark.skipif(os.name != "posix", reason="a signal that asks whether a process is there")
def test_a_second_process_that_reads_ends_though_files_keep_coming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "PATIENCE", 0.05)
    with Isolation(RuntimeSettings(threads=1), idle_seconds=0.5) as processes:
        first = processes.call(tmp_path, crashing.pid)
        thread = threading.Thread(target=processes.call, args=(tmp_path, time.sleep, 2.0))
        thread.start()
        time.sleep(0.2)
        second = processes.call(tmp_path, crashing.pid)  # the first has something to do
        assert second != first
        processes.call(tmp_path, time.sleep, 2.5)  # so that it is the last that has read
        thread.join()
        deadline = time.monotonic() + 30
        while crashing.is_alive(second):
            assert time.monotonic() < deadline
            processes.call(tmp_path, crashing.pid)
            time.sleep(0.02)
        assert processes.call(tmp_path, crashing.pid) == first
