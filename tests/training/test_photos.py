"""The photo cache: decoded once, broken and grey photographs left out by name, folders and tars alike."""

from __future__ import annotations

import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting

import numpy as np
import pytest
from PIL import Image
from support.photos import write_photos

from training import photos as module
from training.photos import PhotosError, iterate_files, load_photos


def caches(tmp_path):
    """Return all that lies in the folder of the caches but the lock that runs wait for."""
    found = set((tmp_path / "cache").iterdir())
    return sorted(found - {tmp_path / "cache" / ".lock"})


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


def test_the_cache_is_used_and_noticed_when_stale(tmp_path):
    folder = tmp_path / "photos"
    paths = write_photos(folder, 3)
    load(folder, tmp_path)
    before = paths[1].stat()
    paths[1].write_bytes(bytes(before.st_size))  # broken, but of the same size and time
    os.utime(paths[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(load(folder, tmp_path)) == 3, "not decoded again"
    assert len(load(folder, tmp_path, min_colourfulness=0)) == 2, "decoded anew with other settings"
    paths[0].unlink()
    assert len(load(folder, tmp_path)) == 1, "decoded anew for other files"


def test_nothing_is_left_of_a_failed_cache(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(PhotosError, match=r" 0 in .*photos"):
        load(tmp_path / "photos", tmp_path)
    assert caches(tmp_path) == []


def test_missing_and_wrong_sources(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*no such"):
        load(tmp_path / "nowhere", tmp_path)
    (tmp_path / "text.txt").write_text("text")
    with pytest.raises(PhotosError, match=r"text\.txt.*tar"):
        load(tmp_path / "text.txt", tmp_path)


def test_two_runs_that_make_one_cache(tmp_path, monkeypatch):
    """One decodes; the other waits, and takes what the first has made, or makes its own where its settings differ."""
    write_photos(tmp_path / "photos", 3)
    waiting = []

    def met(source):
        waiting.append(others.submit(load, tmp_path / "photos", tmp_path))
        waiting.append(others.submit(load, tmp_path / "photos", tmp_path, short_side=32))
        for other in waiting:
            with pytest.raises(StillWaiting):
                other.result(timeout=0.1)
        monkeypatch.setattr(module, "iterate_files", lambda source: decoded.append(source) or iterate_files(source))
        yield from iterate_files(source)

    decoded = []  # after the first
    monkeypatch.setattr(module, "iterate_files", met)
    with ThreadPoolExecutor(2) as others:
        first = load(tmp_path / "photos", tmp_path)
        same, smaller = (other.result() for other in waiting)
    assert (same.pixels == first.pixels).all()
    assert len(decoded) == 1
    assert smaller.pixels.shape[1] == 32
    assert len(caches(tmp_path)) == 2


def test_what_a_killed_run_has_left_is_removed(tmp_path):
    write_photos(tmp_path / "photos", 3)
    for name in ("0123456789abcdef.4711.tmp", "0123456789abcdef.tmp"):  # a former version's name, and today's
        (tmp_path / "cache" / name).mkdir(parents=True)
        (tmp_path / "cache" / name / "pixels.raw").write_bytes(bytes(1000))
    load(tmp_path / "photos", tmp_path)
    (made,) = caches(tmp_path)
    assert sorted(path.name for path in made.iterdir()) == ["index.json", "pixels.raw"]


def test_a_link_that_leads_nowhere_stops_no_other_photograph(tmp_path):
    source = tmp_path / "photos"
    source.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(source / "a.png")
    (source / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert len(load_photos([source], tmp_path / "cache", 32, progress=False)) == 1
