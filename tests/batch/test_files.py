"""Many files: what is coloured, what is never overwritten, and one bad file that stops nothing."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import tifffile
from support.photo_files import save_picture
from support.videos import VideoRecipe, make_video

from colorize.batch import FileOptions, Job, Outcome, PhotoOptions, colorize_files, plan
from colorize.color import Floats
from colorize.engine import Colorizer, Hint
from colorize.film import VideoOptions
from colorize.network import Network
from colorize.photo import read_image, read_photo, read_photos


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.source.name: outcome.status for outcome in outcomes}


@pytest.mark.parametrize("batch_size", [1, 3])
def test_one_bad_file_stops_nothing(tmp_path: Path, colorizer: Colorizer, batch_size: int) -> None:
    for index in range(7):
        save_picture(tmp_path / f"{index}.png", index * 30)
    (tmp_path / "3.png").write_bytes(b"Dear aunt,")
    planned = plan([tmp_path])
    jobs = [job for job in planned if isinstance(job, Job)]
    outcomes = list(colorize_files(colorizer, jobs, FileOptions(photo=PhotoOptions(batch_size=batch_size))))
    assert [outcome.source.name for outcome in outcomes] == [f"{index}.png" for index in range(7)]
    assert statuses(outcomes) == {f"{i}.png": "failed" if i == 3 else "done" for i in range(7)}
    assert len(os.listdir(tmp_path)) == 7 + 6
    for index in (0, 6):
        assert read_image(tmp_path / f"{index}_colorized.png").shape == (20, 30, 3)


class OddError(Exception):
    """As ONNX Runtime's, of which no two have a class in common."""


class MoodyNetwork:
    """A network that gives up where one of its pictures is bright."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def encode(self, inputs: Floats, *others: Any) -> Any:
        if inputs.max() > 0.5:
            raise OddError("it gives up")
        return self._network.encode(inputs, *others)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_an_error_of_the_network_ends_its_photo_alone(tmp_path: Path, small_network: Network, batch_size: int) -> None:
    sources = [
        save_picture(tmp_path / f"{number}.png", level) for number, level in enumerate((40, 60, 250, 80, 90, 70))
    ]
    jobs = [Job(source, tmp_path / "out" / source.name) for source in sources]
    colorizer = Colorizer(MoodyNetwork(small_network), render_size=32)
    outcomes = list(colorize_files(colorizer, jobs, FileOptions(photo=PhotoOptions(batch_size=batch_size))))
    assert [outcome.status for outcome in outcomes] == ["done", "done", "failed", "done", "done", "done"]
    assert outcomes[2].message.startswith(f"{sources[2]}: ") and "it gives up" in outcomes[2].message
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "3.png", "4.png", "5.png"]


class PairedNetwork:
    """A network of which two pictures are computed side by side, or none."""

    pictures_at_once = 2

    def __init__(self, network: Network) -> None:
        self._network = network
        self._both = threading.Barrier(2)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def encode(self, inputs: Floats, *others: Any) -> Any:
        self._both.wait(timeout=60)
        return self._network.encode(inputs, *others)


def test_photos_are_coloured_side_by_side_and_end_in_order(tmp_path: Path, small_network: Network) -> None:
    """As many as the network likes, whatever their shapes."""
    pictures = [np.full((30 + 20 * (number % 3), 40), 40 + 20 * number, np.uint8) for number in range(6)]
    jobs = [
        Job(save_picture(tmp_path / f"{number}.png", picture), tmp_path / "out" / f"{number}.png")
        for number, picture in enumerate(pictures)
    ]
    colorizer = Colorizer(PairedNetwork(small_network), render_size=32)
    outcomes = list(colorize_files(colorizer, jobs))
    assert [(outcome.source, outcome.status) for outcome in outcomes] == [(job.source, "done") for job in jobs]
    alone = Colorizer(small_network, render_size=32)
    for job, picture in zip(jobs, pictures, strict=True):
        np.testing.assert_array_equal(read_image(job.target), alone(picture))


def test_results_equal_single_calls(tmp_path: Path, colorizer: Colorizer, scene: np.ndarray) -> None:
    save_picture(tmp_path / "a.png", scene)
    list(colorize_files(colorizer, [Job(tmp_path / "a.png", tmp_path / "b.png")]))
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), colorizer(scene))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_grey_photo_with_a_stamp_is_coloured_and_the_stamp_named(
    tmp_path: Path, colorizer: Colorizer, scene: np.ndarray, name: str
) -> None:
    stamped = np.dstack([scene] * 3)
    height, width = (side // 7 for side in scene.shape)
    stamped[3 : 3 + height, 3 : 3 + width] = (40, 60, 160)
    pages = [scene, stamped] if name == "a.tif" else [stamped]
    if name == "a.tif":
        with tifffile.TiffWriter(tmp_path / name) as file:
            for page in pages:
                file.write(page, photometric="minisblack" if page.ndim == 2 else "rgb")
    else:
        save_picture(tmp_path / name, stamped)
    (outcome,) = colorize_files(colorizer, [Job(tmp_path / name, tmp_path / f"b{name}")])
    assert outcome.status == "done"
    assert [name in note and "coloured part" in note for note in outcome.notes] == [True]
    forced = FileOptions(force=True, photo=PhotoOptions(overwrite=True))
    (outcome,) = colorize_files(colorizer, [Job(tmp_path / name, tmp_path / f"b{name}")], forced)
    assert (outcome.status, outcome.notes) == ("done", ())


def test_more_photos_than_fit_at_once(tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorize.batch.photo_pipeline.MAX_PIXELS_IN_FLIGHT", 1000)
    for index in range(5):
        save_picture(tmp_path / f"{index}.png")  # 600 pixels each
    jobs = [job for job in plan([tmp_path]) if isinstance(job, Job)]
    assert [outcome.status for outcome in colorize_files(colorizer, jobs)] == ["done"] * 5


def test_nothing_is_overwritten_unasked(tmp_path: Path, colorizer: Colorizer) -> None:
    photo, result = save_picture(tmp_path / "a.png"), tmp_path / "b.png"
    result.write_bytes(b"precious")
    (refused,) = colorize_files(colorizer, [Job(photo, result)])
    assert refused.status == "failed"
    assert "--overwrite" in refused.message
    (skipped,) = colorize_files(colorizer, [Job(photo, result)], FileOptions(skip_existing=True))
    assert skipped.status == "skipped"
    assert result.read_bytes() == b"precious"
    (done,) = colorize_files(colorizer, [Job(photo, result)], FileOptions(photo=PhotoOptions(overwrite=True)))
    assert done.status == "done"
    assert read_image(result).shape == (20, 30, 3)


@pytest.mark.parametrize("names", [("a.png", "b.png"), ("a.mp4", "b.mp4")], ids=["photo", "film"])
def test_photos_and_films_heed_the_same_rules_of_results(
    tmp_path: Path, colorizer: Colorizer, names: tuple[str, str]
) -> None:
    source, target = (tmp_path / name for name in names)
    source.write_bytes(b"Dear aunt,")
    target.write_bytes(b"precious")
    options = FileOptions(photo=PhotoOptions(overwrite=True), video=VideoOptions(overwrite=True))
    for job, given, status, words in (
        (Job(source, target), FileOptions(), "failed", [str(target), "--overwrite", "--skip-existing"]),
        (Job(source, target), FileOptions(skip_existing=True), "skipped", [str(target), "exists"]),
        (Job(source, source), options, "failed", [str(source), "itself", "-o"]),
        (Job(source, source), FileOptions(skip_existing=True), "failed", [str(source), "itself", "-o"]),
    ):
        (outcome,) = colorize_files(colorizer, [job], given)
        assert outcome.status == status and all(word in outcome.message for word in words), outcome
    assert (source.read_bytes(), target.read_bytes()) == (b"Dear aunt,", b"precious")


def test_a_preview_heeds_them_too(tmp_path: Path, colorizer: Colorizer) -> None:
    (tmp_path / "a_preview_colorized.jpg").write_bytes(b"precious")
    job = Job(tmp_path / "a.mp4", tmp_path / "a_colorized.mp4")
    (refused,) = colorize_files(colorizer, [job], FileOptions(preview=2))
    (skipped,) = colorize_files(colorizer, [job], FileOptions(preview=2, skip_existing=True))
    assert (refused.status, skipped.status) == ("failed", "skipped") and "--overwrite" in refused.message


def test_the_photo_itself_is_never_overwritten(tmp_path: Path, colorizer: Colorizer) -> None:
    photo = save_picture(tmp_path / "a.png")
    before = photo.read_bytes()
    link, hard = tmp_path / "link.png", tmp_path / "hard.png"
    link.symlink_to(photo)
    os.link(photo, hard)
    for target in (photo, link, hard):
        (outcome,) = colorize_files(colorizer, [Job(photo, target)], FileOptions(photo=PhotoOptions(overwrite=True)))
        assert outcome.status == "failed"
        assert "would replace the photo itself" in outcome.message
    assert photo.read_bytes() == before


def test_a_linked_photo_is_coloured(tmp_path: Path, colorizer: Colorizer) -> None:
    photo = save_picture(tmp_path / "real/a.png")
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    (outcome,) = colorize_files(colorizer, [job for job in plan([link]) if isinstance(job, Job)])
    assert outcome.status == "done"
    assert (tmp_path / "link_colorized.png").exists()


def test_colour_photos_are_skipped_unless_forced(tmp_path: Path, colorizer: Colorizer) -> None:
    photo = save_picture(tmp_path / "a.png", skimage.data.astronaut()[::8, ::8])
    job = Job(photo, tmp_path / "b.png")
    (outcome,) = colorize_files(colorizer, [job])
    assert outcome.status == "skipped"
    assert "--force" in outcome.message
    (outcome,) = colorize_files(colorizer, [job], FileOptions(force=True))
    assert outcome.status == "done"


def test_hints_are_used_and_checked(tmp_path: Path, colorizer: Colorizer, scene: np.ndarray) -> None:
    photo = save_picture(tmp_path / "a.png", scene)
    plain, hinted = tmp_path / "p.png", tmp_path / "h.png"
    list(colorize_files(colorizer, [Job(photo, plain)]))
    list(
        colorize_files(
            colorizer, [Job(photo, hinted)], FileOptions(photo=PhotoOptions(hints=[Hint(60, 45, "#ff0000", 20)]))
        )
    )
    assert (read_image(plain) != read_image(hinted)).any()
    options = FileOptions(photo=PhotoOptions(hints=[Hint(500, 5, "#ff0000")]))
    (outcome,) = colorize_files(colorizer, [Job(photo, tmp_path / "n.png")], options)
    assert outcome.status == "failed"
    assert str(photo) in outcome.message
    assert "outside the photo" in outcome.message


def test_hints_are_not_dropped_for_films(tmp_path: Path, colorizer: Colorizer) -> None:
    film, result = make_video(tmp_path / "a.mp4", VideoRecipe(frames=2)), tmp_path / "b.mp4"
    options = FileOptions(photo=PhotoOptions(hints=[Hint(1, 1, "#ff0000")]))
    (outcome,) = colorize_files(colorizer, [Job(film, result)], options)
    assert outcome.status == "skipped" and "a.mp4" in outcome.message and "hint" in outcome.message
    assert not result.exists()


def test_the_ai_label_can_be_left_out(tmp_path: Path, colorizer: Colorizer) -> None:
    photo = save_picture(tmp_path / "a.png")
    list(colorize_files(colorizer, [Job(photo, tmp_path / "l.png")]))
    list(colorize_files(colorizer, [Job(photo, tmp_path / "n.png")], FileOptions(photo=PhotoOptions(ai_label=False))))
    assert b"AI-colorized" in (read_photo(tmp_path / "l.png").exif or b"")
    unlabelled = read_photo(tmp_path / "n.png")
    assert unlabelled.exif is None
    assert unlabelled.xmp is None


def test_every_page_is_coloured_and_colour_pages_stay(tmp_path: Path, colorizer: Colorizer, scene: np.ndarray) -> None:
    colour = np.ascontiguousarray(skimage.data.coffee()[::8, ::8])
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(scene, photometric="minisblack")
        writer.write(colour, photometric="rgb")
        writer.write(scene.astype(np.uint16) * 257, photometric="minisblack")
    (outcome,) = colorize_files(colorizer, [Job(tmp_path / "a.tif", tmp_path / "b.tif")])
    assert outcome.status == "done"
    first, second, third = read_photos(tmp_path / "b.tif")
    np.testing.assert_array_equal(first.picture, colorizer(scene))
    np.testing.assert_array_equal(second.picture, colour)
    assert third.picture.dtype == np.uint16
    (outcome,) = colorize_files(colorizer, [Job(tmp_path / "a.tif", tmp_path / "b.png")])
    assert outcome.status == "failed"
    assert "write a TIFF" in outcome.message
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("options", [{}, {"candidates": 2}, {"candidates": 2, "sheet": True}])
def test_what_is_left_out_of_a_photo_is_said(
    tmp_path: Path, colorizer: Colorizer, scene: np.ndarray, options: dict[str, Any], count: int
) -> None:
    if count > 1 and options:
        pytest.skip("candidates take one page")
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for _ in range(count):
            pixels = np.dstack([scene, scene])
            writer.write(pixels, photometric="minisblack", planarconfig="contig", extrasamples=["unspecified"])
    job = Job(tmp_path / "a.tif", tmp_path / "b.tif")
    (outcome,) = colorize_files(colorizer, [job], FileOptions(photo=PhotoOptions(**options)))
    assert outcome.status == "done"
    assert len(outcome.notes) == count
    assert all("a.tif" in note and "infrared" in note for note in outcome.notes)


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "no permission"), (errno.EROFS, "no permission")],
)
def test_a_disk_that_refuses_is_named(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    photo = save_picture(tmp_path / "a.png")

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("colorize.photo.writer.encode", refuse)
    (outcome,) = colorize_files(colorizer, [Job(photo, tmp_path / "b.png")])
    assert outcome.status == "failed"
    assert words in outcome.message
    assert str(tmp_path / "b.png") in outcome.message
    assert os.listdir(tmp_path) == ["a.png"]


def test_memory_that_runs_out_is_an_error_not_a_grey_picture(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = save_picture(tmp_path / "a.png")

    def refuse(*_arguments: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(colorizer, "predict_ab", refuse)
    (outcome,) = colorize_files(colorizer, [Job(photo, tmp_path / "b.png")])
    assert outcome.status == "failed"
    assert "not enough memory" in outcome.message
    assert not (tmp_path / "b.png").exists()


def test_photos_and_films_are_done_in_order(tmp_path: Path, colorizer: Colorizer) -> None:
    save_picture(tmp_path / "1.png")
    make_video(tmp_path / "2.mp4", VideoRecipe(frames=4))
    save_picture(tmp_path / "3.png")
    jobs = [job for job in plan([tmp_path]) if isinstance(job, Job)]
    reported: list[str] = []
    options = FileOptions(progress=lambda path, progress: reported.append(f"{path.name} {progress.done}"))
    outcomes = list(colorize_files(colorizer, jobs, options))
    assert [(outcome.source.name, outcome.status) for outcome in outcomes] == [
        ("1.png", "done"),
        ("2.mp4", "done"),
        ("3.png", "done"),
    ]
    assert reported == ["2.mp4 0", "2.mp4 1", "2.mp4 2", "2.mp4 3", "2.mp4 4", "2.mp4 4"]


def test_a_film_that_is_stopped_or_cut_off_is_reported(tmp_path: Path, colorizer: Colorizer) -> None:
    whole = make_video(tmp_path / "whole.mkv", VideoRecipe(frames=120, codec="ffv1"))
    cancel = threading.Event()
    cancel.set()
    job = Job(whole, tmp_path / "out.mkv")
    assert list(colorize_files(colorizer, [job], FileOptions(cancel=cancel))) == []
    cancel.clear()
    options = FileOptions(cancel=cancel, progress=lambda _path, progress: cancel.set() if progress.done else None)
    (outcome,) = colorize_files(colorizer, [job, job], options)
    assert outcome.status == "stopped"
    assert "the same command goes on" in outcome.message
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (outcome,) = colorize_files(colorizer, [Job(cut, tmp_path / "b.mkv")])
    assert outcome.status == "failed"
    assert "cut off" in outcome.message
    assert (tmp_path / "b.mkv").exists()


def test_leaving_early_leaves_only_whole_files(tmp_path: Path, colorizer: Colorizer) -> None:
    for index in range(30):
        save_picture(tmp_path / f"{index:02d}.png")
    jobs = [Job(path, tmp_path / "out" / path.name) for path in sorted(tmp_path.glob("*.png"))]
    outcomes = colorize_files(colorizer, jobs)
    next(outcomes)
    outcomes.close()
    written = os.listdir(tmp_path / "out")
    assert 1 <= len(written) < 30
    for name in written:
        assert read_image(tmp_path / "out" / name).shape == (20, 30, 3)
