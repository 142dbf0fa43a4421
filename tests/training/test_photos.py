"""The photo cache: decoded once, broken and grey photographs left out by name, folders and tars alike."""

from __future__ import annotations

import tarfile

import numpy as np
import pytest
from PIL import Image
from support.photos import write_photos

from training import photos as module
from training.photos import PhotosError, load_photos


def load(source, tmp_path, **settings):
    return load_photos([source], tmp_path / "cache", settings.pop("short_side", 48), progress=False, **settings)


def test_shapes_and_upright_photographs(tmp_path):
    paths = write_photos(tmp_path / "photos", 6)
    photos = load(tmp_path / "photos", tmp_path)
    assert photos.pixels.shape == (6, 48, 64, 3)
    assert photos.upright.tolist() == [True, False, False] * 2
    assert photos.extents.tolist() == [64] * 6
    with Image.open(paths[0]) as file:
        small = np.asarray(file.convert("RGB").resize((48, 64), Image.Resampling.BICUBIC), np.int16)
    assert np.abs(photos.pixels[0].swapaxes(0, 1) - small).mean() < 1


def test_a_square_photograph_repeats_its_edge(tmp_path):
    (path,) = write_photos(tmp_path / "photos", 1)
    with Image.open(path) as file:
        file.crop((0, 0, 90, 90)).save(path)
    photos = load(tmp_path / "photos", tmp_path)
    assert photos.extents.tolist() == [48]
    assert (photos.pixels[0, :, 48:] == photos.pixels[0, :, 47:48]).all()


def test_a_tar_equals_its_folder(tmp_path):
    write_photos(tmp_path / "photos", 4)
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(tmp_path / "photos", "photos")
    from_folder, from_tar = load(tmp_path / "photos", tmp_path), load(tmp_path / "photos.tar", tmp_path)
    assert sorted(map(bytes, from_folder.pixels)) == sorted(map(bytes, from_tar.pixels))


def test_broken_and_grey_photographs_are_named(tmp_path):
    folder = tmp_path / "photos"
    paths = write_photos(folder, 3)
    (folder / "broken.jpg").write_bytes(b"not a photograph")
    (folder / "cut.png").write_bytes(paths[0].read_bytes()[:500])
    Image.fromarray(np.arange(96 * 96, dtype=np.uint8).reshape(96, 96)).save(folder / "grey.png")
    photos = load(folder, tmp_path)
    assert len(photos) == 3
    assert sorted(name.rsplit(":")[-1] for name, _ in photos.bad) == ["broken.jpg", "cut.png"]
    assert [name.rsplit(":")[-1] for name in photos.dropped] == ["grey.png"]


def test_the_cache_is_used_and_noticed_when_stale(tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    paths = write_photos(folder, 3)
    load(folder, tmp_path)
    build, calls = module._build, []
    monkeypatch.setattr(module, "_build", lambda *args: (calls.append(1), build(*args)))
    load(folder, tmp_path)
    assert not calls
    load(folder, tmp_path, min_colourfulness=0)
    assert len(calls) == 1
    paths[0].unlink()
    assert len(load(folder, tmp_path)) == 2
    assert len(calls) == 2


def test_nothing_is_left_of_a_failed_cache(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(PhotosError, match=r"no usable photograph among 0 in .*photos"):
        load(tmp_path / "photos", tmp_path)
    assert list((tmp_path / "cache").iterdir()) == []


def test_missing_and_wrong_sources(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder or tar"):
        load(tmp_path / "nowhere", tmp_path)
    (tmp_path / "text.txt").write_text("text")
    with pytest.raises(PhotosError, match=r"text\.txt: neither a folder nor a tar"):
        load(tmp_path / "text.txt", tmp_path)


def test_two_runs_that_make_one_cache(tmp_path):
    """Started together, both decode; the one that is later takes what the other has made."""
    write_photos(tmp_path / "photos", 3)
    first = load(tmp_path / "photos", tmp_path)
    (made,) = (tmp_path / "cache").iterdir()
    module._build([tmp_path / "photos"], made, 48, 8.0, False)
    assert list((tmp_path / "cache").iterdir()) == [made]
    assert (load(tmp_path / "photos", tmp_path).pixels == first.pixels).all()
