"""Plans for photos and films: which are found, where their results go, and what cannot be planned."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from support.photo_files import save_picture

from colorize.batch import FileOptions, Job, Outcome, PhotoOptions, colorize_files, numbered_frames, plan
from colorize.batch.jobs import STRETCH
from colorize.engine import Colorizer


def targets(planned: list[Job | Outcome]) -> dict[str, str]:
    return {job.source.name: job.target.name for job in planned if isinstance(job, Job)}


def test_results_lie_beside_their_photos(tmp_path: Path) -> None:
    photo = save_picture(tmp_path / "aunt meta ü.jpg")
    assert plan([photo]) == [Job(photo, tmp_path / "aunt meta ü_colorized.jpg")]


def test_a_folder_gives_its_photos_and_with_r_those_below(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt", ".hidden.jpg", "a_colorized.JPG", "sub/c.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert targets(plan([tmp_path])) == {"a.JPG": "a_colorized.JPG", "b.png": "b_colorized.png"}
    assert set(targets(plan([tmp_path], recursive=True))) == {"a.JPG", "b.png", "c.tif"}


def test_films_are_found_and_keep_their_container_where_it_is_written(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.MKV", "c.avi", "d.jpg", "a_colorized.mp4", "a_colorized.mp4.segments/000000.nut"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    planned = plan([tmp_path], recursive=True, suffix=".png")
    expected = {"a.mp4": "a_colorized.mp4", "b.MKV": "b_colorized.MKV", "c.avi": "c_colorized.mp4"}
    assert targets(planned) == {**expected, "d.jpg": "d_colorized.png"}
    assert [job.is_video for job in planned if isinstance(job, Job)] == [True, True, True, False]
    assert plan([tmp_path / "a.mp4"], tmp_path / "x.webm") == [Job(tmp_path / "a.mp4", tmp_path / "x.webm")]


def test_an_output_folder_mirrors_the_tree(tmp_path: Path) -> None:
    save_picture(tmp_path / "in/x/a.jpg")
    save_picture(tmp_path / "in/y/a.jpg")
    planned = plan([tmp_path / "in"], tmp_path / "out", recursive=True)
    assert [job.target for job in planned if isinstance(job, Job)] == [
        tmp_path / "out/x/a.jpg",
        tmp_path / "out/y/a.jpg",
    ]


def test_a_format_changes_the_suffix(tmp_path: Path) -> None:
    photo = save_picture(tmp_path / "a.jpg")
    assert targets(plan([photo], suffix=".png")) == {"a.jpg": "a_colorized.png"}


def test_an_output_file_is_taken_as_it_is(tmp_path: Path) -> None:
    photo = save_picture(tmp_path / "a.jpg")
    assert plan([photo], tmp_path / "b.png") == [Job(photo, tmp_path / "b.png")]


def test_patterns_are_expanded(tmp_path: Path) -> None:
    save_picture(tmp_path / "a1.jpg")
    save_picture(tmp_path / "a2.jpg")
    save_picture(tmp_path / "b.jpg")
    assert set(targets(plan([str(tmp_path / "a*.jpg")]))) == {"a1.jpg", "a2.jpg"}
    odd = save_picture(tmp_path / "[1999] x?.jpg")  # a name that looks like a pattern is a name
    assert plan([odd])[0].source == odd


NAMES = (
    "a_colorized_photos.jpg",
    "my_colorized album 1.jpg",
    "b_colorized.jpg",
    "b_colorized_2.jpg",
    "b_colorized_sheet.jpg",
)


def test_folders_and_patterns_leave_out_what_ends_as_results_do(tmp_path: Path) -> None:
    for name in NAMES:
        save_picture(tmp_path / name)
    assert list(targets(plan([tmp_path]))) == list(NAMES[:2])
    assert list(targets(plan([str(tmp_path / "*.jpg")]))) == list(NAMES[:2])


def test_a_result_that_is_named_itself_is_taken(tmp_path: Path) -> None:
    results = [save_picture(tmp_path / name) for name in NAMES[2:]]
    assert [job.source for job in plan(results)] == results
    (outcome,) = plan([str(tmp_path / "b_*.jpg")])
    assert isinstance(outcome, Outcome)
    assert "b_*.jpg" in outcome.message and "results" in outcome.message


def test_two_photos_never_share_a_result(tmp_path: Path) -> None:
    save_picture(tmp_path / "a.jpg")
    save_picture(tmp_path / "a.png")
    first, second = plan([tmp_path], suffix=".tif")
    assert isinstance(first, Job)
    assert isinstance(second, Outcome)
    assert "is already that of" in second.message


def test_a_photo_that_is_named_twice_is_coloured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_picture(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    other = f"../{tmp_path.name}/a.png"
    (tmp_path / "link").symlink_to(tmp_path)
    named = (["a.png", "a.png"], [tmp_path / "a.png", tmp_path], ["./a.png", "*.png"])
    for twice in (*named, ["a.png", tmp_path / "a.png"], [tmp_path, other], ["link/a.png", "a.png"]):
        first, second = plan(twice)
        assert isinstance(first, Job)
        assert isinstance(second, Outcome)
        assert second.status == "skipped" and "named twice" in second.message


def test_a_pattern_gives_files_folder_by_folder(tmp_path: Path) -> None:
    files = [save_picture(tmp_path / name) for name in ("a/b.png", "a/b/c.png", "a b/c.png", "a.png")]
    jobs = plan([str(tmp_path / "**" / "*.png")])
    assert [job.source for job in jobs] == sorted(files)


def test_three_results_of_one_name(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.png", "a.webp"):
        save_picture(tmp_path / name)
    entries = plan([tmp_path], suffix=".tif")
    assert [type(entry) for entry in entries] == [Job, Outcome, Outcome, Job]
    assert all(f"already that of {tmp_path / 'a.jpg'}" in entry.message for entry in entries[1:3])  # type: ignore[union-attr]


def test_a_plan_is_a_sequence(tmp_path: Path) -> None:
    photos = [save_picture(tmp_path / name) for name in ("a/1.png", "a/2.png", "b/1.png", "c/1.png", "c/2.png")]
    planned = plan([*photos[:2], tmp_path / "none", *photos[2:]], tmp_path / "out")
    entries = list(planned)
    assert len(planned) == 6 and isinstance(entries[2], Job)  # a file that is missing fails when it is read
    assert [planned[number] for number in range(6)] == [planned[number - 6] for number in range(6)] == entries
    assert planned[1:6:2] == entries[1:6:2]
    with pytest.raises(IndexError):
        planned[6]
    assert planned == plan([*photos[:2], tmp_path / "none", *photos[2:]], tmp_path / "out")


def test_entries_of_a_long_plan_are_found_by_their_place(tmp_path: Path) -> None:
    named: list[str | Path] = [tmp_path / f"{number}.png" for number in range(3 * STRETCH)]
    for place in (0, STRETCH - 1, STRETCH + 1, 2 * STRETCH + 7):
        named.insert(place, "")  # an outcome
    planned = plan(named, tmp_path / "out", suffix=".tif")
    assert len(planned) == len(named)
    for number, (given, entry) in enumerate(zip(named, planned, strict=True)):
        if given:
            assert entry == Job(Path(given), tmp_path / "out" / Path(given).with_suffix(".tif").name)
        else:
            assert isinstance(entry, Outcome)
        assert planned[number] == entry


def test_a_large_folder_is_planned_in_little_memory(tmp_path: Path) -> None:
    photo = save_picture(tmp_path / "photo.png")
    count = 1000
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        for number in range(count):
            (tmp_path / folder / f"{number:04} a photograph of the box.png").hardlink_to(photo)
    plan([tmp_path / "first"], tmp_path / "out")  # with what is imported for it
    tracemalloc.start()
    planned = plan([tmp_path / "second"], tmp_path / "out")
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(planned) == count
    assert size < 70 * count  # a job with its two paths takes ten times as much
    assert peak < 250 * count


def test_the_output_folder_may_be_the_photos_own(tmp_path: Path) -> None:
    photo = save_picture(tmp_path / "a.jpg")
    assert plan([photo], tmp_path) == [Job(photo, tmp_path / "a_colorized.jpg")]


def test_a_name_too_long_is_a_failure_not_a_crash(tmp_path: Path, colorizer: Colorizer) -> None:
    (failure,) = plan([tmp_path / ("x" * 300)])
    assert isinstance(failure, Outcome)
    assert "too long" in failure.message
    photo = save_picture(tmp_path / f"{'x' * 248}.png")  # its result's name is too long
    (outcome,) = colorize_files(colorizer, [job for job in plan([photo]) if isinstance(job, Job)])
    assert outcome.status == "failed"
    assert "too long" in outcome.message


def test_inputs_without_photos_are_failures(tmp_path: Path) -> None:
    empty, nothing = plan([tmp_path, str(tmp_path / "*.jpg")])
    assert isinstance(empty, Outcome)
    assert "without photos; -r looks" in empty.message
    assert isinstance(nothing, Outcome)
    assert "no file has such a name" in nothing.message


def test_a_name_with_a_null_byte_is_a_failure(tmp_path: Path) -> None:
    photo = save_picture(tmp_path / "a.png")
    failure, job = plan([tmp_path / "no\0name.png", photo])
    assert isinstance(failure, Outcome) and failure.status == "failed" and "null byte" in failure.message
    assert isinstance(job, Job) and job.source == photo


def test_an_empty_name_is_not_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_picture(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    (outcome,) = plan([""])
    assert isinstance(outcome, Outcome) and outcome.status == "failed" and "empty" in outcome.message
    assert targets(plan(["."])) == {"a.png": "a_colorized.png"}


def test_what_lies_in_the_folder_of_results_is_not_coloured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "sub/b.png", "out/a.png", "out/sub/b.png"):
        save_picture(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    sources = {Path("a.png"), Path("sub/b.png")}
    for given in (".", "**/*.png"):
        planned = plan([given], Path("out"), recursive=True)
        assert {job.source for job in planned if isinstance(job, Job)} == sources and len(planned) == 2
    for named in ("out", "out/*.png"):  # who names it means it
        planned = plan([named], Path("out"))
        assert [job.target for job in planned if isinstance(job, Job)] == [Path("out/a_colorized.png")]


def overwriting(**options: object) -> FileOptions:
    return FileOptions(photo=PhotoOptions(overwrite=True, **options))  # type: ignore[arg-type]


def test_no_result_replaces_what_is_to_be_coloured_itself(tmp_path: Path) -> None:
    first, second = (save_picture(tmp_path / folder / "x.png") for folder in ("a", "b"))
    other = Job(second, tmp_path / "b/x_colorized.png")
    assert plan([first.parent, second.parent], second.parent) == [Job(first, second), other]  # nothing is replaced
    failure, kept = plan([first.parent, second.parent], second.parent, options=overwriting())
    assert isinstance(failure, Outcome) and failure.status == "failed" and kept == other
    assert str(first) in failure.message and f"would replace {second}" in failure.message
    assert len([job for job in plan([first], second.parent, options=overwriting()) if isinstance(job, Job)]) == 1


def test_all_candidates_are_looked_at_for_what_they_would_replace(tmp_path: Path) -> None:
    first, second = save_picture(tmp_path / "a/x.png"), save_picture(tmp_path / "b/x_2.png")
    failure, kept = plan([first, second.parent], second.parent, options=overwriting(candidates=2))
    assert isinstance(failure, Outcome) and str(second) in failure.message and isinstance(kept, Job)


def test_former_results_that_are_named_too_may_be_replaced(tmp_path: Path) -> None:
    photo, result = (save_picture(tmp_path / name) for name in ("a.png", "a_colorized.png"))
    planned = plan([photo, result], options=overwriting())  # as a shell names *.png the second time
    assert [job.target.name for job in planned if isinstance(job, Job)] == [
        "a_colorized.png",
        "a_colorized_colorized.png",
    ]


def test_two_previews_never_share_a_name(tmp_path: Path) -> None:
    films = [tmp_path / "a.mp4", tmp_path / "a.mkv"]
    assert [type(entry) for entry in plan(films)] == [Job, Job]
    first, second = plan(films, options=FileOptions(preview=2))
    assert isinstance(first, Job) and isinstance(second, Outcome) and "a_preview_colorized.jpg" in second.message


def forbid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let no folder of a name be read, as of another user."""
    real: Callable = os.scandir

    def scandir(path: object = ".") -> object:
        if os.path.basename(os.fspath(path)) == name:  # type: ignore[call-overload]
            raise PermissionError(13, "Permission denied", os.fspath(path))  # type: ignore[call-overload]
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_that_cannot_be_read_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = save_picture(tmp_path / "open/a.png")
    save_picture(tmp_path / "locked/b.png")
    forbid(monkeypatch, "locked")
    job, failure = plan([tmp_path], recursive=True)
    assert isinstance(job, Job) and job.source == photo
    for found in (failure, *plan([tmp_path / "locked"]), *plan([tmp_path / "locked"], sequence=True)):
        assert isinstance(found, Outcome) and found.status == "failed"
        assert str(tmp_path / "locked") in found.message and "permission denied" in found.message
    assert numbered_frames([tmp_path / "locked"]) == []


def test_a_name_that_looks_like_numbered_frames_is_a_photos(tmp_path: Path, colorizer: Colorizer) -> None:
    names = ("50%discount.png", "caf%d7.png")  # the second as browsers write an accent
    jobs = plan([save_picture(tmp_path / name) for name in names])
    assert [job.is_video for job in jobs if isinstance(job, Job)] == [False, False]
    outcomes = list(colorize_files(colorizer, [job for job in jobs if isinstance(job, Job)]))
    assert [outcome.status for outcome in outcomes] == ["done", "done"]
    assert sorted(path.name for path in tmp_path.glob("*_colorized.png")) == [
        "50%discount_colorized.png",
        "caf%d7_colorized.png",
    ]
