"""References of files: of a whole run, beside a photo, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.photo_files import save_picture

from colorize.base import ImageError
from colorize.batch import FileOptions, Job, Outcome, PhotoOptions, colorize_files, plan
from colorize.color import lab_to_rgb, rgb_to_lab, rgb_to_lightness
from colorize.engine import Colorizer, read_reference_photo
from colorize.photo import Photo, read_image


def painted(scene: np.ndarray, ab: tuple[float, float]) -> np.ndarray:
    """Return a picture in one colour, which is paler in every second stripe."""
    lightness = 30 + 0.5 * rgb_to_lightness(np.dstack([scene] * 3))
    stripes = np.where(np.arange(len(scene)) // 15 % 2, 0.5, 1)[:, None, None] * np.ones((*scene.shape, 1)) * ab
    return lab_to_rgb(np.dstack([lightness, stripes]).astype(np.float32))


def mean_ab(path: Path) -> np.ndarray:
    return rgb_to_lab(read_image(path))[..., 1:].mean(axis=(0, 1))


def colored(colorizer: Colorizer, folder: Path, *references: Path) -> dict[str, Outcome]:
    planned = plan([folder])
    jobs = [job for job in planned if isinstance(job, Job)]
    options = FileOptions(photo=PhotoOptions(references=references, batch_size=2))
    outcomes = [*(each for each in planned if isinstance(each, Outcome)), *colorize_files(colorizer, jobs, options)]
    return {outcome.source.name: outcome for outcome in outcomes}


def test_one_reference_serves_a_folder_and_one_beside_a_photo_serves_that(
    tmp_path: Path, colorizer: Colorizer, scene: np.ndarray
) -> None:
    album = tmp_path / "album"
    album.mkdir()
    green = save_picture(tmp_path / "green.png", painted(scene, (-40, 35)))
    grey = rgb_to_lightness(painted(scene, (0, 0)))
    for name in ("a.png", "b.png", "c.png"):
        save_picture(album / name, np.round(grey * 2.55).astype(np.uint8))
    save_picture(album / "b.ref.PNG", painted(scene, (45, 25)))
    outcomes = colored(colorizer, album, green)
    assert {name: outcome.status for name, outcome in outcomes.items()} == dict.fromkeys(
        ("a.png", "b.png", "c.png"), "done"
    )
    assert mean_ab(album / "a_colorized.png")[0] < -8 and mean_ab(album / "c_colorized.png")[0] < -8
    assert mean_ab(album / "b_colorized.png")[0] > 8


@pytest.mark.parametrize("kind", ["grey", "damaged", "missing"])
def test_a_bad_reference_is_named_and_costs_nothing(
    tmp_path: Path, colorizer: Colorizer, scene: np.ndarray, kind: str
) -> None:
    album = tmp_path / "album"
    album.mkdir()
    save_picture(album / "a.png", scene)
    reference = tmp_path / "look.png"
    if kind == "grey":
        save_picture(reference, scene)
    elif kind == "damaged":
        reference.write_bytes(b"Dear aunt,")
    outcome = colored(colorizer, album, reference)["a.png"]
    assert outcome.status == "failed" and "look.png" in outcome.message and "\n" not in outcome.message
    assert [path.name for path in album.iterdir()] == ["a.png"]


def test_a_reference_by_its_name_without_its_photo_is_a_failure(tmp_path: Path, scene: np.ndarray) -> None:
    save_picture(tmp_path / "a.ref.png", painted(scene, (45, 25)))
    save_picture(tmp_path / "b.png", scene)
    for inputs in ([tmp_path], [tmp_path / "*.png"]):
        job, lonely = plan(inputs)
        assert isinstance(job, Job) and job.source.name == "b.png"
        assert isinstance(lonely, Outcome) and lonely.status == "failed" and "a.ref.png" in lonely.message
    (named,) = plan([tmp_path / "a.ref.png"])
    assert isinstance(named, Job)  # a file that is named itself is taken


def test_a_reference_that_goes_between_the_pages_costs_its_file_alone(
    tmp_path: Path, colorizer: Colorizer, scene: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Image.fromarray(scene), Image.fromarray(scene[::-1].copy())
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    save_picture(tmp_path / "b.png", scene)
    save_picture(tmp_path / "a.ref.png", painted(scene, (-40, 35)))
    real, seen = read_reference_photo, []

    def read(path: Path) -> Photo:
        seen.append(path)
        if len(seen) > 1:
            raise ImageError(f"{path}: no such file")
        return real(path)

    monkeypatch.setattr("colorize.batch.references.read_reference_photo", read)
    outcomes = colored(colorizer, tmp_path)
    assert {name: outcome.status for name, outcome in outcomes.items()} == {"a.tif": "failed", "b.png": "done"}
    assert "a.ref.png" in outcomes["a.tif"].message
