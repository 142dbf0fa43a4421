"""The page's tabs without a browser, called by gradio_client: one photo, many photos, films."""

from __future__ import annotations

import errno
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from support.page import serve_page
from support.videos import VideoRecipe, make_video

from colorize.base import ImageError
from colorize.photo import read_photo
from colorize.web import WebSettings, previews


def chroma(path: str | Path) -> float:
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return float((picture.max(axis=-1) - picture.min(axis=-1)).mean())


class TestPhoto:
    def test_comes_back_in_its_own_format_with_what_belongs_to_it(self, client, tmp_path, scene):
        path = tmp_path / "aunt.tif"
        exif = Image.Exif()
        exif[0x010E] = "aunt"  # ImageDescription
        Image.fromarray(scene.astype(np.uint16) * 257).save(path, exif=exif, dpi=(300, 300))
        pair, file, status, command = client.predict(handle_file(str(path)), api_name="/colorize")
        result = read_photo(file)
        assert Path(file).name == "aunt_colorized.tif" and result.picture.dtype == np.uint16
        assert result.dpi == (300, 300) and b"aunt" in (result.exif or b"")
        assert "aunt_colorized.tif" in status and command == "colorize aunt.tif --weights small"
        before, after = (Image.open(part) for part in pair)  # what a browser can show of it
        assert before.format == after.format == "JPEG" and before.size == after.size == scene.shape[::-1]
        assert chroma(pair[0]) < 1 < 5 < chroma(pair[1])

    def test_a_hint_colours_its_place(self, client, grey_photo):
        _, file, _, command = client.predict(handle_file(str(grey_photo)), "60,45,#1030e0\n", api_name="/colorize")
        red, _, blue = np.asarray(Image.open(file)).astype(int)[43:48, 58:63].mean(axis=(0, 1))
        assert blue > red + 30
        assert "--hint '60,45,#1030e0'" in command

    def test_settings_arrive(self, client, grey_photo):
        _, file, *_ = client.predict(handle_file(str(grey_photo)), saturation=0, api_name="/colorize")
        assert chroma(file) < 1

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"hints": "600,45,#1030e0"}, "outside the photo"),
            ({"hints": "here"}, "x,y,#rrggbb"),
            ({"weights": "/etc/passwd"}, "no such weights here"),
            ({"strength": 7}, "strength"),
            ({"saturation": "much"}, "Saturation.*not a number"),
        ],
    )
    def test_a_wrong_request_is_an_error_with_a_reason(self, client, grey_photo, fields, words):
        with pytest.raises(AppError, match=words):
            client.predict(handle_file(str(grey_photo)), **fields, api_name="/colorize")

    def test_broken_files_and_films_are_errors_that_name_them(self, client, tmp_path):
        for name, words in (("broken.jpg", "broken.jpg: .*not a picture"), ("film.mp4", "film.mp4: a film")):
            path = tmp_path / name
            path.write_bytes(b"nothing")
            with pytest.raises(AppError, match=words):
                client.predict(handle_file(str(path)), api_name="/colorize")

    def test_a_photo_in_colour_is_coloured_when_forced(self, client, tmp_path):
        path = tmp_path / "colour.png"
        y, x = np.mgrid[:64, :64] * 4
        Image.fromarray(np.dstack([y, 255 - x, x]).astype(np.uint8)).save(path)
        pair, file, status, _ = client.predict(handle_file(str(path)), api_name="/colorize")
        assert pair is None and file is None and "in colour already" in status
        _, file, _, command = client.predict(handle_file(str(path)), force=True, api_name="/colorize")
        assert file and "--force" in command

    def test_a_reference_is_taken_and_named(self, client, grey_photo, tmp_path, scene):
        party = tmp_path / "party.png"
        y, x = np.mgrid[:64, :64] * 4
        Image.fromarray(np.dstack([y, 255 - x, x]).astype(np.uint8)).save(party)
        reference = {"reference": handle_file(str(party)), "api_name": "/colorize"}
        _, _, status, command = client.predict(handle_file(str(grey_photo)), **reference)
        assert "photo_colorized.jpg" in status and command.endswith("--reference party.png")
        grey = tmp_path / "grey.png"
        Image.fromarray(scene).save(grey)
        with pytest.raises(AppError, match=r"grey.png: a reference without colours"):
            client.predict(handle_file(str(grey_photo)), **{**reference, "reference": handle_file(str(grey))})

    def test_versions(self, client, grey_photo):
        fields = {"seed": 7, "api_name": "/colorize_versions"}
        pictures, files, _, command = client.predict(handle_file(str(grey_photo)), "60,45,#1030e0", **fields)
        assert [Path(file).name for file in files] == [f"photo_colorized_{number}.jpg" for number in (1, 2, 3, 4)]
        assert [entry["caption"] for entry in pictures] == [f"version {number}" for number in (1, 2, 3, 4)]
        arrays = [np.asarray(Image.open(file)).astype(int) for file in files]
        assert all(np.abs(arrays[0] - other).mean() > 0.5 for other in arrays[1:])
        assert command.endswith("--hint '60,45,#1030e0' --candidates 4 --seed 7")
        with pytest.raises(AppError, match="whole"):
            client.predict(handle_file(str(grey_photo)), seed="much", api_name="/colorize_versions")

    def test_no_job_stays(self, client, served, grey_photo):
        client.predict(handle_file(str(grey_photo)), api_name="/colorize")
        assert [path.name for path in served[1].jobs.folder.iterdir()] == ["page"]


class TestBatch:
    def test_a_bad_file_is_named_and_the_rest_go_on(self, client, tmp_path, scene):
        paths = []
        for folder in ("a", "b"):  # the same name twice
            (tmp_path / folder).mkdir()
            paths.append(tmp_path / folder / "aunt.png")
            Image.fromarray(scene).save(paths[-1])
        paths.insert(1, tmp_path / "broken.jpg")
        paths[1].write_bytes(b"nothing")
        pictures, archive, status, command = client.predict(
            [handle_file(str(p)) for p in paths], api_name="/colorize_many"
        )
        with zipfile.ZipFile(archive) as file:
            assert sorted(file.namelist()) == ["aunt_colorized (2).png", "aunt_colorized.png"]
            with Image.open(io.BytesIO(file.read("aunt_colorized.png"))) as image:
                assert image.size == scene.shape[::-1]
        assert [entry["caption"] for entry in pictures] == ["aunt.png", "aunt.png"]
        assert "2 of 3 photos coloured" in status and "broken.jpg: not a picture" in status
        assert command == "colorize aunt.png broken.jpg aunt.png --weights small -o coloured"

    def test_one_that_cannot_be_shown_is_in_the_zip_and_the_rest_go_on(self, client, tmp_path, scene, monkeypatch):
        def write(service, before, *arguments):
            if "aunt" in before.name:
                raise ImageError("a library crashed")
            write_pair(service, before, *arguments)

        write_pair = previews.write_pair
        monkeypatch.setattr("colorize.web.batch_tab.write_pair", write)
        paths = [tmp_path / "aunt.png", tmp_path / "uncle.png"]
        for path in paths:
            Image.fromarray(scene).save(path)
        pictures, archive, status, _ = client.predict([handle_file(str(p)) for p in paths], api_name="/colorize_many")
        with zipfile.ZipFile(archive) as file:
            assert file.namelist() == ["aunt_colorized.png", "uncle_colorized.png"]
        assert [entry["caption"] for entry in pictures] == ["uncle.png"]
        assert "2 of 2 photos coloured" in status and "aunt.png: coloured, but it cannot be shown here" in status

    def test_a_full_disk_is_told_in_a_line(self, client, served, tmp_path, scene, monkeypatch):
        def refuse(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        path = tmp_path / "aunt.png"
        Image.fromarray(scene).save(path)
        before = sorted(served[1].jobs.folder.glob("page/*/*.zip"))
        monkeypatch.setattr("colorize.web.batch_tab.zipfile.ZipFile.write", refuse)
        *_, archive, status, _ = client.predict([handle_file(str(path))], api_name="/colorize_many")
        assert archive is None and "the ZIP could not be written: No space left" in status
        assert sorted(served[1].jobs.folder.glob("page/*/*.zip")) == before
        monkeypatch.setattr("colorize.web.uploads.link_or_copy", refuse)
        *_, archive, status, _ = client.predict([handle_file(str(path))], api_name="/colorize_many")
        assert archive is None and "aunt.png: No space left on device" in status

    @pytest.mark.slow
    def test_waits_while_the_queue_is_full(self, small_network, tmp_path, scene, monkeypatch):
        monkeypatch.setattr("colorize.web.jobs.RETRY_SECONDS", 0.05)
        path = tmp_path / "aunt.png"
        Image.fromarray(scene).save(path)
        with serve_page(small_network, WebSettings(weights="small", max_queue=1)) as (url, service):
            client = Client(url, download_files=str(tmp_path), verbose=False, analytics_enabled=False)
            *_, status, _ = client.predict([handle_file(str(path))] * 5, api_name="/colorize_many")
            client.close()
        assert "5 of 5 photos coloured" in status
        assert not service.jobs.folder.exists()


class TestFilm:
    def test_sheet_and_film(self, client, tmp_path):
        video = make_video(tmp_path / "film.mkv", VideoRecipe(frames=20, sounds=["eng"]))
        Image.new("RGB", (64, 48), (200, 40, 40)).save(tmp_path / "look.png")
        reference = handle_file(str(tmp_path / "look.png"))
        sheet, _, command = client.predict(handle_file(str(video)), reference=reference, api_name="/preview_video")
        assert chroma(sheet) > 2 and command == "colorize film.mkv --weights small --reference look.png --preview 6"
        video, file, status, command = client.predict(handle_file(str(video)), end="0:00.5", api_name="/colorize_video")
        shown = video["video"] if isinstance(video, dict) else video
        assert Path(shown).read_bytes() == Path(file).read_bytes()  # nothing encodes it again
        assert Path(file).name == "film_colorized.mp4" in status
        assert command == "colorize film.mkv --weights small --end 0.5"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [({"start": "soon"}, "not a time"), ({"start": "9", "end": "3"}, "not after"), ({"temporal": "very"}, "very")],
    )
    def test_a_wrong_request_is_an_error_with_a_reason(self, client, tmp_path, fields, words):
        video = make_video(tmp_path / "film.mp4", VideoRecipe(frames=4))
        with pytest.raises(AppError, match=words):
            client.predict(handle_file(str(video)), **fields, api_name="/colorize_video")
